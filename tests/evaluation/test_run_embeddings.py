"""A finished run's embeddings as a file: scoring it gives the run's records, byte for byte."""

from dataclasses import replace

import pytest
from kept import keep_run
from profiled import keep_profile

from bench import registry
from bench.cost.profiles import network_key
from bench.data.dataset import DatasetRequest
from bench.errors import BenchError
from bench.evaluation.evaluate import evaluate
from bench.evaluation.from_run import write_run_embeddings
from bench.evaluation.request import EvaluationRequest
from bench.integrity.runs import verify_results
from bench.running.run import run
from bench.spec import SweepSpec

SWEEP = SweepSpec(
    tuple(registry.names("policy")),
    thresholdings=("stream", "calibrated"),
    budgets=3,
    shuffles=2,
    resamples=10,
)
OF_ITS_OWN = {"run", "spec", "provenance", "embeddings"}
"""What a header says of where it comes from."""


@pytest.mark.parametrize("method", ["hashreid", "branchynet"])
def test_evaluating_a_runs_embeddings_gives_its_records(method, trained, smoke_request, bench, tmp_path):
    request = trained(smoke_request(method=method, sweep=SWEEP, leave_out=True, calibration_share=0.3))
    result = run(request)
    out = tmp_path / "theirs.safetensors"
    data = ("--data", "size=smoke", "--data-root", request.data.root, "--cache", request.cache)
    status, told, err = bench("embeddings", result.folder.path, "--out", out, *data, "--device", "cpu")
    assert (status, told.count("bench evaluate")) == (0, 1), err
    scored = evaluate(EvaluationRequest(out, sweep=SWEEP, leave_out=True, results=request.results))
    one, other = (next(found.folder.path.glob("records-*")).read_bytes().splitlines() for found in (result, scored))
    assert one[1:-1] == other[1:-1]
    ours, theirs = result.header, scored.header
    assert {name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name)} == OF_ITS_OWN
    assert scored.folder.path.parent == result.folder.path.parent
    assert not [finding for finding in verify_results(request.results).findings if finding.wrong]
    assert bench("compare", result.folder.path, scored.folder.path)[0] == 0
    assert bench("embeddings", result.folder.path, "--out", out, *data)[0] == 1, "a file that is there is kept"


def test_over_every_cost_the_records_are_those_of_the_run(trained, smoke_request, bench, tmp_path):
    """``ets`` computes something, which is paid for in the unit of the cost."""
    request = trained(smoke_request(calibration_share=0.3))
    method, options, recipe = request.resolve()
    network = network_key(method.name, options, recipe.input_size)
    keep_profile(request.results, network=network, joules=[1.0, 2.0, 3.0, 5.0])
    for cost in registry.names("cost"):
        sweep = SweepSpec(("gs", "ets"), thresholdings=("exact",), budgets=3, resamples=5, cost=cost)
        result = run(replace(request, sweep=sweep))
        assert result.header["cost"]["name"] == cost
        out = tmp_path / f"{cost}.npz"
        write_run_embeddings(result.folder, out, request.data, request.cache, cost=cost, device="cpu")
        scored = evaluate(EvaluationRequest(out, sweep=sweep, results=tmp_path / "theirs"))
        assert scored.records == result.records, cost
        assert scored.header["cost"] == result.header["cost"]


def test_what_cannot_be_written_is_said_before_anything_is_opened(bench, tmp_path):
    folder = keep_run(tmp_path / "results")
    for name, message in (
        ("x.pt", "ends in .npz or .safetensors, found .pt"),
        ("x.npz", "no reader is known for invented, whose name begins with its reader's"),
    ):
        status, _, err = bench("embeddings", folder.path, "--out", tmp_path / name)
        assert status == 1
        assert message in " ".join(err.split())
    with pytest.raises(BenchError, match="has no records over joules"):
        write_run_embeddings(folder, tmp_path / "x.npz", DatasetRequest(), tmp_path, cost="joules")
