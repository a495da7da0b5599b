"""Coarse-to-fine search of a finished run, beside searches by one code and queries that leave early.

Three ways to spend less on comparing, all in bits compared for a query:

* by one code alone, of every length;
* from coarse to fine (:mod:`bench.retrieval.coarse_to_fine`): *gallery images* leave, at thresholds of distance;
* query by query: a *query* that an exit policy lets go is answered by the order of a short code, and the others are
  compared with the whole gallery again by the next. This is the exit table of the code lengths, swept as any other.

All thresholds come from identities that are held out of training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import registry
from bench.budget.bootstrap import IdentityBootstrap, interval
from bench.budget.policy import Policy
from bench.budget.sweep import sweep
from bench.cost.ledger import WORD_BITS
from bench.exits import ExitSpec
from bench.progress import SILENT, Reporter
from bench.retrieval.blocks import row_slices
from bench.retrieval.coarse_to_fine import CoarseToFineIndex
from bench.retrieval.evaluate import build_table
from bench.retrieval.hamming import PackedGallery
from bench.retrieval.labels import search_labels
from bench.retrieval.metrics import RankingScores, score_blocks
from bench.retrieval.table import FloatArray, IntArray
from bench.retrieval.ties import AveragePrecision
from bench.running.request import RunRequest
from bench.search.code_lengths import CodeLengths
from bench.search.distance_thresholds import BETA
from bench.search.timing import in_turns, rank_counts
from bench.spec import SweepSpec

BETAS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Those that are tried, from the strictest thresholds to the laxest."""
POLICY, BUDGETS = "gs", 5
RESAMPLES = 1000
QUERY_ROWS = 256
METRICS = ("rank-1", "mAP")
ONE_CODE, COARSE_TO_FINE, LEAVING = "one code", "coarse to fine", "queries leave"
FULL = "the longest code"


def study_run(
    request: RunRequest, gallery_size: int, seconds: float, reporter: Reporter = SILENT
) -> list[dict[str, Any]]:
    """Study a finished run: a row (plain values) for every way of searching, with its cost, rank-1 and mAP.

    ``compared`` is how many images each code is compared with, the shortest first, as shares of the gallery; a query's
    ``bits`` are their sum times the lengths. Raises :class:`BenchError` as :meth:`CodeLengths.of_run` does.
    """
    codes = CodeLengths.of_run(request, reporter)
    reporter.note("searching from coarse to fine")
    return study_codes(codes, request.evaluation.ap, time_searches(codes, gallery_size, seconds))


