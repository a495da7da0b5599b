"""Files that commands keep beside the runs: damaged, or another run's in their place, and read again.

So are files of the run itself that another training left in their place.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torture.commands import ALL, RUN, RUN_COMMAND, SMALL, SMOKE, Command
from torture.damage import FRESH, WAYS, Way, named_by_verify, remove_what_follows
from torture.place import Place
from torture.tally import Case
from torture.undisturbed import Undisturbed

BESIDE, OTHERS = "beside", "others"
"""States: with all that is kept beside the runs; and the same files of a run of another seed."""
ONE_EPOCH = ("--set", "epochs=1", "--set", "batches_per_epoch=1")
COARSE = ("--budgets", 3, "--shuffles", 2, "--resamples", 20, "--policies")
SWEPT = (*COARSE, "gs")
OF_A_TRAINING = "[eftprw]*-*", "retrieval_history.npz", "weights.safetensors", "training.json"
"""Files of a run that follow from its training, or tell of it."""


def _where(place: Place) -> tuple[object, ...]:
    return "--results", place.results, "--cache", place.cache


def _genotype(place: Place) -> Path:
    (path,) = place.results.glob("architecture/*/*/genotype.txt")
    return path


def _search_again(place: Place) -> list[object]:
    return ["architecture", "search", "--method", "cnet", "--preset", "smoke", *ONE_EPOCH, *SMALL, *_where(place)]


def _makers(place: Place, seed: int) -> Iterator[list[object]]:
    """Type what keeps the files, for a run of a seed."""
    root, run = place.root, f"seed{seed}"
    yield ["model", "export", run, "--out", root / "onnx", *_where(place)]
    yield ["model", "export", run, "--format", "safetensors", "--out", root / "weights", *_where(place)]
    yield ["embeddings", run, "--out", root / "theirs.npz", *SMALL, *_where(place)]
    yield ["pack", run, "--out", root / "runs.tar.gz", "--results", place.results]
    yield ["gallery", "scale", root / "theirs.npz", "--images", "1000,2000", *_where(place)]
    yield [*_search_again(place), "--seed", seed]
    timed = ("--seconds", 0.05, "--batch", 1 + seed, "--busy", "--results", place.results)
    yield ["latency", "-m", "hashreid", "--preset", "smoke", *timed]


def _said(place: Place) -> str:
    """What the last command printed, less the folders that it names."""
    last = max(place.said.iterdir(), key=lambda folder: int(folder.name))
    return (last / "out").read_text(errors="replace")


def _evaluated(place: Place) -> object:
    return [path.parent.name for path in sorted(place.results.glob("runs/*/hashreid-embeddings-*/records-*.jsonl"))]


def _merged(place: Place) -> object:
    return sorted(path.relative_to(place.root).as_posix() for path in (place.root / "merged").rglob("*.*"))


def _reports(place: Place) -> object:
    """Names of tables and figures; those of times hold times."""
    return sorted(path.name for path in (place.results / "report").rglob("*.csv"))


def _read(name: str, arguments: Callable[[Place], list[object]], keeps: Callable[[Place], Any] = _said) -> Command:
    return Command(name, arguments, keeps, BESIDE)


SHOWN = _read("model show", lambda place: ["model", "show", place.root / "onnx"])
SHOWN_WEIGHTS = _read("model show", lambda place: ["model", "show", place.root / "weights"])
CHECKED = _read("model check", lambda place: ["model", "check", place.root / "weights", "--images", 4, *_where(place)])
INFERRED = _read(
    "infer",
    lambda place: [
        *("infer", "seed0", "--budget", 0.5, "--rounds", 1, "--busy", *SMALL, *_where(place)),
        *("--backend", "onnxruntime", "--export", place.root / "onnx"),
    ],
    lambda place: len(list(place.results.glob("inference/*.json"))),
)
ASKED = _read("gallery show", lambda place: ["gallery", "show", place.root / "kept.gallery"])
EVALUATED = _read(
    "evaluate", lambda place: ["evaluate", place.root / "theirs.npz", *SWEPT, "--results", place.results], _evaluated
)
MERGED = _read(
    "merge", lambda place: ["merge", place.root / "runs.tar.gz", "--results", place.root / "merged"], _merged
)
FOUND = _read(
    "architecture search",
    lambda place: [*_search_again(place), "--seed", 0],
    lambda place: _genotype(place).read_text(),
)
PRICED = _read(
    "cost",
    lambda place: ["run", "-m", "cnet", *SMOKE, "--dry-run", "--set", f"genotype={_genotype(place)}", *_where(place)],
    lambda place: _said(place).partition("genotype=")[2][:80],
)
REPORTED = _read("report", lambda place: ["report", "--results", place.results, "--formats", "svg"], _reports)


@dataclass(frozen=True)
class Kept:
    """A kept file, as a pattern below the place, and the commands that read it.

    ``whose``: another run's file is read as that run's, as it says itself: nothing is wrong with it.
    """

    pattern: str
    readers: tuple[Command, ...]
    whose: bool = False


KEPT = (
    Kept("onnx/model.json", (SHOWN, INFERRED)),
    Kept("onnx/step-1.onnx", (SHOWN, INFERRED)),
    Kept("weights/model.json", (SHOWN_WEIGHTS, CHECKED)),
    Kept("weights/weights.safetensors", (SHOWN_WEIGHTS, CHECKED)),
    Kept("kept.gallery", (ASKED,), whose=True),
    Kept("theirs.npz", (EVALUATED,), whose=True),
    Kept("runs.tar.gz", (MERGED,), whose=True),
    Kept("results/architecture/*/*/architecture.json", (FOUND,)),
    Kept("results/architecture/*/*/genotype.txt", (PRICED,), whose=True),
    Kept("results/scale/*/*/scale.json", (REPORTED,)),
    Kept("results/latency/*.json", (REPORTED,)),
    Kept("results/inference/*.json", (REPORTED,)),
)
"""All that is kept beside the runs and the cache."""


@dataclass(frozen=True)
class World:
    """The world with the files beside the runs, and what each reader makes of whole ones."""

    world: Undisturbed
    expected: Mapping[Command, Any]


def prepare_beside(world: Undisturbed, kept: tuple[Kept, ...] = KEPT) -> World:
    """Keep all files for the run, and for one of another seed; run every reader once in peace.

    Raises AssertionError where a command fails.
    """
    place = world.place
    for seed, state in ((0, BESIDE), (1, OTHERS)):
        place.restore(ALL)
        commands = list(_makers(place, seed))
        if seed:
            shutil.rmtree(place.results)
            trained = ["run", "-m", "hashreid", "--budget-sweep", *COARSE, "gs,learned,ets"]
            trained += ["--calibration", 0.3, "--seed", seed]
            gallery = ["gallery", "build", "seed1", "--out", place.root / "kept.gallery", "--overwrite", *SMALL]
            infer = ["infer", "seed1", "--budget", 0.5, "--rounds", 1, "--busy", *SMALL]
            commands = [
                [*trained, *SMOKE, *_where(place)],
                *([*one, *_where(place)] for one in (gallery, infer)),
                *commands,
            ]
        for arguments in commands:
            ended = world.starter.run(arguments, place.said)
            assert ended.status == 0, ended.err
        place.keep(state)
    expected = {}
    for command in dict.fromkeys(command for one in kept for command in one.readers):
        place.restore(BESIDE)
        ended = world.run(command)
        assert ended.status == 0, ended.err
        expected[command] = command.keeps(place)
    return World(world, expected)


def damaged_beside(beside: World, kept: Kept, command: Command, way: Way | None, seed: int = 0) -> Case:
    """Damage a file, or put another run's in its place (no ``way``), and let a command read it.

    It must make the same as of the whole file, or name the file.
    """
    world, place = beside.world, beside.world.place
    case = Case("damage, beside runs", f"{command.name}, {kept.pattern}, {way.__name__ if way else 'another run’s'}")
    place.restore(BESIDE)
    expected = beside.expected[command]
    (path,) = place.root.glob(kept.pattern)
    if way is None:
        (other,) = (place.scratch / OTHERS).glob(kept.pattern)
        shutil.copyfile(other, path)
        if kept.whose:
            expected = None
    else:
        way(path, random.Random(f"{kept.pattern} {way.__name__} {seed}"))
    ended = world.run(command)
    case.watch(ended, (0, 1))
    case.error = ended.status == 1
    told = " ".join((ended.err + ended.out).split())
    # Names are broken at the ends of lines.
    named = path.name in told or path.parent.name in told or path.name in told.replace(" ", "")
    if case.error and not named:
        case.fault("silent differences", f"{command.name} ended in an error that does not name {path}: {ended.err}")
    if not case.error:
        case.same = expected is None or command.keeps(place) == expected
        if not case.same and path.name not in told.replace(" ", ""):
            case.fault("silent differences", f"{command.name} made something else of {path}, and said nothing")
        # Less was made, and a remark named the file.
        case.error = not case.same
    return case


def of_the_run(world: Undisturbed) -> Iterator[str]:
    """List the files of the run that the other run has too, as paths below the run's folder."""
    (other,) = (world.place.scratch / OTHERS).glob("results/runs/*/hashreid-smoke-seed1-*")
    world.place.restore(RUN)
    folder = world.place.run_folder()
    named = {path.name for pattern in OF_A_TRAINING for path in folder.glob(pattern)}
    yield from sorted(name for name in named if (other / name).exists())


def of_another_training(world: Undisturbed, name: str) -> Case:
    """Put the other run's file in the place of the run's: ``bench verify`` names it, and the run makes the same."""
    case = Case("another training", name)
    place = world.place
    (other,) = (place.scratch / OTHERS).glob(f"results/runs/*/hashreid-smoke-seed1-*/{name}")
    place.restore(RUN)
    path = place.run_folder() / name
    shutil.copyfile(other, path)
    # Of two that do not fit, the record of training is believed.
    if not named_by_verify(world, case, path.with_name("weights.safetensors") if name == "training.json" else path):
        case.fault("silent differences", f"verify does not name {path}")
    case.error = False
    if not name.startswith("records-"):
        remove_what_follows(path)
    world.judge(case, RUN_COMMAND, may_fail=True)
    if case.error:
        world.judge(case, FRESH)
    return case


def planned_ways(seeds: int) -> Iterator[tuple[Way | None, int]]:
    """Give every way of damage, flips of several bits, and another run's file."""
    for way in (*WAYS, None):
        for seed in range(seeds if way is WAYS[0] else 1):
            yield way, seed
