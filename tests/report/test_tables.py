"""Tables as files: CSV in full, Markdown, LaTeX and HTML as people read them; names from elsewhere stay inert."""

import csv
import io
import re
import shutil
import subprocess

import pandas as pd
import pytest

from bench.findings.columns import named
from bench.findings.sections import sections
from bench.findings.table import Column, table
from bench.findings.text import file_name
from bench.inert import clean
from bench.report.kinds import TABLES
from bench.runs.load import load

NASTY = '=cmd|"x"!A1 100% & $5 #1 a_b {x} ~ ^ \\ <|> − ± × — λ <script>alert(1)</script>'


def made(rows=1, text=NASTY):
    columns = [named("method"), Column("mAP (%)", lambda row: f"{100 * row['mAP']:.1f} ± 0.5")]
    records = [{"method": text, "mAP": 1 / 3, "_hidden": "no", "empty": float("nan")}] * rows
    return table("d_1-x", "A & B", "50 %.", records, columns)


def test_csv_has_all_digits_and_no_cell_that_a_spreadsheet_takes_for_a_formula():
    (row,) = csv.DictReader(io.StringIO(made().csv()))
    assert row == {"method": f"'{NASTY}", "mAP": repr(1 / 3), "empty": ""}
    (row,) = csv.DictReader(io.StringIO(made(text=NASTY[1:]).csv()))
    assert row["method"] == NASTY[1:]


def test_html_is_escaped_and_says_which_columns_are_texts():
    one = made()
    html = one.html()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert one.text_classes(one.shown) == "text-1"
    assert "33.3 ± 0.5" in html
    assert len(re.findall("<t[dh]\\b", html)) == 4


def test_markdown_keeps_its_columns():
    *_, heading, _, row = made().markdown().splitlines()
    assert heading == "| method | mAP (%) |"
    assert row.replace("\\|", "").count("|") == 3
    assert "<script" not in row


@pytest.mark.parametrize(("rows", "environment"), [(3, "table"), (40, "longtable")])
def test_latex_has_rules_and_special_letters_are_escaped(rows, environment):
    text = made(rows).latex()
    assert rf"\begin{{{environment}}}" in text
    for rule in ("toprule", "midrule", "bottomrule"):
        assert rf"\{rule}" in text
    assert r"100\% \& \$5 \#1 a\_b \{x\}" in text
    assert r"33.3 $\pm$ 0.5" in text
    assert r"\caption{A \& B. 50 \%.}" in text
    assert r"$<$$|$$>$" in text
    assert not re.search("[−±×—λ]", text)


def test_no_row_of_latex_begins_with_what_ends_the_row_before():
    """A star and an option in brackets belong to the command before them, on another line too."""
    lines = [line for begin in ("[2]", "* a") for line in made(2, begin).latex().splitlines() if begin in line]
    assert [line.partition(" &")[0] for line in lines] == ["{}[2]", "{}[2]", "{}* a", "{}* a"]


def test_no_number_is_lost_on_the_way_to_any_format(write_run):
    for seed in (0, 1):
        write_run(seed=seed)
    write_run(method="dare", exits=3)
    write_run(preset="small")
    (section,) = sections(load(write_run.results))
    checked = 0
    for kind in TABLES:
        for one in kind([section] if kind.of == "report" else section):
            texts = (one.markdown(), one.html(), *([one.latex()] if kind.latex else []))
            for heading in one.shown:
                for cell in one.shown[heading]:
                    for part in re.findall(r"[0-9][0-9.,]*", cell):
                        assert all(part in text for text in texts)
                        checked += 1
    assert checked > 500


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex on this machine")
def test_latex_compiles(tmp_path):
    body = "\n".join(made(rows).latex() for rows in (2, 50))
    preamble = r"\documentclass{article}\usepackage{booktabs,longtable}\begin{document}"
    (tmp_path / "t.tex").write_text(rf"{preamble}{body}\end{{document}}", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]


def test_texts_are_cleaned_and_file_names_are_short():
    assert clean("a\x1b[31m\u202eb\x00\nc\N{NO-BREAK SPACE}%") == "a[31mb\nc\N{NO-BREAK SPACE}%"
    assert file_name("data", "", "a method!", ending="budget") == "data-a-method-budget"
    long = [file_name("x" * 300, str(index), ending="budget") for index in range(2)]
    assert len(set(long)) == 2
    assert all(len(name) <= 100 and name.endswith("-budget") for name in long)
    assert file_name("../..", "/") == "unnamed-unnamed"


def test_an_empty_table_has_no_rows():
    assert len(table("n", "t", "", [], [named("method")])) == 0
    assert isinstance(made().full, pd.DataFrame)
