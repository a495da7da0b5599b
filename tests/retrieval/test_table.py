from __future__ import annotations

from dataclasses import fields
from typing import NamedTuple

import numpy as np
import pytest

from bench.errors import BenchError
from bench.networks import ExitSpec
from bench.retrieval.codes import pack
from bench.retrieval.evaluate import build_table, exit_scores, matched_queries
from bench.retrieval.hamming import hamming
from bench.retrieval.matching import euclidean
from bench.retrieval.metrics import score_rankings
from bench.retrieval.table import HIT_RANKS, NEIGHBOURS, ExitTable, Signals

LINE = (ExitSpec("line", 1, "continuous"),)


def on_a_line(query: list[float], gallery: list[float], *labels: list[int], signals: str = "deployed") -> ExitTable:
    """Build a table of one exit whose embeddings are positions on a line; labels as :func:`build_table` takes them."""
    positions = [[np.array(values, dtype=np.float32)[:, None]] for values in (query, gallery)]
    return build_table(LINE, *positions, *labels, signals=signals)  # type: ignore[arg-type]


class Problem(NamedTuple):
    """Two exits, one of each kind, with embeddings and labels."""

    exits: tuple[ExitSpec, ...]
    query: list[np.ndarray]
    gallery: list[np.ndarray]
    labels: tuple[np.ndarray, ...]


@pytest.fixture(scope="module")
def problem() -> Problem:
    rng = np.random.default_rng(0)
    exits = (ExitSpec("codes", 11, "binary"), ExitSpec("embeddings", 4, "continuous"))
    query, gallery = (
        [pack(rng.choice([-1, 1], size=(count, 11))), rng.standard_normal((count, 4)).astype(np.float32)]
        for count in (31, 57)
    )
    labels = (rng.integers(0, 9, 31), rng.integers(0, 3, 31), rng.integers(-1, 6, 57), rng.integers(0, 3, 57))
    return Problem(exits, query, gallery, labels)


def build(problem: Problem, **options: object) -> ExitTable:
    return build_table(problem.exits, problem.query, problem.gallery, *problem.labels, **options)  # type: ignore[arg-type]


def assert_equal(first: Signals, second: Signals, *, but: tuple[str, ...] = ()) -> None:
    for field in fields(Signals):
        if field.name not in but:
            np.testing.assert_array_equal(getattr(first, field.name), getattr(second, field.name))


def test_deployed_signals_leave_out_the_own_camera_and_nothing_else() -> None:
    #                            own camera   unknown   other person  own person, other camera
    table = on_a_line([0], [0.5, 1, 2, 3], [7], [1], [7, -1, 3, 7], [1, 2, 2, 2])
    np.testing.assert_array_equal(table.signals.nearest_indices[0, 0], [1, 2, 3, -1, -1])
    np.testing.assert_array_equal(table.signals.nearest_pids[0, 0], [-1, 3, 7, -1, -1])
    np.testing.assert_array_equal(table.signals.nearest_distances[0, 0], [1, 2, 3, np.inf, np.inf])
    assert table.signals.identity_margin[0, 0] == 1
    assert table.outcomes.average_precision[0, 0] == 0.5


def test_protocol_signals_remove_junk_and_keep_other_people_of_the_camera() -> None:
    gallery, labels = [0.5, 1, 1.5, 2, 3], ([7], [1], [7, -1, 4, 3, 7], [1, 2, 1, 2, 2])
    table = on_a_line([0], gallery, *labels, signals="protocol")
    np.testing.assert_array_equal(table.signals.nearest_indices[0, 0], [2, 3, 4, -1, -1])
    assert table.signals.identity_margin[0, 0] == 0.5


def test_tied_nearest_images_come_in_gallery_order_and_leave_no_margin() -> None:
    table = on_a_line([0], [2, 1, -1, 1], [7], [1], [7, 7, 3, 7], [2, 2, 2, 2])
    np.testing.assert_array_equal(table.signals.nearest_indices[0, 0], [1, 2, 3, 0, -1])
    assert table.signals.identity_margin[0, 0] == 0


def test_margin_passes_over_more_images_of_the_nearest_person_than_neighbours_are_named() -> None:
    table = on_a_line([0], [1, 2, 3, 4, 5, 6, 7], [7], [1], [7] * 6 + [3], [2] * 7)
    assert table.signals.identity_margin[0, 0] == 6
    assert table.signals.nearest_pids.shape == (1, 1, NEIGHBOURS)


def test_margin_is_infinite_where_one_identity_is_in_sight() -> None:
    table = on_a_line([0], [1, 2, 3], [7], [1], [7, 7, 3], [2, 2, 1])
    assert table.signals.identity_margin[0, 0] == np.inf


def test_rows_are_the_queries_with_a_match() -> None:
    labels = ([8, 7, 7, -1], [1, 1, 2, 1], [7, 3], [2, 3])
    np.testing.assert_array_equal(matched_queries(*labels), [1])
    table = on_a_line([5, 0, 5, 5], [1, 2], *labels)
    assert len(table) == 1
    np.testing.assert_array_equal(table.outcomes.query_pids, [7])
    np.testing.assert_array_equal(table.signals.query_camids, [1])
    np.testing.assert_array_equal(table.signals.nearest_distances[0, 0, :2], [1, 2])


