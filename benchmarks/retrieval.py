"""Time the retrieval room at the size of Market-1501, beside the plain way of doing the same.

Run by hand, ``python benchmarks/retrieval.py``: both sides of a ratio are timed in one run on one machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bench.retrieval.codes import pack, unpack
from bench.retrieval.matching import euclidean, hamming
from bench.retrieval.metrics import score_rankings

QUERIES, GALLERY, BITS = 3368, 19732, 2048
REPEATS = 3
LOOP_SHARE = 16


def market_labels(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Draw labels with the sizes and shares of Market-1501: 750 people, 6 cameras, 2,798 distractors, 3,819 junk."""
    gallery_pids = np.concatenate([rng.integers(1, 751, size=13115), np.zeros(2798, int), np.full(3819, -1)])
    return (
        rng.integers(1, 751, size=QUERIES),
        rng.permutation(gallery_pids),
        rng.integers(0, 6, size=QUERIES),
        rng.integers(0, 6, size=GALLERY),
    )


def score_in_a_loop(
    distances: np.ndarray,
    query_pids: np.ndarray,
    gallery_pids: np.ndarray,
    query_camids: np.ndarray,
    gallery_camids: np.ndarray,
) -> float:
    """Mean AP the plain way: sort the indices of everything, then drop junk and accumulate, query by query."""
    order = np.argsort(distances, axis=1)
    precisions = []
    for row, pid, camid in zip(order, query_pids, query_camids, strict=True):
        kept = row[((gallery_pids[row] != pid) | (gallery_camids[row] != camid)) & (gallery_pids[row] != -1)]
        matches = gallery_pids[kept] == pid
        if matches.any():
            # An element at a time, in Python, as the public evaluators do.
            shares = [found / (place + 1.0) for place, found in enumerate(matches.cumsum())]
            precisions.append((np.asarray(shares) * matches).sum() / matches.sum())
    return float(np.mean(precisions))


def float_product(query: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Hamming distances (Q, G) from the float product of unpacked codes."""
    signs = [unpack(codes, BITS).astype(np.float32) for codes in (query, gallery)]
    return ((BITS - signs[0] @ signs[1].T) * 0.5).astype(np.int32)


def seconds(function: Callable[..., Any], *arguments: Any, repeats: int = REPEATS) -> tuple[float, Any]:
    """Time the fastest of a few calls, and give the result back."""
    best, result = float("inf"), None
    for _ in range(repeats):
        start = time.perf_counter()
        result = function(*arguments)
        best = min(best, time.perf_counter() - start)
    return best, result


def main() -> None:
    """Print the comparisons."""
    rng = np.random.default_rng(0)
    labels = market_labels(rng)
    distances = rng.random((QUERIES, GALLERY), dtype=np.float32)
    # The loop takes minutes, so it gets a share of the queries and its time is scaled up.
    few = slice(None, None, LOOP_SHARE)
    some = (labels[0][few], labels[1], labels[2][few], labels[3])
    loop_seconds, loop = seconds(score_in_a_loop, distances[few], *some, repeats=1)
    loop_seconds *= QUERIES / len(some[0])
    assert abs(score_rankings(distances[few], *some).mean_ap - loop) < 1e-6
    print(f"scoring {QUERIES} × {GALLERY} float32: plain loop {loop_seconds:.2f} s (from every {LOOP_SHARE}th query)")
    for kind, values in (("float32", distances), ("500 different integers", (distances * 500).astype(np.int32))):
        for ties in ("expected", "stable"):
            ours_seconds, _ = seconds(partial(score_rankings, values, *labels, ties=ties))
            ratio = loop_seconds / ours_seconds
            print(f"  score_rankings on {kind}, ties={ties}: {ours_seconds:.2f} s, {ratio:.0f} times as fast")

    for queries, gallery in ((1, GALLERY), (900, 3000), (QUERIES, GALLERY)):
        codes = [pack(rng.random((count, BITS)) < 0.5) for count in (queries, gallery)]
        ours_seconds, ours = seconds(hamming, *codes)
        product_seconds, product = seconds(float_product, *codes)
        assert (ours == product).all()
        print(
            f"Hamming {queries} × {gallery} × {BITS} bits: hamming {ours_seconds:.3f} s, "
            f"float product {product_seconds:.3f} s, ratio {product_seconds / ours_seconds:.1f}"
        )
    embeddings = [rng.standard_normal((count, BITS), dtype=np.float32) for count in (900, 3000)]
    print(f"Euclidean 900 × 3000 × {BITS}: {seconds(euclidean, *embeddings)[0]:.3f} s")


if __name__ == "__main__":
    main()
