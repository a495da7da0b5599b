"""Time the retrieval room beside other ways of doing the same.

Run by hand, ``python benchmarks/retrieval.py --size market``: both sides of a ratio are timed in one run on one
machine. Libraries that the suite does not need (faiss, NumKong) are compared where they are installed.
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any
from unittest import mock

import numpy as np

from bench.retrieval import hamming as hamming_module
from bench.retrieval.codes import unpack
from bench.retrieval.hamming import hamming
from bench.retrieval.matching import euclidean
from bench.retrieval.metrics import score_rankings
from bench.retrieval.neighbours import GalleryIndex
from bench.retrieval.re_ranking import re_rank
from bench.retrieval.streaming import score_embeddings
from bench.retrieval.top_k import top_k

BITS = 2048
REPEATS = 3
SHORT_REPEATS = 200
"""Repeats of what takes less than a millisecond."""
NEAREST = 10
LOOP_QUERIES = 100
FLIPPED = 0.3
"""Share of bits in which an image differs from its person's."""


@dataclass(frozen=True)
class Size:
    """How many images there are of how many people in how many cameras; the rest of the gallery is junk and others."""

    queries: int
    matched: int
    distractors: int
    junk: int
    people: int
    cameras: int


SIZES = {
    "small": Size(queries=500, matched=2000, distractors=420, junk=580, people=150, cameras=6),
    "market": Size(queries=3368, matched=13115, distractors=2798, junk=3819, people=750, cameras=6),
    "msmt17": Size(queries=11659, matched=82161, distractors=0, junk=0, people=3060, cameras=15),
}


