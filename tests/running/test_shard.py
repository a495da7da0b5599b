"""Parts of a grid: every machine computes the same parts, which are disjoint and together are the grid."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.data.dataset import DatasetRequest
from bench.errors import BenchError
from bench.running.request import RunRequest
from bench.running.shard import Shard, grid_key


@pytest.fixture(scope="module")
def grid():
    return [
        RunRequest(method, "smoke", seed=seed, settings={"epochs": epochs})
        for method in ("hashreid", "dare", "msdnet")
        for seed in range(5)
        for epochs in ("2", "3")
    ]


@pytest.mark.parametrize("of", [1, 2, 7, 40])
def test_the_parts_are_a_partition(grid, of):
    parts = [Shard(number, of).take(grid) for number in range(1, of + 1)]
    keys = [grid_key(request) for part in parts for request in part]
    assert sorted(keys) == sorted(map(grid_key, grid))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_part_is_the_same_however_the_grid_is_written_and_whatever_the_machine(grid, monkeypatch):
    mine = {grid_key(request) for request in Shard(2, 3).take(grid)}
    elsewhere = [
        replace(request, data=DatasetRequest(Path("/elsewhere")), results=Path("/tmp/other"), cache=Path("/tmp/cache"))
        for request in (*reversed(grid), *grid)
    ]
    monkeypatch.setattr("bench.running.request.resolve_precision", lambda precision, device: "bfloat16")
    assert {grid_key(request) for request in Shard(2, 3).take(elsewhere)} == mine
    assert len(Shard(2, 3).take(elsewhere)) == len(mine)


def test_what_makes_another_run_makes_another_key(grid):
    one = grid[0]
    others = [
        replace(one, data=DatasetRequest(options={"size": "demo"})),
        replace(one, precision="bfloat16"),
        replace(one, calibration_share=0.2),
        replace(one, dataset="market1501"),
    ]
    assert len({grid_key(request) for request in (one, *others)}) == 5


@pytest.mark.parametrize("text", ["", "2", "0/3", "4/3", "1/0", "-1/3", "1/3/5", "a/b"])
def test_no_part_is_refused(text):
    with pytest.raises(BenchError, match="as 2/5"):
        Shard.read(text)


def test_a_command_runs_its_part_alone(bench, monkeypatch):
    began = []

    def run(request, reporter, deadline):
        began.append((request.method, request.seed))
        raise BenchError("enough")

    monkeypatch.setattr("bench.running.run.run", run)
    for number in (1, 2, 3):
        grid = ("run", "-m", "hashreid,dare", "--preset", "smoke", "--seeds", "0,1")
        status, out, _ = bench(*grid, "--shard", f"{number}/3")
        assert status == 1
        assert f"shard {number}/3: {2 if number == 1 else 1} of 4 runs" in out
    assert sorted(began) == [("dare", 0), ("dare", 1), ("hashreid", 0), ("hashreid", 1)]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--time-limit", "soon"), "1h30m"),
        (("--time-limit", "9m", "--fresh"), "not both"),
        (("--shard", "3/2"), "as 2/5"),
    ],
)
def test_senseless_slices_are_refused(bench, options, says):
    status, _, err = bench("run", "-m", "hashreid", "--preset", "smoke", *options)
    assert (status, says in err) == (1, True)
