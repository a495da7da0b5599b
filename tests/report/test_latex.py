"""Tables as LaTeX: they are escaped, and compile where there is a LaTeX."""

import re
import shutil
import subprocess

import pandas as pd
import pytest

from bench.report.sections import sections
from bench.report.tables.curves import area_table, comparison_table
from bench.report.tables.latex import escaped, latex
from bench.report.tables.methods import method_table
from bench.report.tables.outcomes import outcome_table
from bench.report.tables.pareto import pareto_table
from bench.report.tables.table import Table, budget_table, exit_table, overview
from bench.runs.load import load

TABLES = (exit_table, method_table, area_table, budget_table, comparison_table, outcome_table, pareto_table)
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
    first, second, *_ = text.splitlines()
    assert first.startswith("% ")
    assert "d_1, runs 01234567" in first
    assert "d_1-x.csv" in first
    assert second == r"% Needs \usepackage{booktabs,graphicx}."
    assert r"\begin{tabular}{lr}" in text
    assert r"{[}a] & 1.0 {\scriptsize $\pm$0.5} \\" in text
    assert r"\caption{A \& B.}" in text
    assert "50 \\%." in text
    assert r"\label{tab:d-1-x}" in text
    for rule in ("toprule", "midrule", "bottomrule"):
        assert text.count(rf"\{rule}") == 1


def test_a_column_without_a_word_is_left_out():
    assert r"\begin{tabular}{lr}" in latex(table(**{"method": "a", "seed": "", "mAP (%)": "1.0"}))


def test_stages_stand_under_their_quantity():
    shown = {"method": "a", "mAP S1 (%)": "1", "mAP S2 (%)": "2", "MACs S1 (M)": "3"}
    lines = [line.strip() for line in latex(table(**shown)).splitlines()]
    place = lines.index(r" & \multicolumn{2}{c}{mAP (\%)} & \multicolumn{1}{c}{MACs (M)} \\".strip())
    assert lines[place + 1 : place + 3] == [r"\cmidrule(lr){2-3}\cmidrule(lr){4-4}", r"method & S1 & S2 & S1 \\"]


def long_table(rows):
    names = [f"setup {place // 30}" for place in range(rows)]
    shown = {"setup": names, "seed": ["0"] * rows, "policy": ["gs"] * rows}
    shown |= {f"metric {place} (%)": [f"{row}.5 [1.0 to 2.0]" for row in range(rows)] for place in range(7)}
    shown["better than"] = ["one, another, and yet another, and many more of them"] * rows
    return Table("long", "Long", "Note.", pd.DataFrame({"x": range(rows)}), pd.DataFrame(shown))


def test_a_long_table_runs_over_pages_in_groups():
    text = latex(long_table(90))
    assert r"\usepackage{booktabs,array,longtable,pdflscape}" in text
    for place in range(3):
        line = rf"\addlinespace \multicolumn{{9}}{{l}}{{\itshape setup {place}, seed 0}} \\*"
        assert text.count(line) == 1
    assert text.count(r"[1.0 to 2.0] \\") == 0
    assert len(re.findall(r"^    gs & .* & one, another", text, re.M)) == 90


def test_no_number_of_a_table_is_lost(write_run):
    write_run()
    write_run(seed=1)
    (section,) = sections(load(write_run.results))
    for make in TABLES:
        made = make(section)
        text = latex(made)
        for name in set(made.shown) - {"setup", "seed", "thresholding"}:
            for cell in made.shown[name]:
                for part in re.findall(r"[0-9][0-9.,]*", cell):
                    assert part in text


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex on this machine")
def test_every_table_compiles_and_fits_the_page(tmp_path, write_run):
    for seed in range(4):
        for method in ("hashreid", "dare", "branchynet"):
            write_run(method=method, seed=seed)
    (section,) = sections(load(write_run.results))
    tables = [made for made in (make(section) for make in TABLES) if len(made.full)]
    tables += [overview([section]), long_table(100), table(**{"method": NASTY, "mAP (%)": "1.0 ± 0.5"})]
    body = [rf"\typeout{{{made.name}}}" + "\n" + latex(made) + r"\clearpage" for made in tables]
    needed = {name for text in body for name in re.search(r"usepackage{(.*)}", text)[1].split(",")}
    (tmp_path / "t.tex").write_text(
        rf"\documentclass{{article}}\usepackage{{{','.join(sorted(needed))}}}\begin{{document}}"
        + "\n".join(body)
        + r"\end{document}",
        encoding="utf-8",
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert not re.findall(r"Overfull.*|Float too large.*|Missing character.*", done.stdout)