def draw(size: Size, rng: np.random.Generator) -> tuple[list[np.ndarray], tuple[np.ndarray, ...]]:
    """Draw packed codes of queries (Q, W) and gallery (G, W), alike for one person, and their labels."""
    query_pids = rng.integers(1, size.people + 1, size=size.queries)
    gallery_pids = rng.permutation(
        np.concatenate(
            [
                rng.integers(1, size.people + 1, size=size.matched),
                np.zeros(size.distractors, int),
                np.full(size.junk, -1),
            ]
        )
    )
    centres = rng.integers(0, 256, size=(size.people + 2, BITS // 8), dtype=np.uint8)
    codes = []
    for pids in (query_pids, gallery_pids):
        centre = np.where(pids[:, None] > 0, centres[pids], rng.integers(0, 256, (len(pids), BITS // 8), np.uint8))
        blocks = [rng.random((len(part), BITS), np.float32) < FLIPPED for part in np.array_split(pids, 16)]
        codes.append(centre ^ np.concatenate([np.packbits(block, axis=1) for block in blocks]))
    cameras = [rng.integers(0, size.cameras, size=len(pids)) for pids in (query_pids, gallery_pids)]
    return codes, (query_pids, gallery_pids, *cameras)


def score_in_a_loop(
    distances: np.ndarray,
    query_pids: np.ndarray,
    gallery_pids: np.ndarray,
    query_camids: np.ndarray,
    gallery_camids: np.ndarray,
) -> float:
    """Mean AP the plain way: sort the indices of everything, then drop junk and accumulate, query by query."""
    order = np.argsort(distances, axis=1, kind="stable")
    precisions = []
    for row, pid, camid in zip(order, query_pids, query_camids, strict=True):
        kept = row[((gallery_pids[row] != pid) | (gallery_camids[row] != camid)) & (gallery_pids[row] != -1)]
        matches = gallery_pids[kept] == pid
        if matches.any():
            # An element at a time, in Python, as the public evaluators do.
            shares = [found / (index + 1.0) for index, found in enumerate(matches.cumsum())]
            precisions.append((np.asarray(shares) * matches).sum() / matches.sum())
    return float(np.mean(precisions))


def float_product(query: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Hamming distances (Q, G) from the float product of unpacked codes."""
    signs = [unpack(codes, BITS).astype(np.float32) for codes in (query, gallery)]
    return ((BITS - signs[0] @ signs[1].T) * 0.5).astype(np.int32)


def words_of_numpy(query: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Hamming distances (Q, G) as they are where NumKong is not installed."""
    with mock.patch.object(hamming_module, "load_numkong", return_value=None):
        return hamming(query, gallery)


def other_hammings() -> dict[str, Callable[[np.ndarray, np.ndarray], Any]]:
    """List other ways to all Hamming distances (Q, G), by name."""
    ways: dict[str, Callable[[np.ndarray, np.ndarray], Any]] = {
        "numpy words": words_of_numpy,
        "numpy float product": float_product,
    }
    try:
        faiss = import_module("faiss")
    except ImportError:
        return ways

    def faiss_hammings(query: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        distances = np.empty((len(query), len(gallery)), np.int32)
        arrays = [faiss.swig_ptr(array) for array in (query, gallery)]
        faiss.hammings(*arrays, *distances.shape, query.shape[1], faiss.swig_ptr(distances))
        return distances

    return {**ways, "faiss.hammings": faiss_hammings}


def seconds(function: Callable[..., Any], *arguments: Any, repeats: int = REPEATS) -> tuple[float, Any]:
    """Time the fastest of a few calls, and give the result back."""
    best, result = float("inf"), None
    for _ in range(repeats):
        start = time.perf_counter()
        result = function(*arguments)
        best = min(best, time.perf_counter() - start)
    return best, result


def line(what: str, ours: float, other: str = "", others: float = 0.0) -> None:
    """Print one row: our seconds and, where there is another way, its name, its seconds and ours over its."""
    print(f"{what:46} {ours:9.5f}  {f'{other:24} {others:9.5f} {ours / others:7.3f}' if other else ''}".rstrip())


def compare_whole_matrices(codes: list[np.ndarray], labels: tuple[np.ndarray, ...]) -> None:
    """Compare scoring, Hamming distances and nearest images with ways that hold all distances."""
    ours_seconds, distances = seconds(hamming, *codes)
    for name, way in other_hammings().items():
        other_seconds, others = seconds(way, *codes)
        assert (distances == others).all()
        line("hamming", ours_seconds, name, other_seconds)

    few = slice(0, LOOP_QUERIES)
    some = (labels[0][few], labels[1], labels[2][few], labels[3])
    for kind, values in (("float32", euclidean_like(distances)), ("int32", distances)):
        loop_seconds, loop = seconds(score_in_a_loop, values[few], *some, repeats=1)
        assert abs(score_rankings(values[few], *some, ties="stable").mean_ap - loop) < 1e-9
        for ties in ("expected", "stable"):
            ours_seconds, _ = seconds(partial(score_rankings, values, *labels, ties=ties))
            # The loop takes minutes, so it gets some of the queries and its time is scaled up.
            line(f"score_rankings {kind} {ties}", ours_seconds, "plain loop", loop_seconds * len(values) / LOOP_QUERIES)

    sort_seconds, order = seconds(lambda: np.argsort(hamming(*codes), axis=1, kind="stable")[:, :NEAREST], repeats=1)
    ours_seconds, found = seconds(top_k, *codes, NEAREST)
    assert (found.indices == order).all()
    line(f"top_k, k = {NEAREST}", ours_seconds, "hamming, then argsort", sort_seconds)


def compare_nearest(codes: list[np.ndarray], labels: tuple[np.ndarray, ...]) -> None:
    """Compare the nearest images, with identity margins on our side alone, with faiss's flat binary index.

    The two take turns, so that whatever else the machine does meets both.
    """
    try:
        faiss = import_module("faiss")
    except ImportError:
        print("nearest images: faiss is not installed")
        return
    query, gallery = codes
    flat = faiss.IndexBinaryFlat(BITS)
    flat.add(gallery)
    index = GalleryIndex(gallery, labels[1], labels[3])
    for count, repeats in ((1, SHORT_REPEATS), (len(query), REPEATS)):
        some = query[:count]
        ways = {
            "ours": lambda some=some: index.search(some, k=NEAREST),
            "visible": lambda some=some: index.search(some, camids=labels[2][: len(some)], k=NEAREST),
            "faiss": lambda some=some: flat.search(some, NEAREST),
        }
        best = dict.fromkeys(ways, float("inf"))
        for _ in range(repeats):
            best = {name: min(best[name], seconds(way, repeats=1)[0]) for name, way in ways.items()}
        assert (ways["ours"]().distances == ways["faiss"]()[0]).all()
        title = f"{count} {'query' if count == 1 else 'queries'}, {NEAREST} nearest and margin"
        line(title, best["ours"], "faiss flat, no margin", best["faiss"])
        line("  and the own camera left out", best["visible"], "faiss flat, no margin", best["faiss"])


def euclidean_like(distances: np.ndarray) -> np.ndarray:
    """Untie integer distances (Q, G), float32."""
    return distances + np.random.default_rng(1).random(distances.shape, dtype=np.float32) * np.float32(0.5)


def main() -> None:
    """Print the comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--nearest", action="store_true", help="compare nearest images alone")
    arguments = parser.parse_args()
    name = arguments.size
    codes, labels = draw(SIZES[name], np.random.default_rng(0))
    print(f"{name}: {len(codes[0])} queries × {len(codes[1])} gallery images, {BITS} bits; seconds, best of {REPEATS}")
    print(f"{'ours':56}  {'other way':24} {'':9} {'ratio':>7}")
    if name != "msmt17":  # there, all distances take 4 GB
        compare_nearest(codes, labels)
        if arguments.nearest:
            return
        compare_whole_matrices(codes, labels)
        line("hamming, one query", seconds(hamming, codes[0][:1], codes[1])[0])
        embeddings = [unpack(part[:3000], BITS).astype(np.float32) for part in codes]
        line(f"euclidean {len(embeddings[0])} × {len(embeddings[1])}", seconds(euclidean, *embeddings)[0])

    line("score_embeddings, codes to scores", seconds(score_embeddings, *codes, *labels, repeats=1)[0])
    tracemalloc.start()
    score_embeddings(*codes, *labels)
    print(f"  at most {tracemalloc.get_traced_memory()[1] / 2**20:.0f} MiB at once")
    tracemalloc.stop()
    if name == "msmt17":
        return
    encode_seconds, encoded = seconds(re_rank, *codes, repeats=1)
    line(f"re_rank, {(len(encoded.query) + len(encoded.gallery)) ** 2 / 1e6:.0f} million pairs", encode_seconds)
    line("  and its distances", seconds(lambda: [rows for rows, _ in encoded.blocks()], repeats=1)[0])


if __name__ == "__main__":
    main()
