"""What policies learn, cost and leave on the records of a run."""

import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from notes import Notes
from whole_run import SWEEP

from bench.budget.policy import LearnedPolicy, Policy
from bench.data.synthped.dataset import SYNTHPED
from bench.errors import BenchError
from bench.running.run import run
from bench.runs.records import read_records, write_records
from bench.spec import SweepSpec


def test_what_policies_learned_is_kept_and_on_the_record(shared):
    request, result = shared
    kept = {file.name.rsplit("-", 1)[0] for file in result.folder.path.glob("policy-*.npz")}
    assert kept == {"policy-ets-v2", "policy-learned-v1"}
    assert result.header["policy_versions"]["ets"] == 2
    counts = result.header["learned"]["ets"]
    assert sum(counts.values()) <= result.header["training"]["images"]
    before = {file: file.stat().st_mtime_ns for file in result.folder.path.glob("policy-*.npz")}
    again = run(replace(request, sweep=replace(SWEEP, policies=("ets+gs", "ets"), thresholdings=("exact",))))
    assert {file: file.stat().st_mtime_ns for file in before} == before
    one, other = (
        [r["mAP"] for r in found.records if (r["kind"], r["policy"], r["thresholding"]) == ("policy", "ets", "exact")]
        for found in (result, again)
    )
    assert one == other


def test_files_with_other_arrays_are_made_again(shared, tmp_path):
    """Without a digest, as an earlier version wrote them: the names of what is in them tell."""
    request, result = shared
    results = tmp_path / "results"
    shutil.copytree(request.results, results)
    folder = results / result.folder.path.relative_to(request.results)
    replaced = [path for kind in ("features", "policy", "pairs") for path in folder.glob(f"{kind}-*.npz")]
    for path in replaced:
        np.savez(path, other=np.arange(3))
    for path in folder.glob("records-*"):
        path.unlink()
    notes = Notes()
    again = run(replace(request, results=results), notes)
    for path in replaced:
        assert any(f"{path.name} is not of the form" in note and "made again" in note for note in notes.said), path.name
    assert again.records == result.records


def test_a_policys_own_cost_is_on_every_budget(shared):
    _, result = shared
    last = {
        name: max(r["realised_cost"] for r in result.records if (r["kind"], r["policy"], r["thresholding"]) == key)
        for name in ("gs", "ets")
        for key in [("policy", name, "exact")]
    }
    from bench import registry

    with np.load(next(result.folder.path.glob("features-*.npz"))) as stored:
        width = stored["query"].shape[1]
    exits = len(result.header["exits"])
    assert last["ets"] - last["gs"] == sum(registry.policy("ets").macs(np.zeros(exits), 0, width)) > 0


def test_thresholds_of_the_first_exit_are_chosen_on_held_out_people(shared):
    _, result = shared
    outcomes = {record["policy"]: record for record in result.records if record["kind"] == "outcome"}
    assert set(outcomes) == set(SWEEP.policies)
    assert {name for name, record in outcomes.items() if record["threshold_from"] == "own"} == {
        "random",
        "learned",
        "ets",
    }


def test_auc_is_recorded_of_test_people_and_held_out_ones(shared):
    _, result = shared
    areas = [record for record in result.records if record["kind"] == "auc"]
    found = {(record["policy"], record["people"], record["exit"]) for record in areas}
    assert found == {
        (name, people, index) for name in SWEEP.policies for people in ("test", "calibration") for index in range(4)
    }


@pytest.mark.parametrize(("name", "kinds"), [("auc", {"auc"}), ("verification", {"verification", "roc"})])
def test_what_is_recorded_of_late_is_added_to_records_that_were_kept_without(shared, name, kinds):
    """The records of before are the same, and nothing else is done again."""
    request, result = shared
    path = next(one for one in result.folder.path.glob("records-*.jsonl") if read_records(one)[1] == result.records)
    whole = path.read_bytes()
    header, records = read_records(path)
    without = [record for record in records if record["kind"] not in kinds]
    bare = {name: value for name, value in header.items() if name not in ("type", "schema")}
    write_records(path, bare, without)
    path.chmod(0o444)
    if not os.access(path, os.W_OK):
        assert run(request).records == without
    path.chmod(0o644)
    again = run(request)
    assert again.cached
    assert again.records == without + [record for record in records if record["kind"] in kinds]
    found, kept = read_records(path)
    assert kept == again.records
    assert found["added"][name]["versions"]
    assert {name: value for name, value in found.items() if name != "added"} == header
    path.write_bytes(whole)
    folder = result.folder
    source = folder.table("test", request.evaluation.key) if name == "auc" else folder.embeddings("centre")
    write_records(path, bare, without)
    source.rename(source.with_suffix(".away"))
    assert run(request).records == without
    source.with_suffix(".away").rename(source)
    path.write_bytes(whole)


