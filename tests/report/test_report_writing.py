"""The whole report: files, bytes, the page, and what stays out of it."""

import re
from contextlib import contextmanager
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from bench.cli.app import application
from bench.errors import BenchError
from bench.report.kinds import FIGURE_FORMATS, FIGURES, TABLES
from bench.report.write import write_report

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Checks that elements close in order, and gathers ids, links and headings."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.references, self.tags = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self._gather(dict(attributes))

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self._gather(dict(attributes))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def _gather(self, attributes):
        self.ids += [attributes["id"]] if "id" in attributes else []
        for name in ("href", "src", "xlink:href", "action", "data", "poster"):
            self.references += [attributes[name]] if name in attributes else []
        for value in attributes.values():
            self.references += re.findall(r"url\(([^)]*)\)", value or "")


def test_every_kind_has_its_files_under_stable_names(whole_report):
    names = {file.relative_to(whole_report.folder).as_posix() for file in whole_report.files}
    assert "index.html" in names
    for kind in ("budget", "exit-fractions", "cost", "training"):
        assert {f"figures/invented-hashreid-demo-seed0-{kind}.{ending}" for ending in FIGURE_FORMATS} <= names
    assert {"figures/invented-comparison.svg", "figures/invented-exits.pdf", "tables/overview.csv"} <= names
    for kind in ("exits", "methods", "budgets"):
        assert {f"tables/invented-{kind}.{ending}" for ending in ("csv", "md", "tex")} <= names
    assert {f"tables/invented-areas.{ending}" for ending in ("csv", "md")} <= names
    # Without a sweep there are no exit fractions to show; with one exit there is no budget to spend.
    assert "figures/invented-dare-i-seed0-exit-fractions.svg" not in names
    assert {"figures/invented-dare-i-seed0-budget.svg", "figures/invented-msdnet-demo-seeds0-1-budget.svg"} <= names
    assert "figures/invented-single-demo-seed0-budget.svg" not in names
    assert whole_report.page in whole_report.files
    assert not [path for path in whole_report.folder.iterdir() if path.name.startswith(".")]


def test_figures_have_pixels_fonts_and_no_dates(whole_report):
    for file in whole_report.files:
        content = file.read_bytes()
        if file.suffix == ".png":
            width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
            assert content.startswith(b"\x89PNG")
            assert width >= 700
            assert height > 350
        if file.suffix == ".svg":
            assert ElementTree.fromstring(content).get("viewBox")
            assert b"<dc:date>" not in content
        if file.suffix == ".pdf":
            assert content.startswith(b"%PDF-")
            assert b"/FontFile2" in content
            assert b"/Type3" not in content
            assert b"/CreationDate" not in content


def test_the_page_stands_alone_and_is_well_formed(whole_report):
    text = whole_report.page.read_text()
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    for reference in page.references:
        assert not re.match(r"[a-z]+:|//", reference), reference
        if reference.startswith("#"):
            assert reference[1:] in page.ids
        else:
            assert (whole_report.folder / reference).is_file()
    assert page.tags.count("h1") == page.tags.count("script") == 1
    assert page.tags.count("svg") == len([file for file in whole_report.files if file.suffix == ".svg"])
    assert not {"link", "img", "iframe"} & set(page.tags)
    assert text.count('role="img"') == page.tags.count("svg")
    assert "@import" not in text
    assert "prefers-color-scheme: dark" in text
    assert "default-src 'none'" in text


def test_texts_are_escaped_and_origins_are_shown(whole_report):
    text = whole_report.page.read_text()
    assert "a &lt;script&gt; &amp; more" in text
    assert "<b>bold" not in text
    assert "dare &lt;i&gt;" in text
    for expected in (
        "c0ffee, with changes that are not committed",
        "ab" * 32,
        "2026-01-01T00:00:00+00:00",
        "rendered",
        "step",
    ):
        assert expected in text


def test_figures_come_first_and_each_says_what_it_was_drawn_from(whole_report):
    text = whole_report.page.read_text()
    assert text.index("<svg") < text.index("<table") < text.index('<h2 id="runs">') < text.index('<h2 id="reading">')
    figures = re.findall(r"<figure>.*?</figure>", text, re.DOTALL)
    assert len(figures) > 10
    for figure in figures:
        origin = re.search(r"<summary>Provenance</summary><p>(.*?)</p>", figure)[1]
        assert re.match(r"Runs: ([0-9a-f]{8} ?)+\. Code: commit c0ffee, with changes", origin)
        assert origin.endswith("Measured on: cpu. Date (UTC): 2026-01-01.")
    whole = re.search(r"Runs: ([0-9a-f ]+)\.", figures[0])[1].split()
    assert len(whole) == 5


