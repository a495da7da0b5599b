"""Damage: a kept file is altered in one of five ways, and what reads it runs again."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace as replaced
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

from torture.commands import ALL, COMMANDS, RUN, RUN_COMMAND, Command, verified
from torture.tally import Case
from torture.undisturbed import BEGUN, Undisturbed

RANKS = (
    ("spec.json",),
    ("checkpoint.pt",),
    ("training.json", "retrieval_history.npz", "weights.safetensors"),
    ("embeddings-*.npz", "features-*.npz", "cost.json"),
    ("pairs-*.npz", "table-*.npz", "policy-*.npz"),
    ("records-*.jsonl",),
)
"""Files of a run, each row made from those above: what was made from a file must go for it to be read again."""
FRESH = replaced(RUN_COMMAND, arguments=lambda place: [*RUN_COMMAND.arguments(place), "--fresh"])
"""What an error about a file of the run advises in the end."""
READERS = [command for command in COMMANDS if command.name in ("export", "report", "infer", "gallery build")]
"""Commands that read what others keep."""


def flip(path: Path, dice: random.Random) -> None:
    """Flip one bit."""
    content = bytearray(path.read_bytes())
    content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    path.write_bytes(content)


def cut(path: Path, _: random.Random) -> None:
    """Cut it at half."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path, _: random.Random) -> None:
    """Leave nothing."""
    path.write_bytes(b"")


def zero(path: Path, _: random.Random) -> None:
    """Write zeros over the second half."""
    content = path.read_bytes()
    half = len(content) // 2
    path.write_bytes(content[:half] + bytes(len(content) - half))


def replace(path: Path, dice: random.Random) -> None:
    """Put other content of the right syntax in its place."""
    other: dict[str, Callable[[], object]] = {
        ".json": lambda: path.write_text(dice.choice(("{}", "[]", "null", "3", '{"schema": 1}'))),
        ".jsonl": lambda: path.write_text(json.dumps({"type": "header", "schema": 3}) + "\n"),
        ".npz": lambda: np.savez(path, other=np.arange(3)),
        ".npy": lambda: np.save(path, np.zeros((2, 3), np.uint8)),
        ".pt": lambda: torch.save({"key": "other"}, path),
        ".safetensors": lambda: save_file({"other": np.zeros(3, np.float32)}, path),
        ".csv": lambda: path.write_text("a,b\n1,2\n"),
        ".jpg": lambda: path.write_bytes(sorted(path.parent.glob("*.jpg"))[-1].read_bytes()),
    }
    other.get(path.suffix, lambda: path.write_bytes(b"other"))()


WAYS = (flip, cut, empty, zero, replace)
Way = Callable[[Path, random.Random], None]


def of_the_run(world: Undisturbed, *, begun: bool = True) -> Iterator[tuple[str, str]]:
    """List the kept files of the run, each with a state in which it is there, as paths below the place."""
    for state in (BEGUN, RUN) if begun else (RUN,):
        world.place.restore(state)
        folder = world.place.run_folder()
        for path in sorted(folder.iterdir()):
            if path.is_file() and not path.name.startswith(".") and (state == RUN or path.name == "checkpoint.pt"):
                yield state, str(path.relative_to(world.place.root))


def of_the_cache(world: Undisturbed) -> Iterator[tuple[str, str]]:
    """List the kept files of the cache, of rendered images one a folder."""
    world.place.restore(RUN)
    cache = world.place.cache
    images = [sorted(folder.glob("*.jpg"))[0] for folder in sorted(cache.glob("synthped-*/*")) if folder.is_dir()]
    for path in sorted([*cache.glob("images/*.*"), *cache.glob("synthped-*/synthped.json"), *images]):
        yield RUN, str(path.relative_to(world.place.root))


def of_the_others(world: Undisturbed) -> Iterator[tuple[str, str]]:
    """List what other commands keep and read, and the run's files that they read."""
    world.place.restore(ALL)
    results = world.place.results
    for path in sorted([*results.glob("search/*/*/study.json"), *results.glob("inference/*.json")]):
        yield ALL, str(path.relative_to(world.place.root))
    yield from ((ALL, name) for _, name in of_the_run(world, begun=False))


def damaged(world: Undisturbed, state: str, name: str, way: Way, seed: int = 0) -> Case:
    """Damage a file of the run or the cache, and run again: the same records, or an error whose advice helps."""
    case = Case("damage", f"{name}, {way.__name__}")
    path = _prepared(world, state, name, way, seed)
    if "records-" not in name and "cache" not in name:
        remove_what_follows(path)
    world.judge(case, RUN_COMMAND, may_fail=True)
    if case.error:
        if path.is_relative_to(world.place.cache):
            shutil.rmtree(world.place.cache)
        world.judge(case, FRESH)
    return case


def read_damaged(world: Undisturbed, command: Command, name: str, way: Way, seed: int = 0) -> Case:
    """Damage a file and run a command that may read it: it makes the same, or says which file it left out."""
    case = Case("damage, read by others", f"{command.name}, {name}, {way.__name__}")
    path = _prepared(world, ALL, name, way, seed)
    world.judge(case, command, may_fail=True, about=path.name)
    return case


def found_by_verify(world: Undisturbed, state: str, name: str, way: Way, seed: int = 0) -> Case:
    """Damage a file: ``bench verify`` must name it."""
    case = Case("damage, verified", f"{name}, {way.__name__}")
    path = _prepared(world, state, name, way, seed)
    # Other content without a digest may be what an earlier version wrote, as far as its form tells.
    if not named_by_verify(world, case, path) and way is not replace:
        case.fault("silent differences", f"verify does not name {path}")
    return case


def named_by_verify(world: Undisturbed, case: Case, path: Path) -> bool:
    """Run ``bench verify`` as a part of a case, and tell whether it names a file."""
    arguments = ["verify", world.place.results, "--cache", world.place.cache, "--json"]
    ended = world.starter.run(arguments, world.place.said)
    case.watch(ended, (0, 1))
    case.error = ended.status == 1
    return any(
        path.is_relative_to(wrong) or path.with_suffix("") == Path(wrong).with_suffix("")
        for wrong in (verified(ended.out) if ended.out else ())
    )


def _prepared(world: Undisturbed, state: str, name: str, way: Way, seed: int) -> Path:
    world.place.restore(state)
    path = world.place.root / name
    way(path, random.Random(f"{name} {way.__name__} {seed}"))
    return path


def remove_what_follows(path: Path) -> None:
    """Remove what was made from a file of the run, so that the file is read again."""
    rank = next((rank for rank, names in enumerate(RANKS) if any(path.match(name) for name in names)), len(RANKS))
    for names in RANKS[rank + 1 :]:
        for name in names:
            for following in path.parent.glob(name):
                following.unlink()
