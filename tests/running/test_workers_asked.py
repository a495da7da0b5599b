"""What --workers and resources mean: read, refused, and what each worker gets of a machine."""

import pytest

from bench.errors import BenchError
from bench.running.workers.asked import Resources, WorkersAsked
from bench.running.workers.local_processes import threads_each
from bench.running.workers.ray_resources import resources_of, told
from bench.running.workers.slurm_jobs import minutes_of


def test_threads_are_divided_unless_the_user_has_said(monkeypatch):
    monkeypatch.setattr("bench.running.workers.local_processes.usable_cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert [threads_each(count) for count in (1, 3, 20)] == [8, 2, 1]
    assert threads_each(3, cpus=5) == 5
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert threads_each(3) == 4


@pytest.mark.parametrize(
    ("text", "kind", "count", "address"),
    [
        ("local:4", "local", 4, ""),
        ("ray", "ray", 0, ""),
        ("ray://head", "ray", 0, "ray://head:10001"),
        ("ray://10.0.0.2:7000", "ray", 0, "ray://10.0.0.2:7000"),
        ("slurm", "slurm", 0, ""),
    ],
)
def test_workers_are_read(text, kind, count, address):
    asked = WorkersAsked.read(text)
    assert (asked.kind, asked.count, asked.address) == (kind, count, address)


@pytest.mark.parametrize("text", ["", "local", "local:0", "local:-1", "local:two", "4", "rays", "ray:/x", "slurm:3"])
def test_other_workers_are_refused(text):
    with pytest.raises(BenchError, match=r"local:N, ray, ray://HOST\[:PORT\] or slurm"):
        WorkersAsked.read(text)


def test_resources_are_read():
    found = WorkersAsked.read("slurm", "cpus=4, gpus=1,memory=16,time=1h30m,partition=gpu,parallel=8").resources
    assert found == Resources(4, 1, 16, 5400.0, 8, {"partition": "gpu"})
    assert minutes_of(found) == 90


@pytest.mark.parametrize(
    ("workers", "text", "says"),
    [
        ("local:2", "gpus=1", "unknown resource of --workers local 'gpus'"),
        ("ray", "time=2h", "unknown resource of --workers ray 'time'"),
        ("slurm", "partitoin=gpu", "did you mean 'partition'"),
        ("slurm", "cpus=two", "takes a whole number"),
        ("slurm", "cpus=0", "takes a whole number"),
        ("slurm", "time=long", "1h30m"),
        ("slurm", "time=1h,partition=", "partition=NAME, found 'partition='"),
        ("slurm", "qos", "qos=NAME, found 'qos'"),
        ("slurm", "time=3m", "at least 10 minutes"),
    ],
)
def test_other_resources_are_refused(workers, text, says):
    with pytest.raises(BenchError, match=says):
        WorkersAsked.read(workers, text)


def node(cpus, gpus=0):
    return {"Alive": True, "Resources": {"CPU": cpus, "GPU": gpus, "memory": 8e9}}


def test_a_run_gets_its_part_of_a_ray_cluster():
    nodes = [node(16), node(8), {"Alive": False, "Resources": {}}]
    assert resources_of(Resources(), 6, nodes, "auto") == {"num_cpus": 4, "num_gpus": 0}
    # No more than the smallest node has, and a GPU where there are any.
    assert resources_of(Resources(), 1, [node(16, 2), node(8)], "auto") == {"num_cpus": 8, "num_gpus": 1}
    assert resources_of(Resources(), 1, nodes, "cuda")["num_gpus"] == 1
    asked = resources_of(Resources(cpus=12, memory_gb=4), 6, nodes, "cpu")
    assert asked == {"num_cpus": 12, "num_gpus": 0, "memory": 4 * 10**9}
    assert "runs wait" not in told(asked, nodes[:2], shared=True)
    assert "runs wait" in told({**asked, "num_cpus": 32}, nodes[:2], shared=True)
