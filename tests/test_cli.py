"""The command line as a person types it."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from bench.cli.app import COMMANDS, application
from bench.report.kinds import FIGURES, TABLES


@pytest.fixture
def smoke(tmp_path):
    return ("--preset", "smoke", "--data", "size=smoke", "--device", "cpu", "--results", tmp_path / "results")


def test_the_main_job_and_the_report(bench, smoke, tmp_path):
    status, out, _ = bench("run", "--method", "hashreid", "--budget-sweep", "--budgets", 3, "--resamples", 20, *smoke)
    assert status == 0
    for word in (
        "exit 1",
        "exit 4",
        "rank-1",
        "mAP",
        "Policies",
        "gs",
        "random",
        "rendered",
        "next: bench report",
    ):
        assert word in out
    status, out, err = bench("run", "--method", "hashreid", "--budget-sweep", "--budgets", 3, "--resamples", 20, *smoke)
    assert status == 0
    assert "results found" in err
    status, out, _ = bench("report", "--results", tmp_path / "results", "--formats", "svg")
    assert status == 0
    assert (tmp_path / "results" / "report" / "index.html").exists()


def test_policies_side_by_side(bench, smoke, smoke_request, trained, figures_drawn, monkeypatch, tmp_path):
    from PIL import Image

    figures_drawn("outcomes")
    trained(smoke_request(calibration_share=0.3))
    command = ("policies", "--method", "hashreid", "--calibration", 0.3, "--policies", "gs,learned,ets,ets+gs", *smoke)
    status, out, _ = bench(*command)
    assert status == 0
    for word in ("Who leaves first", "held-out identities", "its own", "precision", "Policies", "ets+gs", "learned"):
        assert word in out
    (folder,) = (tmp_path / "results" / "policies").iterdir()
    names = {file.name for file in folder.iterdir()}
    assert names >= {"outcomes.csv", "outcomes.md", "outcomes.svg", "outcomes.png", "ets-classes.png"}
    for name in ("outcomes.png", "ets-classes.png"):
        with Image.open(folder / name) as picture:
            assert min(picture.size) > 300
    # The report finds the same numbers, and nothing is computed twice; pictures would be drawn again.
    monkeypatch.setattr("bench.report.folder.write_outcomes", lambda *_: [])
    for name in ("example_figure", "match_figure"):
        monkeypatch.setattr(f"bench.report.figures.example.{name}", lambda *_: None)
    status, _, err = bench(*command)
    assert "results found" in err
    assert bench("report", "--results", tmp_path / "results", "--formats", "svg")[0] == 0
    assert list((tmp_path / "results" / "report" / "tables").glob("*outcomes.csv"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--method", "hashreid", "--calibration", 0), "held out"),
        (("--method", "hashreid-noexit"), "one exit"),
        (("--method", "hashreid", "--policies", "margin"), "unknown policy"),
        (("--method", "hashreid", "--signals", "all"), "--signals"),
    ],
)
def test_policies_that_cannot_be_compared(bench, smoke, arguments, message):
    status, _, err = bench("policies", *arguments, *smoke)
    assert status == 1
    assert message in " ".join(err.split())
    assert "Traceback" not in err


def test_a_plan_does_nothing(bench, smoke, tmp_path):
    # The set is there, so that its images can be counted.
    assert bench("data", "make", "synthped", "--size", "smoke")[0] == 0
    status, out, _ = bench("run", "-m", "hashreid", "--budget-sweep", "--dry-run", *smoke)
    assert status == 0
    for word in (
        "ResNet",
        "2 epochs",
        "4 identities × 2 images",
        "agreement, entropy, ets, ets+gs, gs, learned, qs, random, stability",
        "21 budgets",
        "rendered",
        "an image, at each exit",
        "2 × 3 batches",
        " of training and ",
    ):
        assert word in out
    assert not (tmp_path / "results").exists()


def test_several_methods_and_seeds_with_one_that_fails(bench, smoke):
    # The first stage's map has 18 rows, which four strips do not divide; without early exits nothing is in strips.
    several = ("-m", "hashreid,hashreid-noexit", "--seeds", "0,1", "--set", "input_size=72x32")
    status, out, err = bench("run", *several, "--budget-sweep", "--budgets", 2, *smoke)
    assert status == 1
    assert "hashreid, preset smoke, seed 1: 4 strips must divide" in err
    assert "2 of 4 runs failed" in err
    assert "hashreid-noexit, preset smoke, seed 1 on synthped-smoke" in out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"-m": "hashried"}, "did you mean 'hashreid'"),
        ({"--preset": "papre"}, "did you mean 'paper'"),
        ({"-d": "market1502"}, "did you mean 'market1501'"),
        ({"-d": "market1501", "--data": None}, "--data-root"),
        ({"-d": "market1501", "--data": None, "--data-root": "nowhere"}, "nowhere"),
        ({"-d": "manifest", "--data": None, "--data-root": "nowhere"}, "nowhere"),
        ({"-d": "market1501"}, "no option 'size'"),
        ({"--policies": "gz"}, "did you mean 'gs'"),
        ({"--thresholding": "strem"}, "did you mean 'stream'"),
        ({"--a": "-1"}, "from 0 to inf"),
        ({"--a": "much"}, "found 'much'"),
        ({"--budgets": "1"}, "at least 2 budgets"),
        ({"--recipe": "sharde"}, "did you mean 'shared'"),
        ({"--views": "ten-crops"}, "did you mean 'ten-crop'"),
        ({"--views": "ten-crop"}, "resize=72x36"),
        ({"--ap": "steps"}, "did you mean 'step'"),
        ({"--set": "epochs"}, "NAME=VALUE"),
        ({"--set": "epoch=3"}, "did you mean 'epochs'"),
        ({"--weights": "nowhere.pth"}, "no weights file"),
        ({"--seeds": "one"}, "whole numbers"),
        ({"--calibration": "1.5"}, "from 0 to 1"),
        ({"--device": "tpu"}, "auto, cpu, cuda or mps"),
        ({"--precision": "half"}, "float32 or bfloat16"),
        ({"--data": "size=huge"}, "size"),
        ({"--data": "colour=red"}, "no option 'colour'"),
        ({"--thresholding": "calibrated", "--calibration": "0"}, "--calibration above 0"),
    ],
)
def test_mistakes_get_one_line(bench, tmp_path, changes, message):
    usual = {"-m": "hashreid", "--preset": "smoke", "--data": "size=smoke", "--device": "cpu"}
    options = {**usual, "--results": tmp_path / "results", **changes}
    given = [text for option, value in options.items() if value is not None for text in (option, value)]
    status, _, err = bench("run", "--budget-sweep", *given)
    assert status == 1
    assert message in err
    assert "Traceback" not in err


def test_ctrl_c_ends_with_its_own_status(bench, smoke, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.running.run.run", interrupted)
    status, _, err = bench("run", "-m", "hashreid", *smoke)
    assert status == 130
    assert "interrupted" in err


def test_a_folder_that_cannot_be_written(bench, smoke, tmp_path):
    (tmp_path / "file").write_text("")
    status, _, err = bench("run", "-m", "hashreid", *smoke[:-1], tmp_path / "file")
    assert status == 1
    assert "cannot write results" in err


def test_costs(bench):
    status, out, _ = bench("cost", "--method", "hashreid")
    assert status == 0
    assert "513,277,952" in out
    assert "2,670,198,784" in out
    assert "1 MAC" in out


@pytest.mark.parametrize(
    ("method", "numbers"),
    [
        ("msdnet", ("202,637,312", "13,271,040", "801,067,520")),
        ("ranet", ("69,861,376", "512,022,772")),
        ("dare", ("513,277,952", "2,673,607,168")),
        ("branchynet", ("34,283,520", "2,765,365,248", "14880 floats")),
    ],
)
def test_costs_of_the_baselines(bench, method, numbers):
    status, out, _ = bench("cost", "--method", method)
    assert status == 0
    for number in numbers:
        assert number in out


def test_what_a_policy_computes_is_on_the_ledger(bench):
    status, out, _ = bench("cost", "-m", "branchynet", "--preset", "demo", "--identities", 100, "--policy", "entropy")
    assert status == 0
    assert "42,000" in out  # 420 numbers, 100 identities
    for method, reason in (("dare", "dare trains none"), ("bot", "bot has one exit")):
        status, _, err = bench("cost", "-m", method, "--preset", "demo", "--policy", "entropy")
        assert status == 1
        assert reason in " ".join(err.split())
    status, _, err = bench("cost", "-m", "branchynet", "--policy", "entrpy")
    assert status == 1
    assert "did you mean 'entropy'" in err


def test_figures_and_tables_are_listed(bench):
    for what, kinds in (("figures", FIGURES), ("tables", TABLES)):
        status, out, _ = bench("list", what)
        assert status == 0
        listed = [line.split("│")[1].strip() for line in out.splitlines() if line.startswith("│")]
        assert listed == [kind.name for kind in kinds]


def test_lists(bench):
    status, out, _ = bench("list", "policies")
    assert status == 0
    assert "gallery separability" in out
    assert "synthped" not in out


def test_data_is_made_and_shown(bench, tmp_path):
    sheet = tmp_path / "sheet.png"
    status, out, _ = bench("data", "make", "synthped", "--data", "size=smoke", "--sheet", sheet)
    assert status == 0
    assert "distractors" in out
    assert sheet.stat().st_size > 10_000
    status, _, err = bench("data", "make", "market1501")
    assert status == 1
    assert "photographed" in err


def told(command):
    """What the parser knows of a command."""
    options = [(type(one), one.name, one.opts, one.default, one.required, one.help) for one in command.params]
    return command.name, command.help, options


def below(command, names):
    """Follow names from a group to one of its commands, with those that stand beside each."""
    beside = []
    for name in names:
        beside.append(list(command.commands))
        command = command.commands[name]
    return told(command), beside


def test_a_command_is_made_alone_and_as_among_all_commands():
    whole = typer.main.get_command(application())
    for name in COMMANDS:
        names = name.split()
        alone, beside = below(typer.main.get_command(application(*names, "-h")), names)
        assert beside == [[one] for one in names]
        assert alone == below(whole, names)[0]


@pytest.mark.parametrize("typed", [(), ("--help",), ("rn",), ("", "run")])
def test_all_commands_are_there_where_none_is_named(typed):
    whole = typer.main.get_command(application(*typed))
    names = [*whole.commands, *(f"{group} {name}" for group in ("data",) for name in whole.commands[group].commands)]
    assert {name.split()[0] for name in COMMANDS} | {name for name in COMMANDS if name.startswith("data ")} == {*names}


@pytest.mark.parametrize("typed", [("data",), ("data", "--help"), ("data", "mak")])
def test_a_groups_commands_are_there_where_none_of_them_is_named(typed):
    group = typer.main.get_command(application(*typed))
    assert list(group.commands) == ["data"]
    assert list(group.commands["data"].commands) == ["make", "verify", "stats", "show", "split"]


def test_installed_as_a_command():
    script = Path(sys.executable).parent / "bench"
    answer = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "0.1.0"
