"""Time exact search of a large gallery of packed codes beside what memory and popcount allow, and beside faiss.

Run by hand, ``python benchmarks/gallery_search.py --images 1e7``: codes are drawn at random into a temporary file, and
everything is timed in one run, in turns. Nanoseconds are for one code compared with one query, of the clock and of all
threads' processor time: the least of all rounds, as what else a machine does takes time and gives none. The clock
counts on a quiet machine; processor time, with ``--threads 1``, is nearly the same on a busy one.

* memory: exclusive or of all codes, read from the file's pages in memory, by all threads. Nothing but reading.
* mapping: a byte of every page of the file is read, a part at a time, as our search maps them.
* popcount: distances of 64 queries to 8,192 codes that stay in the cache, by all threads; the faster of faiss's and
  NumKong's bare kernels. Nothing but counting.
* kernel, alone: one query by faiss's bare kernel over the same pages, by all threads. Nothing is near enough to keep.
* ours: ``bench.search.streamed.nearest``, from the file. Together (all queries) or alone (one).
* faiss: its flat binary index, in memory, which is one thread for one query.

Many queries read a code once, so popcount alone bounds them. One query is bound by the slower of both, and more nearly
by the kernel: it reads and counts by turns as far as the processor does not look ahead. Mapping comes on top, since
memory is bounded. It takes longer where the system holds the file in single pages, as it does after reading it by maps
or writing little at a time, than where it holds long stretches, as it does after writing megabytes at once.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from bench.retrieval.blocks import in_threads, row_slices
from bench.retrieval.hamming import load_numkong
from bench.search.mapped import MappedCodes
from bench.search.streamed import nearest

Times = tuple[float, float]
"""Of the clock, and of the processor."""
LISTED = 100
PAGE = 4096
CACHED_QUERIES, CACHED_IMAGES = 64, 8192
CACHED_REPEATS = 20
DRAWN = 1 << 18
READ = 1 << 17
COUNTED = 1 << 19
"""Codes that one call of the bare kernel compares with one query, or that are mapped at once."""
ALONE = 9
"""Searches of one query in a round."""


def draw(path: Path, images: int, width: int, rng: np.random.Generator) -> MappedCodes:
    """Write random codes (N, W), some at a time."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (images, width)})
        for rows in row_slices(images, DRAWN):
            file.write(rng.integers(0, 256, (rows.stop - rows.start, width), dtype=np.uint8).data)
    return MappedCodes.open(path)


def timed(function: Callable[[], Any]) -> Times:
    """Seconds of the clock, and of the processor, of one call."""
    spent, started = time.process_time(), time.perf_counter()
    function()
    return time.perf_counter() - started, time.process_time() - spent


def read_all(words: np.ndarray) -> None:
    """Read all codes as words (N, words)."""
    for _ in in_threads(lambda rows: np.bitwise_xor.reduce(words[rows], axis=None), row_slices(len(words), READ)):
        pass


def map_all(codes: MappedCodes) -> None:
    """Map all codes, a part at a time."""
    for _ in in_threads(lambda rows: np.asarray(codes[rows]).ravel()[::PAGE].max(), row_slices(len(codes), COUNTED)):
        pass


def count_all(query: np.ndarray, codes: np.ndarray) -> None:
    """Compare one query (1, W) with all codes (N, W) and keep nothing."""
    faiss = import_module("faiss")

    def count(rows: slice) -> None:
        faiss.omp_set_num_threads(1)  # of this thread alone
        pointers = faiss.swig_ptr(query), faiss.swig_ptr(codes[rows])
        nearer_than_any = 0
        faiss.hamming_range_search(
            *pointers, 1, len(codes[rows]), nearer_than_any, query.shape[1], faiss.RangeSearchResult(1)
        )

    for _ in in_threads(count, row_slices(len(codes), COUNTED)):
        pass


