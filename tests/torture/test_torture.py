"""A sample of the faults that ``make torture`` makes: each ends in an undisturbed run's records, or one clear error."""

import random
import signal
from pathlib import Path

import pytest

from bench.cli.app import app
from torture import damage, first_moments, full_disk, kills, walk, writers
from torture.__main__ import ended
from torture.commands import COMMANDS, RUN_COMMAND
from torture.starting import NeverEndedError
from torture.tally import Case, table
from torture.undisturbed import prepare

EXPORT, MAKE = (next(one for one in COMMANDS if one.name == name) for name in ("export", "data make"))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("torture"), (RUN_COMMAND, EXPORT))


def held(*cases):
    assert not any(case.faults for case in cases), table(cases)


@pytest.mark.parametrize("number", kills.SIGNALS)
def test_a_killed_run_ends_in_the_same_records(world, number):
    held(kills.killed(world, RUN_COMMAND, number, seed=0, times=2))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_moments(number):
    held(first_moments.interrupted(("list",), number, seed=0))


def test_damage_is_found(world):
    own = [(state, name) for state, name in damage.of_the_run(world, begun=False)]
    ways = [damage.WAYS[place % len(damage.WAYS)] for place in range(len(own))]
    held(*(damage.found_by_verify(world, state, name, way) for (state, name), way in zip(own, ways, strict=True)))


@pytest.mark.parametrize(("name", "way"), [("table-test-*", damage.cut), ("weights*", damage.flip)])
def test_what_is_damaged_is_made_again_or_refused(world, name, way):
    state, path = next(
        (state, path) for state, path in damage.of_the_run(world, begun=False) if name.rstrip("*") in path
    )
    held(damage.damaged(world, state, path, way))


def test_a_full_disk(world):
    held(full_disk.filled(world, RUN_COMMAND, "results", 1 << 20), full_disk.filled(world, EXPORT, ".", 0))


def test_several_writers(world):
    held(writers.together(world, RUN_COMMAND, count=4))


def test_a_command_that_never_ends_is_a_fault_of_its_own():
    def never() -> Case:
        raise NeverEndedError("list had not ended after 300 s")

    case = ended(never)
    assert case.faults == {"unclear ends": 1}
    assert "list had not ended" in table([case])


def test_every_option_is_walked():
    typed = list(walk.lines(app))
    assert {line[: len(name)] for name, _ in walk.commands(app) for line in typed} >= {n for n, _ in walk.commands(app)}
    for name, option in {("run",): "--budgets", ("gallery", "build"): "--out", ("latency",): "--batch"}.items():
        own = [line for line in typed if line[: len(name)] == name and option in line]
        assert len({line[line.index(option) + 1] for line in own}) >= len(walk.VALUES[Path])


def test_hostile_values(world):
    held(*(walk.walked(world, line) for line in random.Random(0).sample(list(walk.lines(app)), 6)))
