"""Tables as LaTeX: they are escaped, and compile where there is a LaTeX."""

import re
import shutil
import subprocess

import pandas as pd
import pytest

from bench.report.latex import escaped, latex
from bench.report.load import load
from bench.report.method_table import method_table
from bench.report.sections import sections
from bench.report.tables import Table, exit_table

NASTY = '100% & $5 #1 a_b {x} ~ ^ \\ <|> "q" − ± × — …'


def table(**shown):
    full = pd.DataFrame({"dataset": ["d_1"], "run": ["0123456789abcdef"]})
    return Table("d_1-x", "A & B", "50 %.", full, pd.DataFrame({name: [text] for name, text in shown.items()}))


def test_special_letters_are_escaped():
    text = escaped(NASTY)
    # What is left after the escapes are taken out is nothing that LaTeX would read as a command.
    rest = re.sub(r"\\text[a-z]+\{\}|\\ldots\{\}|\$\\?[a-z-]+\$|\\[%&$#_{}]", "", text)
    assert not set('%&$#_{}~^\\<>|"') & set(rest)
    assert r"100\% \& \$5 \#1 a\_b \{x\}" in text


def test_numbers_stand_to_the_right_and_the_origin_on_top():
    text = latex(table(**{"method": "[a]", "mAP (%)": "1.0 ± 0.5"}))
    first, *_ = text.splitlines()
    assert first.startswith("% ")
    assert "d_1, runs 01234567" in first
    assert "d_1-x.csv" in first
    assert r"\begin{tabular}{lr}" in text
    assert r"{[}a] & 1.0 $\pm$ 0.5 \\" in text
    assert r"\caption{A \& B. 50 \%.}" in text
    assert r"\label{tab:d-1-x}" in text
    for rule in ("toprule", "midrule", "bottomrule"):
        assert text.count(rf"\{rule}") == 1


def test_every_row_has_every_column(write_run):
    write_run()
    write_run(seed=1)
    (section,) = sections(load(write_run.results))
    for made in (exit_table(section), method_table(section)):
        rows = [line for line in latex(made).splitlines() if line.endswith(r"\\")]
        assert len(rows) == len(made.shown) + 1
        assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(made.shown.columns) - 1}


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex on this machine")
def test_it_compiles(tmp_path):
    body = latex(table(**{"method": NASTY, "mAP (%)": "1.0 ± 0.5"}))
    (tmp_path / "t.tex").write_text(
        r"\documentclass{article}\usepackage{booktabs}\begin{document}" + body + r"\end{document}", encoding="utf-8"
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:]
