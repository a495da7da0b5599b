"""Finished runs of every multi-exit method, at preset smoke."""

import functools

import pytest
from multi_exit import BUDGETS

from bench import registry
from bench.data.dataset import DatasetRequest
from bench.inference.deployed import Deployed
from bench.progress import SILENT
from bench.running.request import RunRequest
from bench.running.run import Opened, run
from bench.running.stages import obtain_network
from bench.spec import SweepSpec


@pytest.fixture(scope="session")
def finished(cache, trained, tmp_path_factory):
    """``finished(method)`` gives (request, records) of a run that swept every policy, with one shuffle."""
    results = tmp_path_factory.mktemp("results")
    made = {}

    def make(method):
        if method not in made:
            request = RunRequest(
                method,
                "smoke",
                data=DatasetRequest(cache, {"size": "smoke"}),
                cache=cache,
                device="cpu",
                precision="float32",
                calibration_share=0.3,
                sweep=SweepSpec(
                    tuple(registry.names("policy")),
                    thresholdings=("stream", "calibrated"),
                    budgets=BUDGETS,
                    shuffles=1,
                    resamples=2,
                ),
                leave_out=True,
                results=results,
            )
            made[method] = (request, run(trained(request)).records)
        return made[method]

    return make


@pytest.fixture(scope="session")
def deployed_of(finished, context_of):
    """``deployed_of(method, policy)`` is what the run has for an engine; skips a policy that does not apply.

    A method's network is read once, for all policies: an engine writes nothing into it.
    """
    made = {}
    network_of = functools.cache(lambda method: obtain_network(context_of(method)))

    def make(method, policy):
        request, records = finished(method)
        if not any(record["policy"] == policy for record in records):
            pytest.skip(f"{policy} does not apply to {method}")
        if (method, policy) not in made:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("bench.inference.deployed.obtain_network", lambda _: network_of(method))
                made[method, policy] = Deployed.of(context_of(method), policy, request.evaluation, request.sweep.seed)
        return made[method, policy]

    return make


@pytest.fixture(scope="session")
def context_of(finished):
    """``context_of(method)`` opens the run's stages."""
    made = {}

    def make(method):
        if method not in made:
            request, _ = finished(method)
            made[method] = Opened.of(request, SILENT).workbench(SILENT)
        return made[method]

    return make
