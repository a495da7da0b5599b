"""``python -m torture``: every fault in every command, and a table of what came of them."""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path

from torture import beside, damage, first_moments, full_disk, kills, walk, writers
from torture.commands import COMMANDS
from torture.starting import NeverEndedError
from torture.tally import Case, table
from torture.undisturbed import Undisturbed, keep_begun, prepare

Planned = Callable[[], Case]
"""A case that is still to be run."""
KINDS = ("kills", "damage", "beside", "disk", "writers", "moments", "walk")
ROOMS = (0, 64 << 10, 256 << 10, 1 << 20, 3 << 20, 5 << 20)
WRITTEN = {"data make": "rendered", "export": ".", "gallery build": "."}
"""Folder that a command fills; the results if none is named."""
EARLY = (("list",), ("run", "--method", "hashreid", "--dry-run"), ("report", "--results", "nowhere"))


def killing(world: Undisturbed, seeds: int) -> Iterator[Planned]:
    """Kill every command by every signal, several times in one case out of two."""
    for command in COMMANDS:
        for number in kills.SIGNALS:
            for seed in range(seeds):
                yield partial(kills.killed, world, command, number, seed, times=1 + 2 * (seed % 2))


def damaging(world: Undisturbed, seeds: int) -> Iterator[Planned]:
    """Damage every kept file in every way."""
    keep_begun(world)
    own = [*damage.of_the_run(world), *damage.of_the_cache(world)]
    for way in damage.WAYS:
        for seed in range(seeds if way is damage.flip else 1):
            for state, name in own:
                yield partial(damage.damaged, world, state, name, way, seed)
                yield partial(damage.found_by_verify, world, state, name, way, seed)
            for _, name in damage.of_the_others(world):
                for command in damage.READERS:
                    yield partial(damage.read_damaged, world, command, name, way, seed)


def damaging_beside(world: Undisturbed, seeds: int) -> Iterator[Planned]:
    """Damage what is kept beside the runs in every way, and put another run's file in its place, or in the run's."""
    prepared = beside.prepare_beside(world)
    for way, seed in beside.planned_ways(seeds):
        for kept in beside.KEPT:
            for command in kept.readers:
                yield partial(beside.damaged_beside, prepared, kept, command, way, seed)
    for name in beside.of_the_run(world):
        yield partial(beside.of_another_training, world, name)


def filling(world: Undisturbed, seeds: int) -> Iterator[Planned]:
    """Fill the disk under every command at growing sizes; the cache too where it is built."""
    for command in COMMANDS:
        for room in ROOMS:
            yield partial(full_disk.filled, world, command, WRITTEN.get(command.name, "results"), room)
    for room in ROOMS:
        yield partial(full_disk.filled, world, COMMANDS[0], "cache", room)


def writing(world: Undisturbed, seeds: int) -> Iterator[Planned]:
    """Start every command ten times at once."""
    for command in COMMANDS:
        yield partial(writers.together, world, command)


def starting(world: Undisturbed, seeds: int) -> Iterator[Planned]:
    """Interrupt commands in their first moments."""
    for arguments in EARLY:
        for number in (signal.SIGINT, signal.SIGTERM):
            for seed in range(4 * seeds):
                yield partial(first_moments.interrupted, arguments, number, seed)


def walking(world: Undisturbed, seeds: int) -> Iterator[Planned]:
    """Give every option of every command values that nobody should give."""
    from bench.cli.app import application

    app = application()
    begun = walk.Walk.beside_runs(world, app)
    for line in walk.lines(app):
        yield partial(walk.walked, begun, line)


def sampled(planned: Sequence[Sequence[Planned]]) -> list[Planned]:
    """Mix the cases of each kind, and take the kinds by turns: wherever it is cut off, it is a sample of all."""
    dice = random.Random(0)
    mixed = [dice.sample(cases, len(cases)) for cases in planned]
    return [case for case in chain.from_iterable(zip_longest(*mixed)) if case is not None]


def ended(run: Planned) -> Case:
    """Run a case. One whose command never ends is a fault, and no reason to leave out the others."""
    try:
        return run()
    except NeverEndedError as problem:
        case = Case("never ended", str(problem))
        case.fault("unclear ends", str(problem))
        return case


def _part(text: str) -> tuple[int, int]:
    number, _, parts = text.partition("/")
    if not 1 <= int(number) <= int(parts):
        raise ValueError
    return int(number), int(parts)


def main() -> None:
    """Run the kinds that are asked for; ends with status 1 where anything must not be."""
    parser = argparse.ArgumentParser(prog="torture", description=__doc__)
    parser.add_argument("--kinds", default=",".join(KINDS), help="with commas: " + ", ".join(KINDS))
    parser.add_argument("--seeds", type=int, default=6, help="random moments, and flipped bits, of each case")
    parser.add_argument("--minutes", type=float, help="start no case after so many minutes: a sample of all cases")
    parser.add_argument("--part", type=_part, default=(1, 1), help="2/3: the second of three parts, each a process")
    parser.add_argument("--keep", type=Path, help="work here and leave it; a temporary folder that is removed if none")
    chosen = parser.parse_args()
    # A shell's background job ignores Ctrl-C, and so would every command that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    started = time.monotonic()
    makers = dict(zip(KINDS, (killing, damaging, damaging_beside, filling, writing, starting, walking), strict=True))
    with tempfile.TemporaryDirectory(prefix="torture-") as temporary:
        world = prepare((chosen.keep or Path(temporary)) / "scratch")
        by_kind = [list(makers[kind](world, chosen.seeds)) for kind in chosen.kinds.split(",")]
        number, parts = chosen.part
        every = list(chain.from_iterable(by_kind)) if chosen.minutes is None else sampled(by_kind)
        planned = every[number - 1 :: parts]
        cases: list[Case] = []
        for run in planned:
            if chosen.minutes is not None and time.monotonic() - started > 60 * chosen.minutes:
                break
            case = ended(run)
            cases.append(case)
            state = "; ".join(case.told) or ("error" if case.error else "same")
            print(f"{case.kind}: {case.name}: {state}", file=sys.stderr, flush=True)
    print(table(cases))
    if len(cases) < len(planned):
        print(f"{len(cases):,} of {len(planned):,} cases were run in {chosen.minutes:g} minutes: a sample of all")
    sys.exit(any(case.faults for case in cases))


if __name__ == "__main__":
    main()