def test_a_reader_can_point_at_every_mark_of_budget_and_comparison(whole_report):
    for name in ("invented-hashreid-demo-seed0-budget", "invented-comparison"):
        text = (whole_report.folder / "figures" / f"{name}.svg").read_text()
        titles = re.findall(r"<title>([^<]*)</title>", text)
        assert len(titles) > 20
        for title in titles:
            assert re.search(
                r": (mAP|rank-1)( gain)? −?[0-9.]+ (%|points) \[.*\] at [0-9.]+ M multiply-adds$", title
            ), title
        # The page has the same.
        assert all(f"<title>{title}</title>" in whole_report.page.read_text() for title in titles[:3])


def test_a_long_table_is_folded_up(whole_report):
    text = whole_report.page.read_text()
    folded = re.findall(r"<details><summary>([^<]*): (\d+) rows</summary>\s*<div class=\"table\">", text)
    assert all(int(rows) > 30 for _, rows in folded)
    for table in re.findall(r'<div class="table">.*?</table>', text, re.DOTALL):
        title = re.search(r'class="caption"[^>]*>([^<]*)<', table)[1]
        long = table.count("<tr>") - 1 > 30
        assert long == any(title == name for name, _ in folded)


def test_the_same_records_give_the_same_bytes_however_many_processes_draw(whole_report, tmp_path):
    said = []

    class Task:
        def advance(self, amount=1, *, status=""):
            said.append(status)

    class Reporter:
        @contextmanager
        def task(self, title, total, *, unit=""):
            said.append(total)
            yield Task()

    # Of figures the SVG, in which every place is written out; other formats are compared figure by figure elsewhere.
    formats = ["svg", "tex"]
    again = write_report(whole_report.folder.parent / "results", tmp_path, Reporter(), workers=2, formats=formats)
    first = {file.relative_to(whole_report.folder): file for file in whole_report.files}
    assert set(first) >= {file.relative_to(tmp_path) for file in again.files}
    assert len(first) - len(again.files) == 2 * len([file for file in again.files if file.suffix == ".svg"]) > 20
    for file in again.files:
        one, two = first[file.relative_to(tmp_path)].read_text(), file.read_text()
        if file.suffix == ".html":
            one = re.sub(r', <a href="figures/[^"]*\.(png|pdf)">(PNG|PDF)</a>', "", one)
        assert one == two, file.name
    assert said[0] == len(said) - 1 > 10
    assert "budget, hashreid demo" in said


@pytest.fixture
def small(write_run):
    write_run(exits=1, swept=False, change=lambda header, _: header.pop("training"))
    return write_run.results


def test_files_of_others_are_left_alone(small, tmp_path):
    out = tmp_path / "report"
    (out / "figures").mkdir(parents=True)
    (out / "figures" / "mine.txt").write_text("mine")
    (out / "index.html").write_text("old")
    report = write_report(small, out)
    assert (out / "figures" / "mine.txt").read_text() == "mine"
    assert report.page.read_text().startswith("<!DOCTYPE html>")
    assert not [file for file in report.files if file.suffix == ".png"]


def test_remarks_reach_the_page(write_run, tmp_path):
    _, _, path = write_run(exits=1, swept=False)
    path.with_name("records-<b>.jsonl").write_text("{")
    report = write_report(write_run.results, tmp_path / "report")
    assert len(report.remarks) == 1
    assert "records-&lt;b&gt;.jsonl" in report.page.read_text()


def test_a_folder_that_cannot_be_written_is_named(small, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchError, match="cannot write the report under"):
        write_report(small, tmp_path / "file" / "report")


def test_the_command_ends_with_a_table_or_with_json(small, figures_drawn, tmp_path):
    figures_drawn("exits")
    command = ["report", "--results", str(small), "--out", str(tmp_path / "r"), "--formats", "svg"]
    done = CliRunner().invoke(application("report"), command)
    assert done.exit_code == 0, done.output
    assert re.search(r"invented \(rendered\)\W+1\W+1", done.stdout)
    printed = CliRunner().invoke(application("report"), [*command, "--json"])
    assert '"files"' in printed.stdout
    assert '"hashreid demo": 1' in printed.stdout
    wrong = CliRunner().invoke(application("report"), [*command[:-1], "gif"])
    assert wrong.exit_code == 1
    assert "gif" in wrong.stderr


def test_kinds_have_names_of_their_own():
    for kinds in (FIGURES, TABLES):
        names = [kind.name for kind in kinds]
        assert len(set(names)) == len(names)