def study_codes(
    codes: CodeLengths, ap: AveragePrecision = "step", milliseconds: Mapping[str, float] | None = None
) -> list[dict[str, Any]]:
    """Score every way of searching, as :func:`study_run` has it; ``milliseconds`` are those of two ways, if timed."""
    images = len(codes.gallery.codes[0])
    labels = search_labels(
        codes.query.labels[0], codes.gallery.labels[0], codes.query.labels[1], codes.gallery.labels[1]
    )
    ways: list[dict[str, Any]] = []
    scored: list[RankingScores] = []
    for level, length in enumerate(codes.lengths):
        blocks = _whole(codes.query.codes[level], codes.gallery.codes[level])
        scored.append(score_blocks(blocks, labels, "expected", ap, 1))
        shares = np.eye(len(codes.lengths))[level]
        ways.append({"way": ONE_CODE, "name": f"{length} bits", "compared": shares.tolist()})
    for beta in BETAS:
        thresholds = codes.thresholds(beta)
        compared: list[IntArray] = []
        blocks = _coarse_to_fine(codes, thresholds, compared)
        scored.append(score_blocks(blocks, labels, "expected", ap, 1))
        shares = np.concatenate(compared)[labels.valid].mean(axis=0) / images
        about = {"way": COARSE_TO_FINE, "name": f"β {beta:g}", "beta": beta, "thresholds": list(thresholds)}
        ways.append({**about, "compared": shares.tolist()})
    # (N, ways, metrics)
    values = np.stack([_per_query(scores) for scores in scored], axis=1)
    draws = IdentityBootstrap.draw(labels.query_pids[labels.valid], RESAMPLES, 0).means(values)
    low, high = interval(draws)
    rows = []
    for number, way in enumerate(ways):
        scores = {name: float(values[:, number, m].mean()) for m, name in enumerate(METRICS)}
        scores |= {f"{name}_low": float(low[number, m]) for m, name in enumerate(METRICS)}
        scores |= {f"{name}_high": float(high[number, m]) for m, name in enumerate(METRICS)}
        rows.append(way | scores)
    rows += _leaving_queries(codes, ap)
    for row in rows:
        shares = np.array(row["compared"])
        row["lengths"] = list(codes.lengths)
        row["bits"] = float(images * shares @ codes.lengths)
        row["word_operations"] = float(images * shares @ [-(-length // WORD_BITS) for length in codes.lengths])
        at = FULL if row["name"] == f"{codes.lengths[-1]} bits" else row["name"]
        if milliseconds and at in milliseconds:
            row["milliseconds"] = milliseconds[at]
    return rows


def time_searches(codes: CodeLengths, gallery_size: int, seconds: float) -> dict[str, float]:
    """Milliseconds of one query's search, medians: by the longest code alone, and from coarse to fine.

    Distances and the order of the whole gallery, which is drawn from the run's own with replacement, ``gallery_size``
    images: as many are near a query, as a share, as in the run.
    """
    drawn = np.random.default_rng(0).integers(len(codes.gallery.codes[0]), size=gallery_size)
    galleries = [gallery[drawn] for gallery in codes.gallery.codes]
    index = CoarseToFineIndex(galleries, codes.lengths, codes.thresholds(BETA))
    whole = PackedGallery(galleries[-1])
    queries = cycle([[code[row : row + 1] for code in codes.query.codes] for row in range(len(codes.query.codes[0]))])
    longest = sum(length + 1 for length in codes.lengths)
    taken = in_turns(
        {
            FULL: lambda: rank_counts(whole.distances(next(queries)[-1])[0], codes.lengths[-1]),
            f"β {BETA:g}": lambda: rank_counts(index.search(next(queries)).order[0], longest),
        },
        seconds,
    )
    return {name: 1e3 * value for name, value in taken.items()}


def _leaving_queries(codes: CodeLengths, ap: AveragePrecision) -> list[dict[str, Any]]:
    """Rows of the exit table of the code lengths, swept by one policy: everybody begins with the shortest code."""
    specs = [ExitSpec(f"{length} bits", length, "binary") for length in codes.lengths]
    tables = [
        build_table(specs, query.codes, gallery.codes, *query.labels, *gallery.labels, ap=ap)
        for query, gallery in ((codes.query, codes.gallery), (codes.held_out_query, codes.held_out_gallery))
    ]
    costs = len(codes.gallery.codes[0]) * np.cumsum(codes.lengths).astype(float)
    spec = SweepSpec((POLICY,), ("calibrated",), budgets=BUDGETS, resamples=RESAMPLES)
    policy = registry.policy(POLICY)
    assert isinstance(policy, Policy)
    rows: list[dict[str, Any]] = []
    for record in sweep(tables[0], costs, spec, [policy], tables[1].signals):
        if record["kind"] == "policy":
            fractions = np.array(record["exit_fractions"])
            kept = {name: record[name] for metric in METRICS for name in (metric, f"{metric}_low", f"{metric}_high")}
            reaching = np.cumsum(fractions[::-1])[::-1]
            name = f"{POLICY}, {100 * len(rows) / (BUDGETS - 1):.0f} %"
            rows.append({"way": LEAVING, "name": name, "compared": reaching.tolist(), **kept})
    return rows


def _whole(query: NDArray[np.uint8], gallery: NDArray[np.uint8]) -> Iterator[tuple[slice, NDArray[np.int32]]]:
    index = PackedGallery(gallery)
    for rows in row_slices(len(query), QUERY_ROWS):
        yield rows, index.distances(query[rows])


def _coarse_to_fine(
    codes: CodeLengths, thresholds: tuple[int, ...], compared: list[IntArray]
) -> Iterator[tuple[slice, NDArray[np.int32]]]:
    """Search block by block; ``compared`` gathers how many images each query was compared with."""
    index = CoarseToFineIndex(codes.gallery.codes, codes.lengths, thresholds)
    for rows in row_slices(len(codes.query.codes[0]), QUERY_ROWS):
        found = index.search([part[rows] for part in codes.query.codes])
        compared.append(found.compared)
        yield rows, found.order


def _per_query(scores: RankingScores) -> FloatArray:
    """Rank-1 and average precision (N, 2) of the queries that have a match."""
    return np.stack([scores.hits[:, 0], scores.average_precision], axis=1)[scores.valid]
