"""A grid on a real Ray cluster of two nodes in this machine, one of which is killed in the middle."""

import time
from dataclasses import replace

import pytest
import torch
from records_compared import without_times

from bench.progress import SILENT
from bench.running.run import run
from bench.running.workers.asked import Resources, WorkersAsked
from bench.running.workers.events import Began, Ended, Said
from bench.running.workers.grid import run_grid
from bench.running.workers.ray_tasks import RayTasks
from bench.spec import SweepSpec

pytestmark = pytest.mark.slow
SWEEP = SweepSpec(("random", "qs", "gs"), budgets=3, resamples=20)


@pytest.fixture
def cluster():
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.second = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    yield cluster
    cluster.shutdown()


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def grid_of(smoke_request, **changes):
    settings = {"epochs": "8", "batches_per_epoch": "6"}
    return [
        smoke_request(method=method, seed=seed, settings=settings, sweep=SWEEP, precision="float32", **changes)
        for method in ("hashreid", "dare")
        for seed in (0, 1)
    ]


def records_of(results, request):
    found = list((results / "runs").glob(f"*/{request.method}-*seed{request.seed}-*/records-*.jsonl"))
    assert len(found) == 1
    return found[0]


def assert_as_one_by_one(requests, tmp_path):
    for request in requests:
        alone = run(replace(request, results=tmp_path / "serial"))
        assert without_times(records_of(request.results, request)) == without_times(alone.path)


def test_a_killed_node_costs_no_run(cluster, one_thread, smoke_request, tmp_path):
    requests = grid_of(smoke_request)
    run(requests[0])  # data are there, and one run is found done
    began, killed = [], []

    def saw(event):
        if isinstance(event, Began):
            began.append((event.run, event.where))
        if isinstance(event, Said) and "training" in event.text and not killed:
            where = dict(began)[event.run]
            if cluster.second.node_id[:6] in where:
                killed.append(event.run)
                cluster.remove_node(cluster.second, allow_graceful=False)

    asked = WorkersAsked("ray", address=cluster.address, resources=Resources(cpus=1))
    with RayTasks(asked, requests, time.time() + 1000, SILENT) as workers:
        assert workers.shared
        outcomes = run_grid(requests, workers, saw)
    assert [outcome.failed for outcome in outcomes] == ["", "", "", ""]
    assert killed
    assert [run for run, _ in began].count(killed[0]) == 2
    assert outcomes[0].cached
    assert_as_one_by_one(requests, tmp_path)


def test_results_come_back_from_nodes_that_see_no_folder_of_ours(
    cluster, one_thread, smoke_request, tmp_path, monkeypatch
):
    """No mark is found, so every task works in a folder of its own; a run goes on from what was sent along."""
    requests = grid_of(smoke_request)[:2]
    run(requests[0])
    ended = []
    monkeypatch.setattr(RayTasks, "_set_mark", lambda workers: ".sees-nothing")
    asked = WorkersAsked("ray", address=cluster.address, resources=Resources(cpus=1))
    with RayTasks(asked, requests, time.time() + 1000, SILENT) as workers:
        assert not workers.shared
        outcomes = run_grid(requests, workers, lambda event: ended.append(event) if isinstance(event, Ended) else None)
    assert [(outcome.failed, outcome.cached, outcome.archive) for outcome in outcomes] == [
        ("", True, b""),
        ("", False, b""),
    ]
    assert_as_one_by_one(requests, tmp_path)
    assert not list(requests[0].results.glob(".sees*"))
