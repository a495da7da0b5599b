"""The suite from Python: the same results as by its commands, nothing printed."""

import json
import re

import pandas as pd
import pytest
from brought import ABOUT, brought_arrays
from kept import keep_run, same_queries

import bench as suite
from bench.budget.policies.gallery_separability import GALLERY_SEPARABILITY
from bench.errors import BenchError
from bench.runs.load import load

FEW = {"budgets": 3, "shuffles": 2, "resamples": 20}


def test_an_unknown_name_is_no_part_of_it():
    with pytest.raises(AttributeError, match="no attribute 'evaluat'"):
        suite.evaluat  # noqa: B018


def test_evaluate_gives_what_the_command_keeps(tmp_path, capsys):
    arrays = brought_arrays(calibration=True)
    scored = suite.evaluate(arrays, ABOUT, policies=["random", "gs"], results=tmp_path, **FEW)
    assert capsys.readouterr() == ("", "")
    (run,) = load(tmp_path).runs
    assert (run.key, scored.folder.parent.name) == (scored.header["run"], "invented")
    assert list(scored.exits.index) == ["exit 1", "exit 2"]
    assert scored.unit == "multiply-adds"
    assert len(scored.points) == 2 * 2 * 3
    assert scored.curve("gs", "exact")["realised_cost"].is_monotonic_increasing
    assert len(scored.roc("exit 2"))
    for asked, message in (
        (lambda: scored.curve("gss"), "unknown policy of this sweep 'gss': did you mean 'gs'? known: random, gs"),
        (lambda: scored.curve("gs", "streams"), "unknown thresholding of gs in this sweep 'streams'"),
        (lambda: scored.roc("exit 9"), "unknown exit with a ROC curve 'exit 9': did you mean"),
    ):
        with pytest.raises(BenchError, match=re.escape(message)):
            asked()
    assert len(scored.decisions) == 2
    assert len(scored.table) == 48


def test_a_sweep_of_a_run_is_that_of_its_records(tmp_path):
    """By name or as a value, on the run or on its table."""
    scored = suite.evaluate(brought_arrays(), ABOUT, policies=["random", "gs"], results=tmp_path, **FEW)
    again = suite.sweep(scored, policies=["random", GALLERY_SEPARABILITY], thresholdings=["stream", "exact"], **FEW)
    pd.testing.assert_frame_equal(again.points, scored.points)
    pd.testing.assert_frame_equal(again.curves, scored.curves)
    costs = scored.exits["realised_cost"].to_numpy()
    by_table = suite.sweep(scored.table, policies=["gs"], costs=costs, **FEW)
    pd.testing.assert_frame_equal(by_table.curve("gs"), scored.curve("gs"))


def test_what_a_sweep_cannot_do_is_said(tmp_path):
    table = same_queries(0)
    costs = [1.0, 2.0, 3.0, 4.0]
    for options, message in (
        ({"policies": ["gs"]}, "does not say what exits cost"),
        ({"policies": ["gs"], "costs": [1.0, 2.0]}, "one number for each of 4 exits"),
        ({"policies": ["learned"], "costs": costs}, "learned learns from calibration, which is not here"),
        ({"policies": ["nothing"], "costs": costs}, "unknown policy 'nothing'"),
    ):
        with pytest.raises(suite.BenchError, match=message):
            suite.sweep(table, **options)
    learned = suite.sweep(table, policies=["learned"], costs=costs, calibration=same_queries(1), **FEW)
    assert set(learned.curves["policy"]) == {"learned"}


def test_runs_are_loaded(tmp_path):
    for seed in (0, 1):
        keep_run(tmp_path, seed=seed)
    runs = suite.load_runs(tmp_path)
    assert (len(runs), runs[0].seed, runs[1].seed, runs[0].dataset) == (2, 0, 1, "invented") or runs[0].seed == 1
    assert set(runs.records["run"]) == {run.header["run"] for run in runs.runs}
    assert len(runs.records) == sum(len(run.records) for run in runs.runs)
    assert {"gs", "random"} == set(runs[0].curves["policy"])
    with pytest.raises(suite.BenchError, match="found none"):
        suite.load_runs(tmp_path / "nowhere")


def test_choose_gives_what_the_command_prints(tmp_path, bench):
    """Among embeddings from a file: their tables are all that a choice needs."""
    scored = suite.evaluate(brought_arrays(calibration=True), ABOUT, policies=["gs"], results=tmp_path, **FEW)
    dearest = float(scored.exits["requested_cost"].iloc[-1])
    found = suite.choose([scored], budget=dearest)
    assert [row["run"] for row in found["rows"]] == [scored.name]
    status, out, _ = bench("choose", scored.name, "--budget", dearest, "--json", "--results", tmp_path)
    assert status == 0
    assert json.loads(out) == found
    assert suite.choose(suite.load_runs(tmp_path), loss=0.0)["reference"]["exit"] == "exit 2"
    for asked, message in (
        ({"budget": "much"}, "budget is a number; found 'much'"),
        ({"loss": 0.1, "policies": "gs"}, "policies is a list of names, as ['gs']"),
        ({}, "a choice is within a budget or for a loss"),
    ):
        with pytest.raises(BenchError, match=re.escape(message)):
            suite.choose([scored], **asked)
    with pytest.raises(BenchError, match="a choice is among runs"):
        suite.choose(scored.table, budget=1.0)
