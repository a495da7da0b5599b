"""``python -m torture``: every fault in every command, and a table of what came of them."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from torture import damage, first_moments, full_disk, kills, writers
from torture.commands import COMMANDS
from torture.tally import Case, table
from torture.undisturbed import Undisturbed, keep_begun, prepare

KINDS = ("kills", "damage", "disk", "writers", "moments")
ROOMS = (0, 64 << 10, 256 << 10, 1 << 20, 3 << 20, 5 << 20)
WRITTEN = {"data make": "rendered", "export": ".", "gallery build": "."}
"""Folder that a command fills; the results if none is named."""
EARLY = (("list",), ("run", "--method", "hashreid", "--dry-run"), ("report", "--results", "nowhere"))


def killing(world: Undisturbed, seeds: int) -> Iterator[Case]:
    """Kill every command by every signal, several times in one case out of two."""
    for command in COMMANDS:
        for number in kills.SIGNALS:
            for seed in range(seeds):
                yield kills.killed(world, command, number, seed, times=1 + 2 * (seed % 2))


def damaging(world: Undisturbed, seeds: int) -> Iterator[Case]:
    """Damage every kept file in every way."""
    keep_begun(world)
    own = [*damage.of_the_run(world), *damage.of_the_cache(world)]
    for way in damage.WAYS:
        for seed in range(seeds if way is damage.flip else 1):
            for state, name in own:
                yield damage.damaged(world, state, name, way, seed)
                yield damage.found_by_verify(world, state, name, way, seed)
            for _, name in damage.of_the_others(world):
                for command in damage.READERS:
                    yield damage.read_damaged(world, command, name, way, seed)


def filling(world: Undisturbed, seeds: int) -> Iterator[Case]:
    """Fill the disk under every command at growing sizes; the cache too where it is built."""
    for command in COMMANDS:
        for room in ROOMS:
            yield full_disk.filled(world, command, WRITTEN.get(command.name, "results"), room)
    for room in ROOMS:
        yield full_disk.filled(world, COMMANDS[0], "cache", room)


def writing(world: Undisturbed, seeds: int) -> Iterator[Case]:
    """Start every command ten times at once."""
    for command in COMMANDS:
        yield writers.together(world, command)


def starting(world: Undisturbed, seeds: int) -> Iterator[Case]:
    """Interrupt commands in their first moments."""
    for arguments in EARLY:
        for number in (signal.SIGINT, signal.SIGTERM):
            for seed in range(4 * seeds):
                yield first_moments.interrupted(arguments, number, seed)


def main() -> None:
    """Run the kinds that are asked for; ends with status 1 where anything must not be."""
    parser = argparse.ArgumentParser(prog="torture", description=__doc__)
    parser.add_argument("--kinds", default=",".join(KINDS), help="with commas: " + ", ".join(KINDS))
    parser.add_argument("--seeds", type=int, default=6, help="random moments, and flipped bits, of each case")
    parser.add_argument("--keep", type=Path, help="work here and leave it; a temporary folder that is removed if none")
    chosen = parser.parse_args()
    makers = dict(zip(KINDS, (killing, damaging, filling, writing, starting), strict=True))
    with tempfile.TemporaryDirectory(prefix="torture-") as temporary:
        world = prepare((chosen.keep or Path(temporary)) / "scratch")
        cases = []
        for kind in chosen.kinds.split(","):
            for case in makers[kind](world, chosen.seeds):
                cases.append(case)
                state = "; ".join(case.told) or ("error" if case.error else "same")
                print(f"{case.kind}: {case.name}: {state}", file=sys.stderr, flush=True)
    print(table(cases))
    sys.exit(any(case.faults for case in cases))


if __name__ == "__main__":
    main()
