"""Time early exit for real: how much of the saving that multiply-adds promise is had, and what the engine itself costs.

Run by hand on a quiet machine, ``python benchmarks/early_exit.py``: preset paper at 256×128 with random weights, since
weights do not change how long arithmetic takes. Who leaves where is drawn in given fractions. All sides of a ratio are
timed in one run, in random order; the least of several passes counts, of every batch by itself, and of single steps
too, which every pass times anew: what a machine does meanwhile meets all alike. With one thread, CPU time is taken,
which other jobs disturb less; with more, time on the wall; so it is for single steps.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench import registry
from bench.allocation import keep_large_blocks
from bench.budget.policies.random import RANDOM
from bench.budget.thresholding.calibrated import FixedThresholds
from bench.cost.macs import exit_macs
from bench.errors import BenchError
from bench.inference.backends.backend import Backend
from bench.inference.backends.by_name import open_backend
from bench.inference.compaction import StepProfile, in_place, measure_steps
from bench.inference.engine import Engine
from bench.inference.export.run_images import noise_images
from bench.inference.export.trained import TrainedRun
from bench.inference.export.write import CalibrationImages, write_export
from bench.inference.gallery import Gallery, GalleryExit
from bench.runs.folder import RunFolder

FRACTIONS = ((70, 10, 10, 10), (40, 30, 20, 10), (25, 25, 25, 25))
GALLERY = 19_732
"""Images of Market-1501's gallery."""
STEP_SECONDS = 0.5
"""How long single steps of a batch size are timed in each pass."""
WALKS = 4
"""How often each pass runs whole batches: they are few, where single steps are timed many times."""
CALIBRATION = 32
"""Images of noise that fix the ranges of int8."""


