"""Measurements beside the runs: one flipped number, one wrong form, one run that is not there, and all is told."""

import gzip
import json
import shutil
from dataclasses import replace

import pytest

from bench.cost.profiles import network_key, write_latency
from bench.files import read_json, write_json
from bench.integrity.checks import Verification
from bench.integrity.measured import verify_measurements
from bench.report.studies import STUDIES
from bench.runs.records import read_records, write_records

EVALUATION = {"ap": "step", "signals": "deployed"}


def wrong(results):
    """Names and problems of what is wrong, and of what is only to be known."""
    verification = Verification()
    verify_measurements(results, verification)
    told = [
        {one.path.name: one.problem for one in verification.findings if one.wrong is kind} for kind in (True, False)
    ]
    return verification.files, *told


@pytest.fixture
def kept(write_run):
    """A run with a latency, an early exit and a search study that agree with its records."""

    def change(header, records):
        header["spec"]["recipe"] = {"input_size": [64, 32]}
        header["evaluation"] = dict(EVALUATION)
        header["dataset"]["counts"] = {"query images": 3, "gallery images": 9}

    header, records, _ = write_run(change=change)
    exits = sorted((one for one in records if one["kind"] == "exit"), key=lambda one: one["exit"])
    names = [exit_["name"] for exit_ in header["exits"]]
    provenance = {"processor": "cpu", "device": "cpu", "precision": "float32", "threads": 1}
    key = network_key(header["spec"]["method"], header["spec"]["network"], [64, 32])
    times = {name: [float(place) for place, _ in enumerate(names, 1)] for name in ("milliseconds", "low", "high")}
    about = {"method": header["spec"]["method"], "preset": "demo", "batch": 1, "provenance": provenance}
    write_latency(write_run.results, {"network": key, "exits": names, **times, **about})
    write_json(write_run.results / "inference" / "one.json", inference(header, exits[-1], names))
    return write_run.results


def inference(header, last, names):
    """An early exit of the full network, as ``bench infer`` keeps it."""
    numbers = ("macs", "milliseconds", "throughput", "latency_p50", "latency_p90", "latency_p99", "promised_by_macs")
    numbers += ("promised_by_steps", "saved_network", "saved_end_to_end")
    full = {**dict.fromkeys(numbers, 1.0), "mAP": last["mAP"], "rank-1": last["rank-1"], "kind": "full"}
    full |= {"name": "full network", "exit": names[-1], "run": header["run"], "decisions_changed": None, "joules": None}
    full |= {"exit_fractions": [0.0] * (len(names) - 1) + [1.0], "bits_compared": 9, "bits_changed": 0}
    full["values"] = {"milliseconds": [[1.0] * 3], "exits": [len(names) - 1] * 3}
    record = {"schema": 1, "run": header["run"], "name": "run", "scenario": "offline", "policy": "gs", "batch": 1}
    record |= {"thresholding": "calibrated", "dataset": "data", "counter": "none", "queries": 3, "gallery": 9}
    record |= {"rounds": 1, "evaluation": EVALUATION, "contestants": [full], "provenance": {"processor": "cpu"}}
    return record | {"engine": {"backend": "torch", "precision": "float32", "threads": 1, "device": "cpu"}}


def changed(results, change):
    """Change a kept measurement as one who also sets its digest right, and give what is said of it."""
    path = results / "inference" / "one.json"
    record = {name: value for name, value in read_json(path).items() if name != "digest"}
    change(record)
    write_json(path, record)
    return wrong(results)


def test_what_agrees_with_its_runs_is_whole(kept):
    assert wrong(kept) == (2, {}, {})
    packed = kept / "inference" / "one.json"
    packed.with_suffix(".json.gz").write_bytes(gzip.compress(packed.read_bytes()))
    assert wrong(kept) == (3, {}, {})


