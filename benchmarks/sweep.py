"""Time a budget sweep over a table of Market-1501's size, and the stream beside a plain loop over queries.

Run by hand, ``python benchmarks/sweep.py``: both sides of a ratio are timed in one run on one machine.

``--growth 1000,10000,100000`` sweeps nine policies over tables of so many queries instead, each in a process of its
own, and prints seconds and the most memory that it held; ``--figure FILE.png`` draws them.
"""

from __future__ import annotations

import argparse
import resource
import time
from bisect import insort
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from bench import registry
from bench.budget.distribution import conditional_exit, exit_distribution, solve_a
from bench.budget.sweep import sweep
from bench.budget.thresholds import stream_exits
from bench.retrieval.table import NEIGHBOURS, ExitTable, Outcomes, Signals
from bench.spec import SweepSpec

COSTS = np.array([0.51, 1.19, 2.14, 2.67]) * 1e9
POLICIES = ("random", "qs", "gs", "entropy", "stability", "agreement")
REPEATS = 3
GROWING = 9
"""Policies of a sweep whose growth is measured."""
QUERIES_A_PERSON = 4


def draw(queries: int, people: int, exits: int, rng: np.random.Generator) -> ExitTable:
    """Draw a table whose margins tell, somewhat, who is right."""
    right = rng.random((queries, 1)) + 0.2 * rng.standard_normal((queries, exits)) < np.linspace(0.5, 0.85, exits)
    precision = np.clip(0.5 * right + 0.4 * rng.random(right.shape), 0, 1)
    margin = np.where(right, rng.gamma(4, 5, right.shape), rng.gamma(1, 3, right.shape))
    neighbours = rng.integers(0, 20_000, (queries, exits, NEIGHBOURS))
    signals = Signals(
        nearest_distances=rng.gamma(9, 5, (queries, exits, 1)) + np.arange(NEIGHBOURS),
        nearest_indices=neighbours,
        nearest_pids=neighbours % people,
        identity_margin=margin,
        previous_identity_distance=rng.gamma(9, 5, right.shape),
        query_camids=np.ones(queries, dtype=np.int64),
        dims=np.full(exits, 256),
        class_entropy=rng.gamma(2, 0.5, right.shape),
        classes=people,
    )
    hits = np.repeat(right[..., None], 3, axis=2).astype(float)
    bounds = np.stack([precision, precision], axis=2)
    pids = rng.integers(1, people + 1, queries)
    return ExitTable(tuple(map(str, range(exits))), signals, Outcomes(precision, precision / 2, hits, bounds, pids))


def sorted_anew(confidence: np.ndarray, q: np.ndarray) -> list[int]:
    """Exits (N,) by DaRe's online rule as its description reads: sort all that was seen, for every query and exit."""
    seen: list[list[float]] = [[] for _ in q]
    exits = []
    for row in confidence:
        for index, own in enumerate(row):
            if index == len(q) - 1:
                break
            first = not seen[index]
            seen[index].append(own)
            if first or own >= sorted(seen[index], reverse=True)[int((len(seen[index]) - 1) * q[index])]:
                break
        exits.append(index)
    return exits


def kept_sorted(confidence: np.ndarray, q: np.ndarray) -> list[int]:
    """The same with lists that stay sorted: the loop that a careful reader would write."""
    seen: list[list[float]] = [[] for _ in q]
    exits = []
    for row in confidence.tolist():
        for index, own in enumerate(row):
            if index == len(q) - 1:
                break
            insort(seen[index], own)
            if own >= seen[index][-1 - int((len(seen[index]) - 1) * q[index])]:
                break
        exits.append(index)
    return exits


