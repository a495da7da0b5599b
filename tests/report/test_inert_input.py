"""Results that came from elsewhere: whatever their texts hold is shown, and nothing of it is carried out."""

import ast
import csv
import io
import json
import re
import unicodedata
from html.parser import HTMLParser
from itertools import islice
from pathlib import Path
from xml.etree import ElementTree

import measured
import pytest

import bench.report.write
from bench.cost.profiles import network_key, write_latency
from bench.files import write_json
from bench.inert import HIDDEN, clean, csv_cell
from bench.report.figures.scale import scale_figure
from bench.report.folder import write_folder
from bench.report.kinds import figures
from bench.report.tables.scale import scale_tables
from bench.report.write import write_report
from bench.spec import digest

ROOT = Path(__file__).parents[2]
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'/><a href='javascript:alert(3)'>"
TERMINAL = "\x1b[31m\x1b]0;title\x07\x9b2J\u202e\u2066\r[red][link=http://evil]:skull:"
LATEX = r"\input{/etc/passwd}\write18{id}$\frac{a}{b}$ ^_%#~"
PAYLOAD = (
    f'=cmd|"/C calc"!A0{SCRIPT}{TERMINAL}{LATEX}\n\n[a](javascript:alert(4)) ![b](http://evil)\n[c]: x {{{{7*7}}}}'
)
DRAWN = ("comparison", "cost", "training", "latency")
TITLES = {
    "search": "Code length,",
    "coarse-to-fine": "Coarse-to-fine search,",
    "as-run": "Accuracy against milliseconds, as run,",
    "energy": "Accuracy against joules, as run,",
    "server": "Accuracy against queries a second, as run,",
    "savings": "saving",
    "latencies": "Latency by exit,",
}
"""Kinds of figures of what was measured apart from runs, and what their titles have."""
KEPT_TEXTS = ("kind", "way", "code", "scenario")
"""What tells a reader how to read the rest: another text there makes another record."""


def planted(value):
    """Plant the payload before every text of plain values, but for :data:`KEPT_TEXTS`."""
    if isinstance(value, dict):
        return {name: part if name in KEPT_TEXTS else planted(part) for name, part in value.items()}
    if isinstance(value, list):
        return [planted(part) for part in value]
    return PAYLOAD + value if isinstance(value, str) else value


def plant(header, records):
    """Put the payload into whatever a header and its records say in words, and into names that nobody prescribes."""
    for name in ("dataset", "method", "preset", "fingerprint"):
        header["spec"][name] = PAYLOAD + header["spec"][name]
    header["spec"] |= {"network": {PAYLOAD: PAYLOAD, "bits": PAYLOAD}, "recipe": {PAYLOAD: PAYLOAD, "epochs": 2}}
    header["spec"]["recipe"]["input_size"] = [64, 32]
    # Of views that are unknown no times are told.
    header["evaluation"] = {"ap": PAYLOAD, "signals": PAYLOAD, "views": "centre", PAYLOAD: PAYLOAD}
    header["cost"] = {"name": PAYLOAD, "unit": PAYLOAD, "machine": PAYLOAD, "measured_at": PAYLOAD}
    header["dataset"] = {"name": PAYLOAD, "rendered": True, "counts": {PAYLOAD: PAYLOAD}}
    header["method"] = dict.fromkeys(("name", "summary", "paper", "faithful", "differs"), PAYLOAD)
    header["training"] = {"epochs": PAYLOAD, "history": [{"epoch": e, PAYLOAD: 1 / e, "loss": 2.0} for e in (1, 2)]}
    header["calibration"] = [{"exit": PAYLOAD, "mAP": 0.5, "rank-1": 0.5, PAYLOAD: PAYLOAD}]
    header["learned"] = {PAYLOAD + "gs": {PAYLOAD: PAYLOAD}}
    header["cost_convention"] = PAYLOAD
    for place, exit_ in enumerate(header["exits"]):
        exit_ |= {"name": f"{PAYLOAD}{place}", "code": PAYLOAD}
    if header["sweep"]:
        header["sweep"] = planted(header["sweep"]) | {PAYLOAD: PAYLOAD, "thresholdings": [PAYLOAD]}
    header["provenance"] = planted(header["provenance"]) | {"at": f"2026{PAYLOAD}", PAYLOAD: PAYLOAD}
    for record in records:
        for name in ("policy", "thresholding", "other", "threshold_from"):
            # An oracle and an exit have no name that could be another.
            if record.get(name) and record["kind"] not in ("oracle", "exit"):
                record[name] = PAYLOAD + record[name]
        record[PAYLOAD] = 0.25
        record[f"{PAYLOAD}_area_lead"] = 0.25
    header["run"] = digest(header["spec"])


