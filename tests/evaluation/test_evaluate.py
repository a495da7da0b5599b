"""Embeddings from elsewhere, scored, and read by every command that reads runs."""

import json
from dataclasses import replace

import numpy as np
import pytest
from brought import ABOUT, brought_arrays

from bench.budget.crossed import test_people as people_of
from bench.errors import BenchError
from bench.evaluation.evaluate import evaluate
from bench.evaluation.file import write_embeddings
from bench.evaluation.request import EvaluationRequest
from bench.findings.sections import sections
from bench.integrity.runs import verify_results
from bench.report.tables.exits import exit_table
from bench.report.tables.overview import overview
from bench.runs.load import load
from bench.spec import SweepSpec

SWEEP = SweepSpec(("random", "gs", "learned", "entropy", "ets"), budgets=3, shuffles=2, resamples=20)


@pytest.fixture
def ask(tmp_path):
    """Write a file and make a request for it."""

    def ask_(name="theirs", about=ABOUT, sweep=SWEEP, leave_out=True, arrays=None, **made):
        path = tmp_path / f"{name}.npz"
        write_embeddings(path, brought_arrays(**made) if arrays is None else arrays, about)
        return EvaluationRequest(path, sweep=sweep, leave_out=leave_out, results=tmp_path / "results")

    return ask_


def test_the_exits_are_scored_and_policies_swept(ask):
    result = evaluate(ask(calibration=True))
    kinds = {record["kind"] for record in result.records}
    assert {"exit", "policy", "curve", "comparison", "outcome"} <= kinds
    assert {record["policy"] for record in result.records if record["kind"] == "policy"} == {"random", "gs", "learned"}
    assert set(result.header["left_out"]) == {"entropy", "ets"}
    assert "training.retrieval_history" in result.header["left_out"]["ets"]
    first, last = (record for record in result.records if record["kind"] == "exit")
    assert (first["realised_cost"], last["realised_cost"]) == (1e6, 3e6)
    assert first["mAP"] < last["mAP"]
    assert evaluate(ask(calibration=True)).cached


def test_people_without_a_match_are_told_and_no_test_counts_them(ask):
    arrays = brought_arrays()
    whole = evaluate(ask(arrays=arrays)).header["dataset"]["counts"]
    assert "scored queries" not in whole
    assert people_of(whole) == whole["query identities"] == 12
    # One camera alone saw three of the people.
    lonely = {**arrays, "gallery.camids": np.where(arrays["gallery.pids"] <= 3, 9, arrays["gallery.camids"])}
    lonely["query.camids"] = np.where(arrays["query.pids"] <= 3, 9, arrays["query.camids"])
    counts = evaluate(ask(arrays=lonely)).header["dataset"]["counts"]
    assert (counts["query images"], counts["query identities"]) == (48, 12)
    assert (counts["scored queries"], counts["scored identities"]) == (36, 9)
    assert people_of(counts) == 9


def test_the_key_is_that_of_the_content(ask, tmp_path):
    arrays = brought_arrays()
    first = evaluate(ask(arrays=arrays))
    write_embeddings(tmp_path / "copy.safetensors", arrays, ABOUT)
    again = evaluate(replace(ask(arrays=arrays), file=tmp_path / "copy.safetensors"))
    assert again.cached
    assert again.folder == first.folder
    changed = {**arrays, "query.0": np.nextafter(arrays["query.0"], np.inf)}
    assert evaluate(ask(arrays=changed)).folder != first.folder


def test_what_does_not_apply_is_an_error_where_it_was_named(ask):
    with pytest.raises(BenchError, match="ets learns from the course of training, and the file has no"):
        evaluate(ask(sweep=replace(SWEEP, policies=("ets",)), leave_out=False))
    with pytest.raises(BenchError, match="thresholding calibrated needs identities held out"):
        evaluate(ask(sweep=replace(SWEEP, thresholdings=("calibrated",))))