def best_of(function: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Seconds of the quickest of a few runs."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return min(times)


def measured(queries: int, budgets: int, resamples: int) -> tuple[float, float, float]:
    """Seconds, CPU seconds and peak megabytes of one sweep over a table of so many queries, tables included."""
    table = draw(queries, max(1, queries // QUERIES_A_PERSON), len(COSTS), np.random.default_rng(0))
    policies = [registry.policy(name) for name in POLICIES]
    policies += [replace(one, name=f"{one.name} again") for one in policies[: GROWING - len(policies)]]
    spec = SweepSpec(
        tuple(one.name for one in policies),
        thresholdings=("stream",),
        budgets=budgets,
        resamples=resamples,
        shuffles=1,
    )
    started, spent = time.perf_counter(), time.process_time()
    sweep(table, COSTS, spec, policies)
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return time.perf_counter() - started, time.process_time() - spent, megabytes


def show_growth(sizes: list[int], budgets: int, resamples: int) -> list[tuple[float, float, float]]:
    """Print a line for each size; gives seconds, CPU seconds and megabytes."""
    print(f"{len(COSTS)} exits, {GROWING} policies × {budgets} budgets, {resamples} resamples, 1 shuffle")
    found = []
    for queries in sizes:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            seconds, spent, megabytes = pool.submit(measured, queries, budgets, resamples).result()
        print(f"  {queries:>9,} queries  {seconds:8.1f} s  {spent:8.1f} s of CPU  {megabytes:7.0f} MB", flush=True)
        found.append((seconds, spent, megabytes))
    return found


def draw_growth(sizes: list[int], found: list[tuple[float, float, float]], path: Path) -> None:
    """Draw seconds and megabytes over the number of queries, both axes logarithmic."""
    from bench.report.figures.drawing import canvas, legend_below
    from bench.report.figures.style import COLOURS, PAGE_INCHES, LineStyle, logarithmic

    seconds, spent, megabytes = zip(*found, strict=True)
    lines = (
        (0, seconds, "of the clock", LineStyle(COLOURS[0], "o", "-")),
        (0, spent, "of the processors", LineStyle(COLOURS[1], "s", (0, (5, 1.5)))),
        (1, megabytes, "most memory", LineStyle(COLOURS[2], "^", "-")),
    )
    with canvas(PAGE_INCHES, 3.0) as figure:
        panels = figure.subplots(1, 2)
        for panel, values, label, style in lines:
            panels[panel].plot(sizes, values, label=label, **style.line(), **style.points())
        for axes, label in zip(panels, ("Seconds", "Memory (MB)"), strict=True):
            axes.set_xlabel("Queries")
            axes.set_ylabel(label)
            logarithmic(axes, "y")
            axes.set_xscale("log")
            axes.set_xticks(sizes, [f"{size:,}" for size in sizes], minor=False)
            axes.set_xticks([], minor=True)
        panels[1].set_ylim(bottom=100)
        legend_below(figure, [handle for axes in panels for handle in axes.get_legend_handles_labels()[0]])
    figure.savefig(path, dpi=150)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=3368)
    parser.add_argument("--people", type=int, default=750)
    parser.add_argument("--budgets", type=int, default=50)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--growth", default="", help="numbers of queries, with commas")
    parser.add_argument("--figure", type=Path, help="where to draw the growth")
    arguments = parser.parse_args()
    if arguments.growth:
        sizes = list(map(int, arguments.growth.split(",")))
        found = show_growth(sizes, arguments.budgets, arguments.resamples)
        if arguments.figure:
            draw_growth(sizes, found, arguments.figure)
        return
    table = draw(arguments.queries, arguments.people, len(COSTS), np.random.default_rng(0))
    policies = [registry.policy(name) for name in POLICIES]
    # Eight of them: what a policy computes is a small part, what is done with it is the same for all.
    policies += [replace(policy, name=f"{policy.name} again") for policy in policies[:2]]

    print(f"{arguments.queries:,} queries × {len(COSTS)} exits, {len(policies)} policies × {arguments.budgets} budgets")
    for thresholdings in (("stream",), ("stream", "exact")):
        for shuffles in (1, 10):
            spec = SweepSpec(
                tuple(policy.name for policy in policies),
                thresholdings=thresholdings,
                budgets=arguments.budgets,
                resamples=arguments.resamples,
                shuffles=shuffles,
            )
            seconds = best_of(lambda spec=spec: sweep(table, COSTS, spec, policies))
            tried = f"{' and '.join(thresholdings)}, {shuffles} shuffles, {arguments.resamples} resamples"
            print(f"  {tried}: {seconds:.2f} s")

    confidence = table.signals.identity_margin
    budgets = np.linspace(COSTS[0], COSTS[-1], arguments.budgets)
    q = np.stack([conditional_exit(exit_distribution(solve_a(COSTS, budget), len(COSTS))) for budget in budgets])
    ours = best_of(lambda: stream_exits(confidence, q)) / len(q)
    single = best_of(lambda: stream_exits(confidence, q[len(q) // 2]))
    kept = best_of(lambda: kept_sorted(confidence, q[len(q) // 2]))
    anew = best_of(lambda: sorted_anew(confidence, q[len(q) // 2]), repeats=1)
    assert stream_exits(confidence, q[len(q) // 2]).tolist() == kept_sorted(confidence, q[len(q) // 2])
    print("one stream (one policy, one budget, one shuffle):")
    print(f"  sorting all that was seen for every query  {1e3 * anew:9.2f} ms  {anew / ours:8.0f} ×")
    print(f"  a list kept sorted                         {1e3 * kept:9.2f} ms  {kept / ours:8.1f} ×")
    print(f"  stream_exits, one budget                   {1e3 * single:9.2f} ms  {single / ours:8.1f} ×")
    print(f"  stream_exits, {len(q)} budgets at once, each     {1e3 * ours:9.2f} ms       1.0 ×")


if __name__ == "__main__":
    main()
