"""A sample of the faults that ``make torture`` makes: each ends in an undisturbed run's records, or one clear error."""

import filecmp
import os
import random
import shutil
import signal
from pathlib import Path

import pytest
import typer

from bench.cli.app import application
from bench.data.dataset import DatasetRequest
from bench.data.synthped.dataset import SYNTHPED
from torture import damage, first_moments, full_disk, kills, walk, writers
from torture.__main__ import ended
from torture.commands import COMMANDS, RUN_COMMAND
from torture.place import Place
from torture.standing import Standing, stamps
from torture.starting import NeverEndedError
from torture.tally import Case, table
from torture.undisturbed import prepare

EXPORT, MAKE = (next(one for one in COMMANDS if one.name == name) for name in ("export", "data make"))


@pytest.fixture(scope="module")
def world(tmp_path_factory, starter, cache):
    rendered = SYNTHPED.open(DatasetRequest(cache, {"size": "smoke"})).root
    return prepare(tmp_path_factory.mktemp("torture"), (RUN_COMMAND, EXPORT), starter, rendered)


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
    app = application()
    typed = list(walk.lines(app))
    known = dict(_known(typer.main.get_command(app)))
    assert {command.name for command in walk.commands(app)} == known.keys()
    for command in walk.commands(app):
        named = {option for option in command.options.values() if option}
        assert {*named, *command.flags} <= known[command.name]
        own = [line for line in typed if line[: len(command.name)] == command.name]
        for option in named:
            given = {line[place + 1] for line in own for place in range(len(line)) if line[place] == option}
            assert len(given) >= len(walk.VALUES[Path]), f"{command.name} {option}"


def _known(group, before=()):
    """What Typer makes of the commands: their names, and how their options may be typed."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _known(command, (*before, name))
        else:
            yield (*before, name), {option for parameter in command.params for option in parameter.opts}


def test_hostile_values(world):
    begun = walk.Walk.of(world)
    held(*(walk.walked(begun, line) for line in random.Random(0).sample(list(walk.lines(application())), 6)))


def test_what_a_case_changed_is_found_and_put_back(tmp_path):
    place = Place(tmp_path)
    (place.root / "folder" / "empty").mkdir(parents=True)
    for name in ("same", "other", "gone", "touched", "folder/in", "swapped", "folded"):
        (place.root / name).write_text("text")
    (place.root / "link").symlink_to("same")
    (place.root / ".lock").touch()
    place.keep("state")
    standing = Standing(place, "state")
    assert not standing.changed()
    root = place.root
    before = (root / "other").stat()
    (root / "other").write_text("txet")
    os.utime(root / "other", ns=(before.st_atime_ns, before.st_mtime_ns))  # of the same length, and as old as before
    (root / "gone").unlink()
    (root / "touched").touch()
    (root / "swapped").unlink()
    (root / "swapped").symlink_to("same")
    (root / "folded").unlink()
    (root / "folded").mkdir()
    (root / "link").unlink()
    (root / "link").write_text("text")
    shutil.rmtree(root / "folder")
    (root / "folder").write_text("text")
    (root / "new").mkdir()
    (root / "new" / "file").touch()
    (root / ".lock").write_text("held")
    lost = ["folded", "folder", "folder/empty", "folder/in", "gone", "link", "other", "swapped"]
    assert standing.changed() == lost
    standing.restore()
    assert not standing.changed()
    assert not (root / "new").exists()
    assert filecmp.dircmp(root, tmp_path / "state").diff_files == []
    again = Standing(place, "state")
    assert stamps(root).keys() == again.stamps.keys()
    assert (root / "other").read_text() == (root / "folder" / "in").read_text() == "text"
    assert (root / "link").readlink() == Path("same")
