"""Several writers: the same command, started many times at once."""

from __future__ import annotations

from torture.commands import Command
from torture.tally import Case
from torture.undisturbed import Undisturbed

AT_WORK = "another process is at work"


def together(world: Undisturbed, command: Command, count: int = 10) -> Case:
    """Start a command ``count`` times: who does not work says that another does; afterwards all is as ever."""
    case = Case("several writers", f"{command.name}, {count} at once")
    world.place.restore(command.state)
    started = [world.start(command) for _ in range(count)]
    ended = [one.end() for one in started]
    for one in ended:
        case.watch(one, (0, 1))
        if one.status == 1 and AT_WORK not in " ".join(one.err.split()):
            case.fault("unclear ends", f"expected {AT_WORK!r}, found {one.err}")
    if not any(one.status == 0 for one in ended):
        case.fault("unclear ends", "no process did the work")
    world.judge(case, command)
    stale = world.place.stale()
    case.fault("stale files", ", ".join(map(str, stale)), len(stale))
    return case