def cached_kernels(query: np.ndarray, images: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Bare kernels for one thread, by name: distances of queries to codes in the cache, again and again."""
    faiss = import_module("faiss")

    def by_faiss() -> None:
        distances = np.empty((len(query), len(images)), np.int32)
        pointers = [faiss.swig_ptr(array) for array in (query, images)]
        for _ in range(CACHED_REPEATS):
            faiss.hammings(*pointers, *distances.shape, query.shape[1], faiss.swig_ptr(distances))

    kernels: dict[str, Callable[[], Any]] = {"faiss.hammings": by_faiss}
    numkong = load_numkong()
    if numkong is not None:
        packed = numkong.hammings_pack(images, dtype="uint1")
        kernels["numkong.hammings_packed"] = lambda: [
            numkong.hammings_packed(query, packed) for _ in range(CACHED_REPEATS)
        ]
    return kernels


def at_once(function: Callable[[], Any], threads: int) -> None:
    """Call a function in all threads."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: function(), range(threads)))


def least(rows: Sequence[Times], count: float) -> Times:
    """Least nanoseconds for each of ``count``."""
    clock, spent = (1e9 * min(column) / count for column in zip(*rows, strict=True))
    return clock, spent


def measure(query: np.ndarray, codes: MappedCodes, threads: int, rounds: int) -> tuple[dict[str, Times], list[str]]:
    """Nanoseconds of all ways, in turns, and which of them are bare kernels."""
    faiss = import_module("faiss")
    faiss.omp_set_num_threads(threads)
    mapped = np.asarray(codes)
    kernels = cached_kernels(query[:CACHED_QUERIES], np.ascontiguousarray(mapped[:CACHED_IMAGES]))
    flat = faiss.IndexBinaryFlat(8 * query.shape[1])
    for rows in row_slices(len(codes), DRAWN):
        flat.add(np.ascontiguousarray(mapped[rows]))
    cached = CACHED_REPEATS * len(query[:CACHED_QUERIES]) * CACHED_IMAGES * threads
    ways: dict[str, tuple[int, int, Callable[[], Any]]] = {
        "memory": (1, len(codes), partial(read_all, mapped.view(np.uint64))),
        "mapping": (ALONE, len(codes), partial(map_all, codes)),
        **{name: (1, cached, partial(at_once, kernel, threads)) for name, kernel in kernels.items()},
        "kernel, alone": (ALONE, len(codes), partial(count_all, query[:1], mapped)),
        "ours, together": (1, len(query) * len(codes), partial(nearest, query, codes, LISTED)),
        "faiss, together": (1, len(query) * len(codes), partial(flat.search, query, LISTED)),
        "ours, alone": (ALONE, len(codes), partial(nearest, query[:1], codes, LISTED)),
        "faiss, alone": (ALONE, len(codes), partial(flat.search, query[:1], LISTED)),
    }
    found: dict[str, list[Times]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (calls, count, way) in ways.items():
            faiss.omp_set_num_threads(threads)
            found[name].append(least([timed(way) for _ in range(calls)], count))
    return {name: least(rows, 1e9) for name, rows in found.items()}, list(kernels)


def main() -> None:
    """Print memory, nanoseconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=float, default=1e6)
    parser.add_argument("--bits", type=int, default=256)
    parser.add_argument("--queries", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="all cores by default")
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    threads = arguments.threads or len(cores)
    os.sched_setaffinity(0, cores[:threads])
    images, width = int(arguments.images), arguments.bits // 8
    rng = np.random.default_rng(0)
    query = rng.integers(0, 256, (arguments.queries, width), dtype=np.uint8)
    print(f"{images:,} codes of {arguments.bits} bits, {len(query)} queries, {LISTED} nearest, {threads} threads")
    with tempfile.TemporaryDirectory() as folder:
        codes = draw(Path(folder) / "codes.npy", images, width, rng)
        nearest(query, codes, LISTED)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"drawing the codes and our search, together: {peak:,.0f} MiB at most in this process")
        taken, kernels = measure(query, codes, threads, arguments.rounds)
    print(f"{'':26} {'ns of the clock':>16} {'ns of processor':>16}")
    for name, times in taken.items():
        print(f"{name:26} {times[0]:16.3f} {times[1]:16.3f}")
    for unit, label in enumerate(("by the clock", "by processor time")):
        popcount = min(taken[name][unit] for name in kernels)
        bound = max(popcount, taken["memory"][unit])
        print(f"{label}:")
        print(f"  together: {popcount / taken['ours, together'][unit]:.2f} of the speed that popcount allows")
        for whose in ("ours", "kernel"):
            ratio = bound / taken[f"{whose}, alone"][unit]
            print(f"  alone:    {ratio:.2f} of the speed that memory and popcount allow ({whose})")
        for what in ("together", "alone"):
            ratio = taken[f"ours, {what}"][unit] / taken[f"faiss, {what}"][unit]
            print(f"  {what}: {ratio:.2f} times the time of faiss's flat index")


if __name__ == "__main__":
    main()
