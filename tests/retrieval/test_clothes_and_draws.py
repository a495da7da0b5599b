"""LTCC's cloth-changing setting and PRCC's drawn galleries, each against a ranking by hand."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bench.data.dataset import ImageSample
from bench.errors import BenchError
from bench.networks import ExitSpec
from bench.retrieval.codes import pack
from bench.retrieval.drawn import build_drawn_table, draws_of, gallery_size, protocol, query_rows, require_plain
from bench.retrieval.evaluate import build_table, matched_queries
from bench.retrieval.labels import labels_of
from bench.retrieval.matching import euclidean
from bench.retrieval.metrics import score_rankings
from bench.retrieval.same_person import accepted_pairs
from bench.search.distance_thresholds import distance_counts

EXITS = (ExitSpec("first", 3, "continuous"), ExitSpec("second", 5, "continuous"))


def embeddings(generator, count):
    return [generator.normal(size=(count, spec.dim)).astype(np.float32) for spec in EXITS]


def views(generator, count):
    """Cameras and clothes (N, 2)."""
    return np.stack([generator.integers(0, 3, count), generator.integers(0, 2, count)], axis=1)


def without_ties(query, gallery):
    """Give the embeddings where no query has two equal distances at an exit: a ranking by hand knows no ties."""
    for one, other in zip(query, gallery, strict=True):
        assume(all(len(np.unique(line)) == len(line) for line in euclidean(one, other)))
    return query, gallery


def ranked_by_hand(distances, query, gallery):
    """AP, first hit and INP of a query with labels (pid, camera, clothes): None where nothing matches."""
    kept = []
    for distance, (pid, camera, clothes) in sorted(zip(distances.tolist(), gallery, strict=True)):
        junk = pid == -1 or (pid == query[0] and (camera == query[1] or clothes == query[2]))
        if not junk:
            kept.append((distance, pid == query[0]))
    ranks = [rank for rank, (_, match) in enumerate(kept, start=1) if match]
    if not ranks:
        return None
    return np.mean([(n + 1) / rank for n, rank in enumerate(ranks)]), ranks[0] == 1, len(ranks) / ranks[-1]


@settings(max_examples=25)
@given(seed=st.integers(0, 2**16))
def test_matches_in_the_querys_clothes_do_not_count(seed):
    generator = np.random.default_rng(seed)
    query, gallery = without_ties(embeddings(generator, 9), embeddings(generator, 40))
    query_pids, gallery_pids = generator.integers(1, 4, 9), generator.integers(-1, 4, 40)
    query_views, gallery_views = views(generator, 9), views(generator, 40)
    rows = list(zip(gallery_pids.tolist(), *gallery_views.T.tolist(), strict=True))
    asked = list(zip(query_pids.tolist(), *query_views.T.tolist(), strict=True))
    scores = score_rankings(euclidean(query[0], gallery[0]), query_pids, gallery_pids, query_views, gallery_views)
    table = build_table(EXITS, query, gallery, query_pids, query_views, gallery_pids, gallery_views)
    row = 0
    for number, labels in enumerate(asked):
        expected = [
            ranked_by_hand(euclidean(one[number : number + 1], other)[0], labels, rows)
            for one, other in zip(query, gallery, strict=True)
        ]
        assert scores.valid[number] == (expected[0] is not None)
        if expected[0] is None:
            continue
        assert scores.average_precision[number] == pytest.approx(expected[0][0])
        for index, (precision, hit, penalty) in enumerate(expected):
            outcomes = table.outcomes
            assert outcomes.average_precision[row, index] == pytest.approx(precision)
            assert outcomes.hits[row, index, 0] == hit
            assert outcomes.inverse_negative_penalty[row, index] == pytest.approx(penalty)
        row += 1
    assert row == len(table)
    # A running system knows cameras, and nothing of clothes: what policies see is that of the standard setting.
    standard = build_table(EXITS, query, gallery, query_pids, query_views[:, 0], gallery_pids, gallery_views[:, 0])
    both = np.isin(
        matched_queries(query_pids, query_views[:, 0], gallery_pids, gallery_views[:, 0]),
        matched_queries(query_pids, query_views, gallery_pids, gallery_views),
    )
    np.testing.assert_array_equal(standard.signals.nearest_indices[both], table.signals.nearest_indices)
    np.testing.assert_array_equal(standard.signals.query_camids[both], table.signals.query_camids)


def test_pairs_in_the_same_clothes_are_no_pairs():
    generator = np.random.default_rng(1)
    codes = [pack(generator.choice([-1, 1], size=(count, 16))) for count in (12, 30)]
    labels = [(generator.integers(1, 4, count), views(generator, count)) for count in (12, 30)]
    genuine, impostors = [], 0
    for one, (pid, view) in zip(codes[0], zip(*labels[0], strict=True), strict=True):
        for other, (other_pid, other_view) in zip(codes[1], zip(*labels[1], strict=True), strict=True):
            if pid != other_pid:
                impostors += 1
            elif not (view == other_view).any():
                genuine.append(int(np.bitwise_count(one ^ other).sum()))
    pairs = accepted_pairs(*codes, *labels[0], *labels[1])
    assert (pairs.distances.tolist(), pairs.impostors) == (sorted(genuine), impostors)
    matches, _ = distance_counts(*codes, *labels, 16)
    np.testing.assert_array_equal(matches, np.bincount(genuine, minlength=17))


def test_a_drawn_gallery_is_ranked_by_itself_and_draws_are_averaged():
    generator = np.random.default_rng(2)
    query, gallery = embeddings(generator, 7), embeddings(generator, 12)
    query_pids, gallery_pids = generator.integers(1, 4, 7), np.repeat([1, 2, 3], 4)
    query_camids, gallery_camids = np.full(7, 3), np.full(12, 1)
    chosen = [[0, 5, 10], [3, 5, 8], [1, 4, 11]]
    draws = np.stack([np.isin(np.arange(12), one) for one in chosen], axis=1)
    table = build_drawn_table(draws, EXITS, query, gallery, query_pids, query_camids, gallery_pids, gallery_camids)
    firsts = []
    for one in chosen:
        for number, pid in enumerate(query_pids):
            distances = euclidean(query[1][number : number + 1], gallery[1][one])[0]
            firsts.append(1 / (1 + int((distances < distances[gallery_pids[one] == pid]).sum())))
            # Signals are those of the drawn gallery, with the images' numbers in the whole.
            row = len(firsts) - 1
            order = [one[index] for index in np.argsort(distances)]
            assert table.signals.nearest_indices[row, 1].tolist() == [*order, -1, -1]
            assert table.signals.nearest_pids[row, 1, :3].tolist() == gallery_pids[order].tolist()
    np.testing.assert_allclose(table.outcomes.average_precision[:, 1], firsts)
    assert table.outcomes.query_pids.tolist() == 3 * query_pids.tolist()
    assert query_rows(table, np.arange(7)).tolist() == 3 * list(range(7))
    whole = build_drawn_table(
        draws[:, :0], EXITS, query, gallery, query_pids, query_camids, gallery_pids, gallery_camids
    )
    assert len(whole) == 7
    with pytest.raises(BenchError, match="in every drawn gallery or in none"):
        build_drawn_table(
            draws & (gallery_pids != 2)[:, None] | (np.arange(3) == 0) & draws,
            *(EXITS, query, gallery, query_pids, query_camids, gallery_pids, gallery_camids),
        )


def test_samples_say_it_and_what_cannot_follow_refuses():
    plain = [ImageSample(Path(f"{pid}.jpg"), pid, 1) for pid in (1, 2)]
    dressed = [ImageSample(one.path, one.pid, one.camid, clothes=4) for one in plain]
    drawn = [ImageSample(Path("1.jpg"), 1, 1, draws=(0, 1)), ImageSample(Path("2.jpg"), 2, 1, draws=(1,))]
    assert labels_of(plain)[1].tolist() == [1, 1]
    assert labels_of(dressed)[1].tolist() == [[1, 4], [1, 4]]
    assert draws_of(drawn).tolist() == [[True, True], [False, True]]
    assert (gallery_size(draws_of(drawn)), gallery_size(draws_of(plain))) == (2, 2)
    assert protocol(labels_of(plain)[1], draws_of(plain)) == {}
    assert protocol(labels_of(dressed)[1], draws_of(drawn)).keys() == {"junk", "galleries"}
    require_plain(plain, plain, "a search", clothes=False)
    require_plain(dressed, plain, "a search", clothes=True)
    with pytest.raises(BenchError, match="setting=standard"):
        require_plain(dressed, plain, "an engine", clothes=False)
    with pytest.raises(BenchError, match="2 that were drawn"):
        require_plain(plain, drawn, "a search", clothes=True)