def main() -> None:
    """Read the options, time every backend, print lines and keep them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", default="hashreid")
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--backends", default="torch,onnxruntime")
    parser.add_argument("--precisions", default="float32", help="of graphs: float32, int8; ranges are those of noise")
    parser.add_argument("--batches", default="1,8,32")
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--gallery", type=int, default=GALLERY)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_large_blocks()  # as every command does that opens a device
    lines: list[dict[str, Any]] = []
    for method in options.methods.split(","):
        with tempfile.TemporaryDirectory() as folder:
            run = untrained(method, options.preset, Path(folder))
            generator = np.random.default_rng(0)
            images = generator.standard_normal((options.images, 3, *run.input_size), dtype=np.float32)
            macs = exit_macs(run.network, run.input_size).astype(float)
            for name, precision in product(options.backends.split(","), options.precisions.split(",")):
                who = {"method": method, "backend": name, "precision": precision, "threads": options.threads}
                try:
                    backend = opened(name, run, Path(folder), precision, options.threads)
                except BenchError as problem:
                    print(f"{method} {name} {precision}: left out: {problem}")
                    continue
                for batch in map(int, options.batches.split(",")):
                    for line in savings(backend, images, macs, batch, options, generator):
                        lines.append({**who, **line})
                        print(" ".join(f"{key}={value}" for key, value in lines[-1].items()), flush=True)
                lines.append({**who, **overhead(backend, images, macs, options)})
                print(" ".join(f"{key}={value}" for key, value in lines[-1].items()), flush=True)
    if options.json:
        options.json.write_text(json.dumps(lines, indent=1) + "\n")


def untrained(method: str, preset: str, folder: Path) -> TrainedRun:
    """Build a network of random weights, as if a run had trained it."""
    found = registry.method(method)
    chosen = found.presets[preset]
    network = {**chosen.network, **({"weights": "none"} if "weights" in chosen.network else {})}
    spec = {"method": method, "preset": preset, "dataset": "none", "network": network}
    spec["recipe"] = {"input_size": list(chosen.recipe.input_size)}
    torch.manual_seed(0)
    built = found.build(network, 751, chosen.recipe.input_size).eval()
    return TrainedRun(RunFolder(folder), "random weights", spec, 751, built)


def opened(name: str, run: TrainedRun, folder: Path, precision: str, threads: int) -> Backend:
    """Open a backend on the network, or on its graphs of a precision. Raises BenchError where it cannot be had."""
    if registry.backend(name).reads == "network":
        return open_backend(name, run.network, threads=threads, device="cpu", precision=precision)
    graphs = folder / precision
    if not graphs.exists():
        noise = noise_images(CALIBRATION, run.input_size)
        write_export(run, graphs, precision=precision, calibration=CalibrationImages(noise, "noise"))
    return open_backend(name, graphs, threads=threads, device="cpu")


def savings(
    backend: Backend,
    images: np.ndarray,
    macs: np.ndarray,
    batch: int,
    options: argparse.Namespace,
    generator: np.random.Generator,
) -> list[dict[str, Any]]:
    """Time everybody to the end, and those drawn to leave early: a line for each of the fractions."""
    last = len(macs) - 1
    drawn: dict[str, np.ndarray] = {"full": np.full(len(images), last)}
    for fractions in FRACTIONS:
        counts = np.diff(np.rint(np.interp(np.linspace(0, 4, len(macs) + 1), range(5), np.cumsum((0, *fractions)))))
        exits = np.repeat(np.arange(len(macs)), np.rint(counts * len(images) / 100).astype(int))
        drawn["/".join(map(str, fractions))] = generator.permutation(np.resize(exits, len(images)))
    sizes = sizes_met(list(drawn.values()), batch)
    clock = time.process_time if options.threads == 1 else time.perf_counter
    profile = measure_steps(backend, images[:batch], sizes, STEP_SECONDS, clock)
    pays = profile.pays
    best = {name: np.full(-(-len(images) // batch), np.inf) for name in drawn}
    runs: dict[str, Counter[tuple[int, int]]] = {}
    walk(backend, images, drawn["full"], batch, pays, clock)
    for number in range(options.passes):
        for name in generator.permutation(list(drawn) * WALKS):
            runs[name], taken = walk(backend, images, drawn[name], batch, pays, clock)
            best[name] = np.minimum(best[name], taken)
        if number:
            profile = least(profile, measure_steps(backend, images[:batch], sizes, STEP_SECONDS, clock))
    lines = []
    for name, exits in drawn.items():
        line: dict[str, Any] = {"batch": batch, "exits": name, "ms": round(1e3 * best[name].sum() / len(images), 2)}
        if name != "full":
            saved = 1 - best[name].sum() / best["full"].sum()
            by_macs = 1 - macs[exits].mean() / macs[last]
            by_steps = 1 - profile.total(runs[name]) / profile.total(runs["full"])
            line |= {"promised": round(by_macs, 3), "by_steps": round(by_steps, 3), "saved": round(saved, 3)}
            line |= {"of_macs": round(saved / by_macs, 3), "of_steps": round(saved / by_steps, 3) if by_steps else None}
        lines.append(line)
    return lines


def sizes_met(drawn: Sequence[np.ndarray], batch: int) -> list[int]:
    """List batch sizes to time: a few, and all that occur, for between sizes times do not lie on a line."""
    sizes = {1, 2, 4, 8, 16, batch} & set(range(batch + 1))
    for exits in drawn:
        for first in range(0, len(exits), batch):
            leaving = exits[first : first + batch]
            sizes |= {int(np.sum(leaving > index)) for index in range(leaving.max())}
    return sorted(sizes)


def least(one: StepProfile, other: StepProfile) -> StepProfile:
    """Join two profiles of the same steps and sizes: the smaller time of each step."""
    steps = np.minimum(one.steps, other.steps)
    return replace(one, steps=tuple(map(tuple, steps.tolist())))


def walk(
    backend: Backend,
    images: np.ndarray,
    exits: np.ndarray,
    batch: int,
    pays: Callable[[int, int, int], bool],
    clock: Callable[[], float],
) -> tuple[Counter[tuple[int, int]], np.ndarray]:
    """Run steps alone, with those out who leave where it pays.

    Give how often each step ran on how many images, and the seconds that each batch took.
    """
    runs: Counter[tuple[int, int]] = Counter()
    taken = []
    for first in range(0, len(images), batch):
        started = clock()
        leaving = exits[first : first + batch]
        carried = np.arange(len(leaving))
        state = backend.start(images[first : first + batch])
        for index in range(len(backend.exits)):
            state, _ = backend.step(state, index)
            runs[index, len(carried)] += 1
            staying = np.flatnonzero(leaving > index)
            if not len(staying):
                break
            if len(staying) < len(carried) and pays(index, len(carried), len(staying)):
                rows = in_place(np.flatnonzero(leaving[carried] > index))
                state, carried = backend.select(state, rows), carried[rows]
        taken.append(clock() - started)
    return runs, np.array(taken)


def overhead(backend: Backend, images: np.ndarray, macs: np.ndarray, options: argparse.Namespace) -> dict[str, Any]:
    """Time single queries through the engine, beside the bare steps and searches that it runs."""
    generator = np.random.default_rng(1)
    codes: list[np.ndarray] = []
    for spec in backend.exits:
        if spec.code == "binary":
            codes.append(generator.integers(0, 256, (options.gallery, -(-spec.dim // 8)), dtype=np.uint8))
        else:
            codes.append(generator.standard_normal((options.gallery, spec.dim), dtype=np.float32))
    labels = generator.integers(1, 751, options.gallery), generator.integers(1, 7, options.gallery)
    exits_kept = tuple(GalleryExit(spec.name, spec.dim, spec.code) for spec in backend.exits)
    names = tuple(map(str, range(options.gallery)))
    gallery = Gallery("none", "random weights", exits_kept, tuple(codes), *labels, names)
    exits = generator.integers(0, len(macs), len(images))
    draws = (np.arange(len(macs)) == exits[:, None]).astype(float)
    standing = FixedThresholds(np.full(len(macs) - 1, 0.5))
    # As for a policy that reads what searches find: one at every exit that a query reaches.
    policy = replace(RANDOM, searches=True)
    engine = Engine(backend, gallery, policy, lambda: standing, macs, draws=draws)
    cameras = generator.integers(1, 7, len(images))

    def bare(row: int) -> None:
        state, before = backend.start(images[row : row + 1]), None
        for index in range(exits[row] + 1):
            state, embedding = backend.step(state, index)
            seen = gallery.indexes[index].search(embedding, camids=cameras[row : row + 1], previous=before)
            before = seen.indices[:, 0]

    def through(row: int) -> None:
        engine.answer(images[row : row + 1], cameras[row : row + 1], np.array([row]))

    clock = time.process_time if options.threads == 1 else time.perf_counter
    taken = {bare: np.full(len(images), np.inf), through: np.full(len(images), np.inf)}
    for _ in range(options.passes + 1):
        for row in range(len(images)):
            for index in generator.permutation(2):
                way = (bare, through)[index]
                started = clock()
                way(row)
                taken[way][row] = min(taken[way][row], clock() - started)
    engine_ms, bare_ms = 1e3 * taken[through].mean(), 1e3 * taken[bare].mean()
    return {
        "engine_ms": round(engine_ms, 3),
        "bare_ms": round(bare_ms, 3),
        "engine_of_bare": round(engine_ms / bare_ms, 4),
    }


if __name__ == "__main__":
    main()
