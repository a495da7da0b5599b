"""Kills: a command is ended at random moments, as often as told, and then runs to its end."""

from __future__ import annotations

import random
import signal

from torture.commands import Command
from torture.tally import Case
from torture.undisturbed import Undisturbed

SIGNALS = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
"""Signals, with the status that a command which hears one ends with."""


def killed(world: Undisturbed, command: Command, number: signal.Signals, seed: int, times: int = 1) -> Case:
    """Kill a command ``times`` times at moments drawn from ``seed``, then let it end."""
    case = Case(f"kill: {number.name}", f"{command.name}, seed {seed}, {times} times")
    dice = random.Random(f"{command.name} {number} {seed}")
    world.place.restore(command.state)
    for _ in range(times):
        started = world.start(command)
        started.signal_after(dice.uniform(0.002, 1.05 * world.seconds[command.name]), number)
        # It may have ended by itself before, or be hit when the command is done and nothing answers any more.
        case.watch(started.end(), (0, SIGNALS[number], -number))
    world.judge(case, command)
    stale = world.place.stale()
    case.fault("stale files", ", ".join(map(str, stale)), len(stale))
    return case
