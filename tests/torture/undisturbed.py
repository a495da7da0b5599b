"""The world before the faults: every command run once in peace, with what it keeps and how long it takes."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torture.commands import ALL, COMMANDS, NOTHING, RUN, RUN_COMMAND, SMALL, Command
from torture.place import Place
from torture.starting import Starter
from torture.tally import Case

BEGUN = "begun"
"""State of a run whose training was killed after its first epoch."""


@dataclass(frozen=True)
class Undisturbed:
    """Kept states to start from, and by command what it keeps and its seconds."""

    place: Place
    starter: Starter
    keeps: dict[str, Any]
    seconds: dict[str, float]

    def run(self, command: Command) -> Any:
        """Run a command where things are now."""
        return self.starter.run(command.arguments(self.place), self.place.said)

    def start(self, command: Command) -> Any:
        """Start a command where things are now."""
        return self.starter.start(command.arguments(self.place), self.place.said)

    def judge(self, case: Case, command: Command, *, may_fail: bool = False, about: str = "") -> None:
        """Run a command to its end and compare: it must keep the same, or (``may_fail``) end in one error.

        Where less can be kept because the file ``about`` is damaged, a remark that names it will do.
        """
        ended = self.run(command)
        case.watch(ended, (0, 1) if may_fail else (0,))
        if ended.status == 1:
            case.error = True
        elif ended.status == 0:
            case.same = command.keeps(self.place) == self.keeps[command.name]
            named = about and about in " ".join((ended.err + ended.out).split())
            if not case.same and not named:
                case.fault("silent differences", f"{command.name} kept something else, and said nothing: {ended.err}")
            case.error = case.error or not case.same


def prepare(
    scratch: Path, commands: Sequence[Command] = COMMANDS, starter: Starter | None = None, rendered: Path | None = None
) -> Undisturbed:
    """Run every command once and keep the states between them. Raises AssertionError where one fails.

    ``rendered`` is the folder of the set, where somebody has rendered it already.
    """
    place = Place(scratch)
    place.root.mkdir(parents=True)
    world = Undisturbed(place, starter or Starter(), {}, {})
    if rendered:
        shutil.copytree(rendered, place.cache / rendered.name)
    # Both stores of decoded images and the rendered set, in the time that it takes to read a set.
    made = world.starter.run(["data", "stats", "synthped", *SMALL[:2], "--cache", place.cache], place.said)
    assert made.status == 0, made.err
    place.keep(NOTHING)
    for command in commands:
        started = time.monotonic()
        ended = world.run(command)
        assert ended.status == 0, ended.err
        world.seconds[command.name] = time.monotonic() - started
        world.keeps[command.name] = command.keeps(place)
        if command is RUN_COMMAND:
            place.keep(RUN)
    place.keep(ALL)
    return world


def keep_begun(world: Undisturbed) -> None:
    """Kill a training after its first epoch, and keep what there is."""
    world.place.restore(NOTHING)
    started = world.start(RUN_COMMAND)
    while not any(world.place.results.rglob("checkpoint.pt")):
        assert started.process.exitcode is None, "training ended before it could be killed"
        time.sleep(0.002)
    started.signal_after(0, signal.SIGKILL)
    started.end()
    world.place.keep(BEGUN)
