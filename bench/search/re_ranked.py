"""k-reciprocal re-ranking of a finished run's codes, timed apart from the budgeted costs."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bench.data.tracklets import entries
from bench.progress import SILENT, Reporter
from bench.retrieval.drawn import require_plain
from bench.retrieval.labels import labels_of, search_labels
from bench.retrieval.metrics import RankingScores, score_blocks
from bench.retrieval.re_ranking import re_rank
from bench.retrieval.streaming import score_embeddings
from bench.running.request import RunRequest
from bench.running.run import Opened


@dataclass(frozen=True)
class ReRanked:
    """Rank-1 and mAP without and with re-ranking, and the seconds for matching and scoring all queries."""

    rank_1: float
    mean_ap: float
    seconds: float
    re_ranked_rank_1: float
    re_ranked_mean_ap: float
    re_ranked_seconds: float


def score_re_ranked(request: RunRequest, reporter: Reporter = SILENT) -> tuple[ReRanked, ...]:
    """Score each exit of a finished run as it is, and after re-ranking (k1 20, k2 6, λ 0.3)."""
    from bench.running.stages import obtain_embeddings, obtain_network

    opened = Opened.of(request, reporter)
    require_plain(opened.dataset.query, opened.dataset.gallery, "re-ranking", clothes=True)
    with opened.folder.alone():
        context = opened.workbench(reporter)
        embeddings = obtain_embeddings(context, obtain_network(context), request.evaluation.views)
    (query_pids, query_camids), (gallery_pids, gallery_camids) = (
        labels_of(entries(samples)) for samples in (opened.dataset.query, opened.dataset.gallery)
    )
    labels = query_pids, gallery_pids, query_camids, gallery_camids
    ap = request.evaluation.ap
    found = []
    with reporter.task("re-ranking", len(embeddings["query"]), unit="exits") as task:
        for query, gallery in zip(embeddings["query"], embeddings["gallery"], strict=True):
            started = time.perf_counter()
            plain = score_embeddings(query, gallery, *labels, ap=ap)
            between = time.perf_counter()
            after = score_blocks(re_rank(query, gallery).blocks(), search_labels(*labels), "expected", ap, 1)
            found.append(ReRanked(*_both(plain), between - started, *_both(after), time.perf_counter() - between))
            task.advance()
    return tuple(found)


def _both(scores: RankingScores) -> tuple[float, float]:
    return scores.rank(1), scores.mean_ap