@pytest.fixture(scope="module")
def folder(writer, tmp_path_factory):
    """Two runs whose every text is hostile, a latency of one, and a file that is no records file, with such a name."""
    at = tmp_path_factory.mktemp("inert")
    write_run = writer(at)
    for method in ("one", "two"):
        header, _, path = write_run(method=method, change=plant)
        # Runs are found by their spec, whose folder bears a harmless name.
        harmless = path.parent.parent.with_name("data") / f"{method}-demo-seed0-{header['run'][:8]}"
        harmless.parent.mkdir(exist_ok=True)
        path.parent.rename(harmless)
        write_json(harmless / "spec.json", {"schema": 1, "key": header["run"], **header["spec"]})
        training = {"history": [], "images": 1, "identities": 1, "seconds": 1.0, "epochs": PAYLOAD}
        write_json(harmless / "training.json", {**training, "provenance": header["provenance"]})
    plant_measured(write_run.results, header)
    name = PAYLOAD.replace("/", "").replace("\x00", "")[:100]
    (harmless / f"records-{name}.jsonl").write_text(json.dumps({"type": PAYLOAD}))
    provenance = dict.fromkeys(("processor", "device", "precision", "threads", "at"), PAYLOAD)
    size = header["spec"]["recipe"]["input_size"]
    latency = {"network": network_key(header["spec"]["method"], header["spec"]["network"], size), "method": "two"}
    latency |= {"exits": [clean(exit_["name"]) for exit_ in header["exits"]], "backend": PAYLOAD, "runs": 3, "batch": 1}
    latency |= {name: [1.0, 2.0, 3.0, 4.0] for name in ("milliseconds", "low", "high")}
    write_latency(write_run.results, latency | {"preset": "demo", "provenance": provenance})
    return write_run.results


def plant_measured(results, header):
    """Add measurements on a run whose every text is hostile: early exit, a search study, a large gallery."""
    where = {"run": header["run"], "evaluation": header["evaluation"]}
    for scenario in ("single-stream", "server"):
        record = planted(measured.inference(header["run"], scenario, joules=0.5))
        write_json(results / "inference" / f"{scenario}.json", record | where | {PAYLOAD: PAYLOAD})
    rows = [measured.accuracy(256, exit_=f"exit {number}") for number in (1, 2)]
    study = planted(measured.study(rows, chains=[measured.CHAIN]) | {"coarse_to_fine": measured.WAYS})
    study |= {"schema": 1, "evaluation": header["evaluation"], "indexes": [], PAYLOAD: PAYLOAD, "seeds": [PAYLOAD]}
    study["dataset"]["fingerprint"] = header["spec"]["fingerprint"]
    write_json(results / "search" / "data" / "study-of-two" / "study.json", study)
    write_json(results / "scale" / "data" / "of-two" / "scale.json", large_gallery())


def large_gallery():
    """What was measured in a large gallery, every text of it and the name of its exit hostile."""
    scale = planted(measured.scale())
    scale["distractors"] = dict.fromkeys([PAYLOAD], scale["distractors"]["exit 1"])
    return {**scale, PAYLOAD: PAYLOAD}