@pytest.mark.parametrize("unit", ["milliseconds", "joules"])
def test_costs_may_be_measured(ask, unit):
    """What a policy computes has a price only where the file states one."""
    request = ask(about={**ABOUT, "cost": {"unit": unit, "machine": "a phone"}}, calibration=True)
    result = evaluate(request)
    assert result.header["cost"] == {"name": unit, "unit": unit, "machine": "a phone"}
    assert unit in result.header["left_out"]["learned"]
    (section,) = sections(load(request.results))
    assert section.cost.unit == unit
    assert unit in exit_table(section).markdown()
    priced = evaluate(ask(about={**ABOUT, "cost": {"unit": unit, "policy_mac": 1e-6}}, calibration=True))
    spent = {
        name: max(r["realised_cost"] for r in priced.records if (r["kind"], r["policy"]) == ("policy", name))
        for name in ("gs", "learned")
    }
    assert spent["learned"] - spent["gs"] == pytest.approx(7e-6, rel=1e-3)


def test_searches_on_the_way_are_paid_where_the_file_prices_them(ask):
    priced = evaluate(ask(about={**ABOUT, "cost": {**ABOUT["cost"], "search": [1e5, 2e5]}}))
    spent = {
        name: max(r["realised_cost"] for r in priced.records if (r["kind"], r["policy"]) == ("policy", name))
        for name in ("gs", "random")
    }
    assert spent == {"gs": 3.1e6, "random": 3e6}


def test_one_exit_is_a_point(ask):
    result = evaluate(ask(exits=1))
    assert {record["kind"] for record in result.records} == {"exit", "verification", "roc"}


def test_names_that_name_no_folder_are_refused(ask):
    with pytest.raises(BenchError, match="give one with --name"):
        evaluate(ask(about={**ABOUT, "name": "../elsewhere"}))
    assert evaluate(replace(ask(), name="better")).folder.path.name.startswith("better-embeddings-seed0-")


def test_commands_that_read_runs_read_it(ask, bench, tmp_path):
    requests = [ask("theirs"), ask("mine", about={**ABOUT, "name": "mine"}, seed=1, spread=1.2)]
    for request in requests:
        options = ("--policies", "random,gs", "--budgets", 3, "--shuffles", 2, "--resamples", 20)
        status, out, err = bench("evaluate", request.file, *options, "--results", request.results)
        assert (status, err.count("left out")) == (0, 0)
        assert "gap closed" in out
    results = requests[0].results
    status, out, err = bench("compare", "theirs", "mine", "--results", results)
    assert status == 0, err
    assert "p (Holm)" in out or "Holm" in out
    status, out, _ = bench("show", "mine", "--results", results, "--json")
    shown = json.loads(out)
    assert shown["missing"] == []
    assert shown["spec"]["data"]["counts"]["gallery images"] == 48
    assert bench("export", tmp_path / "all.csv", "--results", results)[0] == 0
    assert not verify_results(results).findings
    (section,) = sections(load(results))
    assert [setup.label for setup in section.setups] == ["mine embeddings", "theirs embeddings"]
    assert len(overview([section])) == 2


def test_seeds_of_one_name_are_one_setup_and_two_files_of_one_seed_are_not(ask):
    for seed in (0, 1):
        evaluate(ask(f"seed{seed}", about={**ABOUT, "seed": seed}, seed=seed))
    results = ask().results
    (setup,) = sections(load(results))[0].setups
    assert setup.seeds == "seeds 0, 1"
    evaluate(ask("other", about={**ABOUT, "seed": 1}, seed=2))
    assert len(sections(load(results))[0].setups) == 3


def test_other_people_are_other_data(ask, bench):
    evaluate(ask("theirs"))
    evaluate(ask("others", about={**ABOUT, "name": "others"}, shift=1))
    status, _, err = bench("compare", "theirs", "others", "--results", ask().results)
    assert status == 1
    assert "on different data" in err
