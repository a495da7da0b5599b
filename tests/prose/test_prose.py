"""Pages whose numbers are references: what is refused, what is found, and that the results' own page is up to date."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from bench.cli import main
from bench.errors import BenchError
from bench.prose.cells import Cells, read_table
from bench.prose.formats import Formats
from bench.prose.render import render_page
from bench.prose.rules import check_prose

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "results" / "README.template.md"
ROWS = pd.DataFrame(
    {
        "method": ["a", "a", "b"],
        "seed": [0, 1, 0],
        "mAP": [0.4, 0.5, 0.25],
        "spent": [90.0, 110.0, 99.0],
        "asked": [100.0, 100.0, 100.0],
        "better": ["b; random", "random", ""],
    }
)


@pytest.fixture
def page(tmp_path):
    """Renders a template beside one table: ``page("…")`` gives its text, less the remark at the top."""
    (tmp_path / "tables").mkdir()
    ROWS.to_csv(tmp_path / "tables" / "x.csv", index=False)
    template = tmp_path / "PAGE.template.md"

    def render(text):
        template.write_text('{% set x = table("tables/x.csv") %}\n' + text, encoding="utf-8")
        return render_page(template).text.partition("-->\n\n")[2]

    render.template = template
    return render


@pytest.fixture(scope="module")
def results():
    return render_page(TEMPLATE)


def test_the_page_of_the_results_is_what_its_template_gives(results):
    assert results.path.read_text(encoding="utf-8") == results.text, f"bench render {TEMPLATE.relative_to(ROOT)}"
    assert len(results.references) > 200


def test_every_number_of_the_results_is_in_its_file(results):
    """What the trace says is there: files exist, and single cells hold what is written."""
    checked = 0
    for reference in results.references:
        origin = reference.origin
        # A difference or a ratio stands in no cell.
        of_two = " " in origin.file or any(sign in origin.rows for sign in (" − ", " / "))
        if origin.how != "cell" or not origin.file.endswith(".csv") or of_two:
            continue
        path = ROOT / origin.file if origin.file.startswith("bench/") else TEMPLATE.parent / origin.file
        frame = pd.read_csv(path)
        if origin.column not in frame:
            continue
        try:
            shown = float(reference.text.replace(",", "").replace("−", "-"))
        except ValueError:
            continue
        values = pd.to_numeric(frame[origin.column], errors="coerce")
        assert any(
            (abs(abs(values * factor) - abs(shown)) <= 0.500001 * 10.0 ** -len(reference.text.partition(".")[2])).any()
            for factor in (1, 100, 1e-6)
        ), reference
        checked += 1
    assert checked > 100


PLANTED = [
    ("with the usual recipe", "with the usual recipe (72.3 % in one seed)"),
    ("Who is searched for", "It gains 3 points. Who is searched for"),
    ("came out clearly higher", "came out clearly higher, by twelve points"),
    ("% at\n", "% at 64 and\n"),
]


@pytest.mark.parametrize(("found", "planted"), PLANTED, ids=[planted for _, planted in PLANTED])
def test_a_planted_number_fails(found, planted):
    source = TEMPLATE.read_text(encoding="utf-8")
    assert found in source
    check_prose(source, "README.template.md")
    with pytest.raises(BenchError, match="states numbers"):
        check_prose(source.replace(found, planted, 1), "README.template.md")


def test_a_wrong_number_in_the_page_fails(page, capsys, monkeypatch):
    page('The best is {{ x.greatest("mAP") | percent }} %.\n')
    target = page.template.with_name("PAGE.md")
    monkeypatch.setattr("sys.argv", ["bench", "render", str(page.template)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert "The best is 50.0 %." in target.read_text()
    target.write_text(target.read_text().replace("50.0", "51.0"))
    monkeypatch.setattr("sys.argv", ["bench", "render", str(page.template), "--check"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert "-The best is 51.0 %." in told
    assert "+The best is 50.0 %." in told


def test_the_trace_names_file_rows_and_column(page, capsys, monkeypatch):
    page('{{ x.cell("mAP", method="a", seed=1) | percent }}\n')
    monkeypatch.setattr("sys.argv", ["bench", "render", str(page.template), "--trace"])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    told = capsys.readouterr().out
    for part in ("50.0", "tables/x.csv", "method = a", "seed = 1", "mAP", "cell"):
        assert part in told
    assert not page.template.with_name("PAGE.md").exists()


def test_numbers_by_hand(page):
    assert page('{{ x.mean("mAP", method="a") | percent }}') == "45.0"
    assert page('{{ x.sd("mAP", method="a") | percent(2) }}') == "7.07"
    assert page('{{ x.where(seed=[0, 1], method="b").total("mAP") | fixed(2) }}') == "0.25"
    assert page('{{ x.query("mAP > 0.3").count() | word }}') == "two"
    assert page('{{ x.derived(over="spent / asked - 1").least("over") | points_below(0) }}') == "10"
    assert page('{{ x.listing("better", "b") | integer }} of {{ x.count() | integer }}') == "1 of 3"
    assert page('{{ (x.cell("mAP", method="b") - x.cell("mAP", method="a", seed=0)) | percent }}') == "−15.0"
    assert page('{{ x.side_by_side("method", "mAP", ["seed"]).greatest("b") | percent }}') == "25.0"
    assert page('{{ holds(x.greatest("mAP") > x.least("mAP"), "it rises") }}') == "it rises"
    assert page('{{ reported("hashreid").cell("rank_1_s1", printed="OURS+HE", dataset="market1501") | fixed(2) }}') == (
        "71.29"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{{ 72.3 | percent }}", "expected a reference"),
        ('{{ "72.3" }}', "expected a formatted reference"),
        ("{{ 72 }}", "expected a formatted reference"),
        ('{{ x.cell("mAP", method="b") }}', "expected a formatted reference"),
        ('{{ x.cell("mAP", method="a") | percent }}', "expected one row where method = a, found 2"),
        ('{{ x.cell("mAP", method="c") | percent }}', "no row with a mAP where method = c"),
        ('{{ x.cell("map", method="b") | percent }}', "has no column map; it has method, seed, mAP"),
        ('{{ x.mean("mAP", model="b") | percent }}', "has no column model"),
        ('{{ x.mean("better") | percent }}', "better holds text"),
        ('{{ x.query("mAP >").count() | word }}', "cannot read the condition"),
        ('{{ x.mean("mAP") | word }}', "expected a whole number"),
        ('{{ table("tables/y.csv").count() | word }}', "cannot read the table"),
        ('{{ records("nowhere").count() | word }}', "expected runs"),
        ('{{ reported("nobody").count() | word }}', "no paper's numbers"),
        ('{{ holds(x.count() > 5, "there are many") }}', "no longer true: there are many"),
        ("{{ nothing }}", "nothing"),
        ("{% for %}", "line 2"),
    ],
)
def test_what_is_refused(page, text, told):
    with pytest.raises(BenchError, match=re.escape(told)):
        page(text)


def test_names_with_digits_are_listed():
    names = "{#- names:\nResNet-50\nexit 1\n-#}\n"
    check_prose(names + "`exit 9` on ResNet-50, at exit\n1; see [here](a/b-7.png).\n```\n12\n```\n", "page")
    for prose in ("ResNet-501", "ResNet-50.2", "exit 12", "1", "twelve", "in Two of them", "exit 2"):
        with pytest.raises(BenchError, match="line 5"):
            check_prose(names + prose, "page")


def test_a_difference_knows_both_its_cells():
    cells = Cells(ROWS, "x.csv")
    origin = (cells.mean("mAP", method="a") - cells.mean("mAP", method="b")).origin
    assert (origin.file, origin.column, origin.rows) == ("x.csv", "mAP", "method = a − method = b")


def test_a_text_is_no_number_and_a_number_no_text():
    formats = Formats()
    with pytest.raises(BenchError, match="cell of text"):
        formats.verbatim(Cells(ROWS, "x.csv").mean("mAP"))
    assert formats.references == []


def test_a_page_that_is_no_template_is_refused(tmp_path):
    with pytest.raises(BenchError, match=r"NAME\.template\.md"):
        render_page(tmp_path / "README.md")
    with pytest.raises(BenchError, match="cannot read the template"):
        render_page(tmp_path / "README.template.md")


def test_a_table_is_held_to_the_measurement_beside_it(tmp_path):
    """Of a large gallery, as the results keep it: a changed number is refused, in the table and in its measurement."""
    kept = ROOT / "results" / "scale" / "synthped-demo" / "hashreid-47b97345"
    folder = shutil.copytree(kept, tmp_path / kept.name)
    table, measured = folder / "scale-exact.csv", folder / "scale.json"
    assert len(read_table(tmp_path, f"{kept.name}/scale-exact.csv").frame) > 1
    whole = table.read_text(encoding="utf-8")
    number = re.search(r"0\.\d{6,}", whole)[0]
    table.write_text(whole.replace(number, f"{float(number) + 0.01}", 1), encoding="utf-8")
    with pytest.raises(BenchError, match=r"scale-exact\.csv does not hold what scale\.json beside it says"):
        read_table(tmp_path, f"{kept.name}/scale-exact.csv")
    table.write_text(whole, encoding="utf-8")
    measured.write_bytes(measured.read_bytes().replace(b"batched_ms", b"batched_mz", 1))
    with pytest.raises(BenchError, match=r"scale\.json is damaged"):
        read_table(tmp_path, f"{kept.name}/scale-exact.csv")
    measured.unlink()
    assert len(read_table(tmp_path, f"{kept.name}/scale-exact.csv").frame) > 1, "a table that lies alone is read"