@pytest.fixture(scope="module")
def report(folder, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        chosen = tuple(kind for kind in figures() if kind.name in (*DRAWN, *TITLES))
        patch.setattr(bench.report.write, "figures", lambda: chosen)
        return write_report(folder, tmp_path_factory.mktemp("out") / "report", formats=("svg", "tex"))


@pytest.fixture(scope="module")
def files(report, tmp_path_factory):
    """What the report wrote, and what ``bench gallery scale`` writes, which no report has."""
    scale = large_gallery()
    tables = {table.name: table for table in scale_tables(scale)}
    assert len(tables) == 3
    return report.files + write_folder(tmp_path_factory.mktemp("scale"), tables, {"scale": scale_figure(scale)})


class Elements(HTMLParser):
    """Gathers what a browser would carry out: elements, and addresses and handlers among their attributes."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.handlers, self.addresses = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.handlers += [name for name, _ in attributes if name.startswith("on")]
        self.addresses += [value for name, value in attributes if name in ("href", "src", "action", "xlink:href")]

    handle_startendtag = handle_starttag


def hidden(text):
    """Where in a text there is what no reader sees: the first few characters before it."""
    found = (at for at, c in enumerate(text) if unicodedata.category(c) in HIDDEN and c not in "\n\t")
    return [text[max(at - 80, 0) : at + 20] for at in islice(found, 3)]


def test_the_page_shows_the_payload_and_carries_nothing_out(report):
    text = report.page.read_text()
    page = Elements(text)
    assert "alert(1)" in text
    assert "{{7*7}}" in text
    assert page.tags.count("script") == 1
    assert not {"img", "iframe", "object", "embed", "base", "link", "form"} & set(page.tags)
    assert not page.handlers
    assert all(re.match(r"#|figures/|tables/", address) for address in page.addresses), page.addresses
    assert not hidden(text)


def test_figures_hold_it_as_text(files, report):
    drawn = [path for path in files if path.suffix == ".svg"]
    assert {kind for kind in DRAWN if any(path.stem.endswith(kind) for path in drawn)} == set(DRAWN)
    titles = re.findall(r'<title id="f[^>]*>([^<]*)', report.page.read_text())
    assert {kind for kind, text in TITLES.items() if any(text in title for title in titles)} == set(TITLES)
    assert "scale" in {path.stem for path in drawn}
    for path in drawn:
        text = path.read_text()
        assert not hidden(text)
        root = ElementTree.fromstring(text)
        names = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert not {"script", "image", "foreignObject", "a", "iframe"} & names, path.name
        assert not [name for element in root.iter() for name in element.attrib if name.startswith("on")]
    # Dollars are no formulas.
    assert any(r"$\frac{a}{b}$" in "".join(ElementTree.parse(path).getroot().itertext()) for path in drawn)


def test_tables_hold_no_command_of_latex_no_element_and_no_link(files):
    written = {ending: [path for path in files if path.suffix == ending] for ending in (".tex", ".md")}
    for path in written[".tex"]:
        text = path.read_text()
        assert not re.search(r"(?<!backslash )\\(input|write18|frac)\b", text), path.name
        assert "$\\frac" not in text
        assert r"\textbackslash" in text
        assert not hidden(text)
    for path in written[".md"]:
        text = path.read_text()
        assert not re.search(r"<(script|img|a)\b", text), path.name
        assert not re.search(r"(?<!\\)\]\(|^\[[^]]*\]:", text, re.MULTILINE), path.name
        assert not hidden(text)
    assert all(written.values())


def cells(text):
    return [cell for row in csv.reader(io.StringIO(text)) for cell in row]


def test_no_cell_is_a_formula(files, bench, folder):
    status, out, _ = bench("export", "-", "--results", folder)
    assert status == 0
    texts = [out, *(path.read_text() for path in files if path.suffix == ".csv")]
    for text in texts:
        assert not hidden(text)
        for cell in cells(text):
            with_sign = cell[:1] in tuple("=+-@\t\r")
            assert not with_sign or re.fullmatch(r"[+-]?[\d.]+(e[+-]?\d+)?", cell), cell
    assert "'=cmd" in out
    for name in ("as-run", "code-lengths", "search-chain", "coarse-to-fine", "scale-exact", "scale-indexes"):
        (found, *_) = (path for path in files if path.suffix == ".csv" and path.stem.endswith(name))
        assert "'=cmd" in found.read_text(), name


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", " =1", "\t=1", "\r@x", "\n-1", "＝1", "\u202e=1"])
def test_what_a_spreadsheet_would_carry_out_gets_an_apostrophe(text):
    assert csv_cell(text).startswith("'")
    assert csv_cell(-1.5) == -1.5


@pytest.mark.parametrize(
    "command",
    [("show", "one"), ("show", "two", "--json"), ("compare", "one", "two"), ("report",), ("verify",), ("show", "=x")],
)
def test_a_terminal_gets_text_alone(bench, folder, report, tmp_path, monkeypatch, command):
    if command == ("report",):
        monkeypatch.setattr("bench.report.write.write_report", lambda *given, **options: report)
    where = [folder] if command == ("verify",) else ["--results", folder]
    _, out, err = bench(*command, *where)
    said = out + err
    assert not hidden(said)
    if command in (("show", "one"), ("compare", "one", "two")):
        # Markup and signs are shown as they are written.
        assert "[red][link=http://evil]:skull:" in "".join(said.split("\n")).replace("│", "")


def test_bars_show_text_alone():
    from rich.console import Console

    from bench.cli import terminal

    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, color_system=None, width=300)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(terminal, "ERR", console)
        with terminal.TerminalReporter().task(f"{TERMINAL}title", 2) as task:
            task.advance(status=f"{TERMINAL}status")
    assert "[red][link=http://evil]" in shown.getvalue()
    assert not {"\x1b]0", "\x9b", "\u202e", "\x07"} & set(re.findall(r"\x1b\]0|\x9b|\u202e|\x07", shown.getvalue()))


SAFE = {"load": {"np": "allow_pickle=False", "numpy": "allow_pickle=False", "torch": "weights_only=True"}}
NEVER = {"eval", "exec", "pickle.load", "pickle.loads", "pd.read_pickle", "joblib.load", "torch.jit.load", "os.system"}
SOURCES = [
    path for package in ("bench", "baselines", "hashreid", "benchmarks") for path in (ROOT / package).rglob("*.py")
]


def test_nothing_that_is_read_can_run():
    """Arrays without pickles, tensors alone, and nothing that evaluates a text."""
    looked_at = 0
    for path in SOURCES:
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            name = ast.unparse(call.func)
            assert name not in NEVER, f"{path}:{call.lineno} calls {name}"
            options = {f"{option.arg}={ast.unparse(option.value)}" for option in call.keywords}
            assert "shell=True" not in options, f"{path}:{call.lineno}"
            module, _, function = name.rpartition(".")
            needed = SAFE.get(function, {}).get(module)
            if needed:
                looked_at += 1
                assert needed in options, f"{path}:{call.lineno}: {name} without {needed}"
    assert looked_at >= 5