def test_a_measurement_is_held_to_the_run_beside_it(kept):
    """The same run, trained on another machine and kept in a folder further down, has numbers of its own."""
    other = kept / "elsewhere"
    shutil.copytree(kept, other)
    for path in other.glob("runs/*/*/records-*"):
        header, records = read_records(path)
        for record in records:
            record.update({"mAP": record["mAP"] / 2} if record["kind"] == "exit" else {})
        write_records(path, header, records)
    files, told, _ = wrong(kept)
    assert files == 4
    assert list(told) == ["one.json"]
    assert wrong(other)[1].keys() == told.keys()
    shutil.rmtree(other / "inference")
    assert wrong(kept)[1] == {}


@pytest.mark.parametrize("name", ["inference/one.json", "latency"])
def test_one_flipped_digit_is_found(kept, name):
    path = kept / name if name.endswith("json") else next((kept / name).glob("*.json"))
    text = path.read_text()
    path.write_text(text.replace('": 1.0', '": 2.0', 1) if '": 1.0' in text else text.replace("1.0", "2.0", 1))
    _, told, _ = wrong(kept)
    assert list(told) == [path.name]
    assert "does not match its digest" in told[path.name]


def test_what_disagrees_with_the_run_is_told_with_both_numbers(kept):
    for change, said in (
        (lambda one: one["contestants"][0].update(mAP=0.123), "mAP of full network is 0.123, by"),
        (lambda one: one["contestants"][0]["values"].update(exits=[0, 3, 3]), "exit fractions of full network"),
        (lambda one: one.pop("contestants"), "not of the form"),
    ):
        before = (kept / "inference" / "one.json").read_bytes()
        _, told, remarks = changed(kept, change)
        assert said in told["one.json"]
        assert not remarks
        (kept / "inference" / "one.json").write_bytes(before)


def test_orphans_are_remarks(kept):
    path = next((kept / "latency").glob("*.json"))
    _, told, remarks = changed(kept, lambda one: one["contestants"][0].update(run="f" * 64))
    assert not told
    assert remarks["one.json"].startswith("run ffffffff under that evaluation, which full network is of, is not here")
    record = {name: value for name, value in read_json(path).items() if name != "digest"}
    write_json(path, {**record, "network": "another"})
    assert "another measurement's file lies in its place" in wrong(kept)[1][path.name]
    another = write_latency(kept, {**record, "network": "another"})
    assert "a run of the network that it times" in wrong(kept)[2][another.name]
    # As before digests.
    path.write_text(json.dumps(record))
    assert "carries no digest" in wrong(kept)[2][path.name]


def test_times_of_other_exits_than_the_runs_are_wrong(kept):
    path = next((kept / "latency").glob("*.json"))
    record = {name: value for name, value in read_json(path).items() if name != "digest"}
    write_json(path, {**record, "exits": [f"no {name}" for name in record["exits"]]})
    assert "times the exits no " in wrong(kept)[1][path.name]


def test_a_search_study_is_compared_with_the_runs_it_names(kept, monkeypatch):
    monkeypatch.setattr("bench.integrity.measured.STUDIES", replace(STUDIES, check=lambda path, study: None))
    record = read_json(kept / "inference" / "one.json")["contestants"][0]
    row = {name: record[name] for name in ("run", "exit", "mAP", "rank-1")} | {"seed": 0}
    path = kept / "search" / "data" / "one" / "study.json"
    for change, said in (({}, None), ({"mAP": 0.5}, "mAP of "), ({"exit": "exit 9"}, "has an exit exit 9")):
        write_json(path, {"accuracy": [row | change], "evaluation": EVALUATION})
        _, told, _ = wrong(kept)
        assert (said is None) == (not told)
        assert said is None or told["study.json"].startswith(said)


@pytest.mark.parametrize(("name", "value"), [("evaluation", []), ("joules", "much"), ("decisions_changed", "some")])
def test_an_early_exit_of_another_form_is_found(kept, name, value):
    path = kept / "inference" / "one.json"
    record = read_json(path)
    (record if name in record else record["contestants"][0])[name] = value
    write_json(path, record)
    assert list(wrong(kept)[1]) == [path.name]
