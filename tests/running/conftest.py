"""One run with a sweep, which the tests of what a run keeps share."""

import pytest
from whole_run import SWEEP, request_maker

from bench.running.run import run


@pytest.fixture(scope="session")
def shared(cache, trained, tmp_path_factory):
    """A request and the result of its run, with five policies under three thresholdings."""
    make = request_maker(cache, tmp_path_factory.mktemp("shared") / "results")
    request = trained(make(sweep=SWEEP, calibration_share=0.3))
    return request, run(request)