@pytest.mark.parametrize("source", ["deployed", "protocol"])
def test_signals_agree_with_a_double_loop(problem: Problem, source: str) -> None:
    signals = build(problem, signals=source, block=7).signals
    query_pids, query_camids, gallery_pids, gallery_camids = problem.labels
    matrices = (hamming(problem.query[0], problem.gallery[0]), euclidean(problem.query[1], problem.gallery[1]))
    for row, query in enumerate(matched_queries(*problem.labels)):
        for exit_index, distances in enumerate(matrices):
            seen = []
            for image, distance in enumerate(distances[query].tolist()):
                same_camera = gallery_camids[image] == query_camids[query]
                junk = (same_camera and gallery_pids[image] == query_pids[query]) or gallery_pids[image] == -1
                if not (junk if source == "protocol" else same_camera):
                    seen.append((distance, image))
            seen.sort()
            nearest_distance, nearest = seen[0]
            others = [distance for distance, image in seen if gallery_pids[image] != gallery_pids[nearest]]
            at = (row, exit_index)
            assert signals.nearest_distances[at].tolist() == [distance for distance, _ in seen[:NEIGHBOURS]]
            assert signals.nearest_indices[at].tolist() == [image for _, image in seen[:NEIGHBOURS]]
            assert signals.nearest_pids[at].tolist() == [gallery_pids[image] for _, image in seen[:NEIGHBOURS]]
            assert signals.identity_margin[at] == others[0] - nearest_distance
    np.testing.assert_array_equal(signals.dims, [11, 4])


@pytest.mark.parametrize("ap", ["step", "trapezoid"])
def test_outcomes_are_the_scores_of_each_exit(problem: Problem, ap: str) -> None:
    table = build(problem, ap=ap, block=7)
    query_pids, query_camids, gallery_pids, gallery_camids = problem.labels
    rows = matched_queries(*problem.labels)
    assert 0 < len(rows) < len(query_pids)
    matrices = (hamming(problem.query[0], problem.gallery[0]), euclidean(problem.query[1], problem.gallery[1]))
    for index, (distances, summary) in enumerate(zip(matrices, exit_scores(table), strict=True)):
        low, expected, high = (
            score_rankings(distances, query_pids, gallery_pids, query_camids, gallery_camids, ties=ties, ap=ap)
            for ties in ("pessimistic", "expected", "optimistic")
        )
        outcomes = table.outcomes
        np.testing.assert_array_equal(np.flatnonzero(expected.valid), rows)
        np.testing.assert_array_equal(outcomes.average_precision[:, index], expected.average_precision[rows])
        np.testing.assert_array_equal(
            outcomes.inverse_negative_penalty[:, index], expected.inverse_negative_penalty[rows]
        )
        np.testing.assert_array_equal(outcomes.average_precision_bounds[:, index, 0], low.average_precision[rows])
        np.testing.assert_array_equal(outcomes.average_precision_bounds[:, index, 1], high.average_precision[rows])
        for column, k in enumerate(HIT_RANKS):
            np.testing.assert_array_equal(outcomes.hits[:, index, column], expected.hits[rows, k - 1])
            assert summary[f"rank-{k}"] == pytest.approx(expected.rank(k))
        assert summary["exit"] == problem.exits[index].name
        assert summary["mAP"] == pytest.approx(expected.mean_ap)
        assert summary["mINP"] == pytest.approx(expected.mean_inp)
        assert (summary["mAP_pessimistic"], summary["mAP_optimistic"]) == pytest.approx((low.mean_ap, high.mean_ap))


def test_deployed_signals_do_not_read_the_query_identities(problem: Problem) -> None:
    query_pids, query_camids, gallery_pids, gallery_camids = problem.labels
    # Identities change, but every row of the table stays one: matches in all cameras for any identity from 0 to 5.
    gallery_pids, gallery_camids = np.arange(57) % 6, np.arange(57) // 6 % 3
    first, second = (
        build(problem._replace(labels=(pids, query_camids, gallery_pids, gallery_camids)))
        for pids in (query_pids % 6, (query_pids * 5 + 2) % 6)
    )
    assert len(first) == len(second) == len(query_pids)
    assert (first.outcomes.average_precision != second.outcomes.average_precision).any()
    assert_equal(first.signals, second.signals)


def test_blocks_do_not_change_the_table(problem: Problem) -> None:
    whole, single = build(problem), build(problem, block=1)
    assert_equal(whole.signals, single.signals)
    np.testing.assert_array_equal(whole.outcomes.hits, single.outcomes.hits)
    np.testing.assert_array_equal(whole.outcomes.average_precision, single.outcomes.average_precision)


def test_embeddings_that_do_not_fit_their_exit_are_refused(problem: Problem) -> None:
    with pytest.raises(BenchError, match="one array an exit"):
        build(problem._replace(query=problem.query[:1]))
    with pytest.raises(BenchError, match=r"gallery embeddings of exit codes must be packed codes"):
        build(problem._replace(gallery=[problem.gallery[1], problem.gallery[1]]))
    with pytest.raises(BenchError, match=r"query embeddings of exit embeddings must be floats \(31, 4\)"):
        build(problem._replace(query=[problem.query[0], problem.query[1][:-1]]))
    with pytest.raises(BenchError, match="share no identity"):
        build(problem._replace(labels=(problem.labels[0] + 100, *problem.labels[1:])))
    with pytest.raises(BenchError, match="signals must be one of deployed, protocol"):
        build(problem, signals="all")


def test_distance_to_the_identity_that_the_exit_before_found(problem: Problem) -> None:
    signals = build(problem).signals
    rows = matched_queries(*problem.labels)
    _, query_camids, gallery_pids, gallery_camids = problem.labels
    assert np.isinf(signals.previous_identity_distance[:, 0]).all()
    distances = euclidean(problem.query[1], problem.gallery[1])
    for row, query in enumerate(rows):
        found = signals.nearest_pids[row, 0, 0]
        visible = (gallery_pids == found) & (gallery_camids != query_camids[query])
        assert signals.previous_identity_distance[row, 1] == distances[query][visible].min()
