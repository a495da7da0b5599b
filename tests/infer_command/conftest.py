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
    monkeypatch.setattr("bench.inference.infer.PROFILE_SECONDS", 0.01)
    monkeypatch.setattr("bench.inference.infer.FURTHER_SECONDS", 0.01)

    def type_(*arguments, run="hashreid-smoke"):
        return bench("infer", run, "--results", results, "--device", "cpu", *arguments)

    return type_