def test_policies_learn_from_no_identity_that_is_tested(shared, monkeypatch):
    """What is handed to a policy to learn from shows none of the people that it will be tested on."""
    request, _ = shared
    seen = []
    spy = LearnedPolicy(
        "spy",
        "",
        "",
        needs="training statistics",
        fit=lambda evidence, generator: seen.append(evidence) or {"nothing": np.zeros(1)},
        load=lambda parameters: Policy("spy", "", "", lambda signals, generator: signals.identity_margin),
        macs=lambda dims, classes, features: [0] * len(dims),
    )
    monkeypatch.setattr("bench.registry.policy", lambda name: spy)
    run(replace(request, sweep=SweepSpec(("spy",), budgets=2, resamples=5)))
    (evidence,) = seen
    dataset = SYNTHPED.open(request.data)
    tested = {sample.pid for sample in (*dataset.query, *dataset.gallery) if sample.pid > 0}
    calibration = evidence.calibration
    assert not tested & set(calibration.outcomes.query_pids.tolist())
    assert not tested & set(calibration.signals.nearest_pids.ravel().tolist())
    trained = len(dataset.train) - len(calibration.signals.features.query)
    assert evidence.training.retrieval_history.shape[1] == len(evidence.training.features) <= trained
    assert evidence.training.neighbours.max() < len(evidence.training.features)
    # What was kept under one version of a policy is not found under the next.
    asked = replace(request, sweep=SweepSpec(("spy",), budgets=2, resamples=5))
    assert run(asked).cached
    monkeypatch.setattr("bench.registry.policy", lambda name: replace(spy, version=2))
    again = run(asked)
    assert not again.cached
    assert again.header["policy_versions"] == {"spy": 2}
    assert len(seen) == 2
    monkeypatch.setattr("bench.registry.policy", lambda name: spy)
    assert run(asked).header["policy_versions"] == {"spy": 1}


@pytest.mark.parametrize(
    ("policy", "change", "message"),
    [
        ("learned", {"calibration_share": 0.0}, "learns from identities held out of training"),
        ("ets", {"lost": "retrieval_history.npz"}, "no training statistics"),
    ],
)
def test_what_cannot_be_learned_is_an_error_if_named_and_left_out_if_not(
    smoke_request, trained, policy, change, message
):
    lost = change.pop("lost", None) if (change := dict(change)) else None
    wanted = SweepSpec((policy, "gs"), thresholdings=("exact",), budgets=2, resamples=5)
    request = trained(smoke_request(sweep=wanted, **{"calibration_share": 0.3, **change}))
    if lost:
        for file in (*request.results.rglob(lost), *request.results.rglob("policy-*")):
            file.unlink()
    with pytest.raises(BenchError, match=message):
        run(request)
    notes = Notes()
    result = run(replace(request, leave_out=True), notes)
    assert {record["policy"] for record in result.records if record["kind"] == "policy"} == {"gs"}
    assert lost is None or any(message in note for note in notes.said)


def test_a_retrieval_history_of_other_images_is_refused(smoke_request, trained):
    sweep = SweepSpec(("ets",), thresholdings=("exact",), budgets=2, resamples=5)
    request = trained(smoke_request(sweep=sweep, calibration_share=0.3))
    (file,) = request.results.rglob("retrieval_history.npz")
    with np.load(file) as stored:
        parts = dict(stored)
    np.savez(file, **{**parts, "samples": parts["samples"][::-1]})
    with pytest.raises(BenchError, match="other images"):
        run(request)


def test_a_policy_that_finds_nothing_to_read_is_left_out(smoke_request, trained):
    notes = Notes()
    sweep = SweepSpec(("gs", "entropy"), thresholdings=("exact",), budgets=3, resamples=5)
    request = trained(smoke_request(method="dare", sweep=sweep, calibration_share=0.3))
    result = run(request, notes)
    assert {record["policy"] for record in result.records if record["kind"] == "policy"} == {"gs"}
    assert any("entropy left out" in note for note in notes.said)
    with pytest.raises(BenchError, match="none of the policies entropy applies to dare"):
        run(replace(request, sweep=replace(sweep, policies=("entropy",))))


def test_entropy_pays_for_the_classifiers_that_it_reads(smoke_request, trained):
    sweep = SweepSpec(("entropy",), thresholdings=("exact",), budgets=3, resamples=5)
    result = run(trained(smoke_request(method="branchynet", sweep=sweep, calibration_share=0.3)))
    exits = [record for record in result.records if record["kind"] == "exit"]
    curve = [record for record in result.records if record["kind"] == "policy"]
    dims = [row["dim"] for row in result.header["exits"]]
    identities = result.header["dataset"]["counts"]["training identities"]
    assert curve[0]["realised_cost"] == exits[0]["realised_cost"] + dims[0] * identities
    assert curve[-1]["realised_cost"] == exits[-1]["realised_cost"] + (dims[0] + dims[1]) * identities
