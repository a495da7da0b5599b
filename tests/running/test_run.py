"""The whole run on small data: what is kept, what is found again, what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
from notes import Notes
from whole_run import SWEEP

from bench.cost.profiles import LATENCIES, write_latency
from bench.data.dataset import DatasetRequest
from bench.data.synthped.dataset import SYNTHPED
from bench.errors import BenchError
from bench.running.run import run
from bench.runs.load import load
from bench.runs.records import read_records, write_records
from bench.spec import EvaluationSpec, SweepSpec
from bench.training.shared import SHARED_RECIPES


def exits_of(result):
    return [record for record in result.records if record["kind"] == "exit"]


def test_what_a_run_leaves(shared):
    _, result = shared
    names = {file.name.split("-")[0] for file in result.folder.path.iterdir() if not file.name.startswith(".")}
    assert names == {
        "spec.json",
        "weights.safetensors",
        "training.json",
        "retrieval_history.npz",
        "embeddings",
        "features",
        "policy",
        "pairs",
        "cost.json",
        "table",
        "records",
    }
    kinds = {record["kind"] for record in result.records}
    assert kinds == {"exit", "policy", "oracle", "curve", "comparison", "outcome", "auc", "verification", "roc"}
    policies = {(record["policy"], record["thresholding"]) for record in result.records if record["kind"] == "policy"}
    assert policies == {(policy, thresholding) for policy in SWEEP.policies for thresholding in SWEEP.thresholdings}


def test_budgets_in_milliseconds_of_a_profile(shared, bench):
    """Refused before anything is done where nothing was measured; kept beside the sweep in multiply-adds."""
    request, result = shared
    from bench import registry

    timed = replace(request, sweep=SweepSpec(("gs", "learned"), budgets=3, resamples=5, cost="milliseconds"))
    with pytest.raises(BenchError, match="bench latency --method hashreid --preset smoke"):
        run(replace(timed, results=request.results / "elsewhere"))
    measure = ("latency", "-m", "hashreid", "--preset", "smoke", "--seconds", 0, "--device", "cpu")
    assert bench(*measure, "--results", request.results)[0] == 0
    (kept,) = (request.results / "latency").glob("*.json")
    profile = json.loads(kept.read_text())
    swept = run(timed)
    assert swept.header["cost"]["unit"] == "milliseconds"
    assert swept.header["cost"]["batch"] == 1
    exits = [record["realised_cost"] for record in swept.records if record["kind"] == "exit"]
    assert exits == profile["milliseconds"]
    # A policy's own multiply-adds are paid at the speed of the network.
    last = {record["policy"]: record["requested_cost"] for record in swept.records if record.get("a") == "inf"}
    own = sum(registry.policy("learned").macs(np.zeros(4), 0, 0))
    speed = exits[-1] / result.header["exits"][-1]["cumulative_macs"]
    assert last["learned"] - last["gs"] == pytest.approx(own * speed, rel=1e-6)
    runs = load(request.results).runs
    assert {one.cost["name"] for one in runs if one.key == result.header["run"]} == {"macs", "milliseconds"}
    # Measured again, it is another sweep.
    ((profile,), _) = LATENCIES.records(request.results)
    profile = {**profile, "milliseconds": [2 * time for time in profile["milliseconds"]]}
    assert write_latency(request.results, profile) == kept
    again = run(timed)
    assert not again.cached
    assert [record["realised_cost"] for record in again.records if record["kind"] == "exit"] == profile["milliseconds"]


def test_calibration_queries_are_matched_with_all_training_images(shared):
    _, result = shared
    counts = result.header["dataset"]["counts"]
    with np.load(next(result.folder.path.glob("embeddings-*.npz"))) as stored:
        gallery, queries = len(stored["calibration_gallery.0"]), len(stored["calibration_query.0"])
    assert counts["calibration queries"] == queries
    dataset = SYNTHPED.open(shared[0].data)
    assert gallery + queries == len(dataset.train)


def test_provenance_is_on_the_record(shared):
    _, result = shared
    kept = [read_records(file) for file in result.folder.path.glob("records-*.jsonl")]
    header, records = next(found for found in kept if found[0]["sweep"] == result.header["sweep"])
    assert records == result.records
    assert header["run"] == result.header["run"]
    assert header["dataset"]["rendered"] is True
    for name in ("code", "packages", "python", "device", "precision", "argv", "at", "versions"):
        assert header["provenance"][name]
    assert header["provenance"]["packages"]["torch"]
    assert len(header["spec"]["fingerprint"]) == 64
    assert header["exits"][-1]["cumulative_macs"] == max(r["realised_cost"] for r in records if r["kind"] == "exit")


def test_records_without_provenance_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="provenance"):
        write_records(tmp_path / "records.jsonl", {"run": "x"}, [])
    assert not list(tmp_path.iterdir())


def test_a_second_run_finds_everything(shared):
    request, result = shared
    before = {file: file.stat().st_mtime_ns for file in result.folder.path.glob("*.*")}
    notes = Notes()
    again = run(request, notes)
    assert again.cached
    assert again.records == result.records
    assert any("results found" in note for note in notes.said)
    assert {file: file.stat().st_mtime_ns for file in result.folder.path.glob("*.*")} == before


def test_another_sweep_trains_nothing(shared):
    request, result = shared
    notes = Notes()
    other = run(replace(request, sweep=SweepSpec(("gs",), budgets=2, resamples=5)), notes)
    assert other.folder.path == result.folder.path
    for part in ("trained network found", "cost ledger found", "exit table of test queries found"):
        assert any(part in note for note in notes.said)


def test_another_ap_keeps_the_embeddings(shared):
    request, result = shared
    notes = Notes()
    other = run(replace(request, evaluation=EvaluationSpec(ap="trapezoid")), notes)
    assert any("embeddings found" in note for note in notes.said)
    for step, trapezoid in zip(result.records, other.records, strict=True):
        if step["kind"] == "exit":
            assert trapezoid["mAP"] <= step["mAP"]
            assert trapezoid["rank-1"] == step["rank-1"]


def test_without_a_sweep_the_exits_are_scored(smoke_request, shared):
    request, result = shared
    plain = run(replace(request, sweep=None))
    scored = exits_of(plain)
    assert {record["kind"] for record in plain.records} == {"exit", "verification", "roc"}
    assert [r["mAP"] for r in scored] == [r["mAP"] for r in result.records if r["kind"] == "exit"]


def test_seeds_and_settings_are_other_runs(shared):
    request, result = shared
    key = result.header["run"]
    fingerprint = result.header["spec"]["fingerprint"]
    assert request.spec("synthped-smoke", fingerprint).key == key
    own = result.header["provenance"]["precision"]
    assert replace(request, precision=own).spec("synthped-smoke", fingerprint) == request.spec(
        "synthped-smoke", fingerprint
    )
    for change in (
        {"seed": 1},
        {"settings": {"ranking_weight": "0"}},
        {"calibration_share": 0.2},
        {"precision": "bfloat16" if own == "float32" else "float32"},
    ):
        assert replace(request, **change).spec("synthped-smoke", fingerprint).key != key
    assert request.spec("synthped-smoke", "0" * 64).key != key


def test_no_held_out_identities(smoke_request, trained):
    result = run(trained(smoke_request(calibration_share=0.0)))
    assert result.header["calibration"] is None
    assert result.header["dataset"]["counts"]["calibration queries"] == 0


def test_a_single_exit_is_a_point_of_the_comparison(smoke_request, trained):
    notes = Notes()
    result = run(trained(smoke_request(method="hashreid-noexit", sweep=SWEEP, calibration_share=0.3)), notes)
    assert {record["kind"] for record in result.records} == {"exit", "verification", "roc"}
    assert any("one exit" in note for note in notes.said)


def test_the_shared_recipe_is_another_run_unless_it_is_the_methods_own(smoke_request):
    own, shared = (smoke_request(method="dare", recipe=recipe).spec("d", "f") for recipe in ("own", "shared"))
    assert own.recipe != shared.recipe == SHARED_RECIPES["smoke"]
    assert own.network == shared.network
    assert own.key != shared.key
    assert "dare-smoke-shared-seed0" in shared.folder_name
    own, shared = (smoke_request(recipe=recipe).spec("d", "f") for recipe in ("own", "shared"))
    assert own.key == shared.key


def test_ten_crops_cost_ten_times_and_train_nothing(smoke_request, trained):
    request = trained(smoke_request(method="dare", calibration_share=0.3))
    one = run(request)
    notes = Notes()
    ten = run(replace(request, evaluation=EvaluationSpec(views="ten-crop")), notes)
    assert ten.folder.path == one.folder.path
    assert any("trained network found" in note for note in notes.said)
    for single, averaged in zip(exits_of(one), exits_of(ten), strict=True):
        assert averaged["realised_cost"] == 10 * single["realised_cost"]
    assert [r["mAP"] for r in exits_of(one)] != [r["mAP"] for r in exits_of(ten)]
    assert [r["mAP"] for r in exits_of(run(request))] == [r["mAP"] for r in exits_of(one)]


def test_ten_crops_of_images_without_a_margin_are_refused_before_anything_is_done(smoke_request):
    with pytest.raises(BenchError, match="resize=72x36"):
        smoke_request(evaluation=EvaluationSpec(views="ten-crop")).resolve()


def test_one_process_at_a_time(shared):
    request, result = shared
    other = replace(request, sweep=SweepSpec(("gs",), budgets=9, resamples=5))
    with result.folder.alone(), pytest.raises(BenchError, match="another process"):
        run(other)


def test_own_photographs_through_a_manifest(smoke_request, cache, tmp_path):
    """The rendered files listed in a CSV: the same job by another door."""
    from bench import registry

    rendered = registry.dataset("synthped").open(DatasetRequest(cache, {"size": "smoke"}))
    rows = ["path,pid,camid,split"]
    for split in ("train", "query", "gallery"):
        for sample in getattr(rendered, split):
            rows.append(f"{sample.path.relative_to(rendered.root)},{sample.pid},{sample.camid},{split}")
    listing = rendered.root / "manifest.csv"
    listing.write_text("\n".join(rows) + "\n")
    try:
        result = run(smoke_request(dataset="manifest", data=DatasetRequest(listing), sweep=SWEEP))
    finally:
        listing.unlink()
    assert result.header["dataset"]["rendered"] is False
    assert result.header["dataset"]["counts"]["query images"] == len(rendered.query)


def test_market_layout_by_its_own_reader(smoke_request, cache):
    from bench import registry

    rendered = registry.dataset("synthped").open(DatasetRequest(cache, {"size": "smoke"}))
    result = run(smoke_request(dataset="market1501", data=DatasetRequest(rendered.root)))
    assert result.header["dataset"]["name"] == "market1501"
    assert json.loads(json.dumps(result.records)) == result.records
