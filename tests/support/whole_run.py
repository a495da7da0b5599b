"""Requests for runs of seconds, and the sweep of the run that the tests of what a run keeps share."""

from collections.abc import Callable
from pathlib import Path

from bench.data.dataset import DatasetRequest
from bench.running.request import RunRequest
from bench.spec import SweepSpec

SWEEP = SweepSpec(
    ("random", "qs", "gs", "learned", "ets"), thresholdings=("stream", "exact", "calibrated"), budgets=4, resamples=20
)


def request_maker(cache: Path, results: Path) -> Callable[..., RunRequest]:
    def make(**changes) -> RunRequest:
        values = {
            "method": "hashreid",
            "preset": "smoke",
            "data": DatasetRequest(cache, {"size": "smoke"}),
            "cache": cache,
            "results": results,
            "device": "cpu",
        }
        return RunRequest(**{**values, **changes})

    return make
