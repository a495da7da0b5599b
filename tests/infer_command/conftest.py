"""Finished smoke runs that ``bench infer`` is asked of."""

import pytest

from bench.running.run import run
from bench.spec import SweepSpec


@pytest.fixture(scope="module")
def results(module_request, trained):
    """A run of hashreid whose sweep has gs, calibrated, at five budgets; and one of another method."""
    shared = {"calibration_share": 0.3, "precision": "float32"}
    sweep = SweepSpec(("gs",), ("calibrated",), budgets=5, resamples=2)
    for request in (module_request(sweep=sweep, **shared), module_request(method="hashreid-noexit", **shared)):
        run(trained(request))
    return request.results


@pytest.fixture
def infer(bench, results, monkeypatch):
    """Type ``bench infer``; the steps are timed just long enough to have a number."""
    for seconds in ("PROFILE_SECONDS", "FURTHER_SECONDS"):
        monkeypatch.setattr(f"bench.inference.infer.{seconds}", 0)
    monkeypatch.setattr("bench.inference.compaction.LEAST_RUNS", 1)

    def type_(*arguments, run="hashreid-smoke"):
        return bench("infer", run, "--results", results, "--device", "cpu", *arguments)

    return type_


@pytest.fixture
def untimed(monkeypatch):
    """What is refused is refused at once, and not after all steps have been timed."""
    monkeypatch.setattr("bench.inference.infer.measure_steps", lambda *_: pytest.fail("timed before it was refused"))
