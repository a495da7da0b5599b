"""Coarse-to-fine search, held to a search that sorts lists of tuples, one image at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import BenchError
from bench.retrieval.coarse_to_fine import CoarseToFineIndex
from bench.retrieval.codes import pack

LENGTHS = (4, 11, 32)


def codes(rng, count, lengths=LENGTHS):
    signs = [np.where(rng.random((count, length)) < 0.5, 1, -1) for length in lengths]
    return signs, [pack(one) for one in signs]


def plain_search(query, gallery, thresholds):
    """Positions of equal rank, and images compared by each code: lists that are sorted again and again."""
    distances = [[int((q != image).sum()) for image in images] for q, images in zip(query, gallery, strict=True)]
    listed = [[(distances[0][image],), image] for image in range(len(gallery[0]))]
    compared, near = [len(listed)], list(range(len(listed)))
    for level, threshold in enumerate(thresholds, start=1):
        near = [image for image in near if distances[level - 1][image] <= threshold]
        compared.append(len(near))
        # The list of before, with those that are near put first in the order of the finer code.
        listed = [[(-level, distances[level][image]) if image in near else key, image] for key, image in listed]
        listed.sort(key=lambda entry: tuple(map(float, entry[0])) if len(entry[0]) > 1 else (0.0, float(entry[0][0])))
    keys = {image: key for key, image in listed}
    return keys, compared


@given(st.integers(0, 10_000), st.integers(0, 4), st.integers(0, 11))
def test_the_order_is_that_of_lists_sorted_again(seed, first, second):
    rng = np.random.default_rng(seed)
    query_signs, query = codes(rng, 3)
    gallery_signs, gallery = codes(rng, 25)
    found = CoarseToFineIndex(gallery, LENGTHS, (first, second)).search(query)
    for row in range(3):
        keys, compared = plain_search([part[row] for part in query_signs], gallery_signs, (first, second))
        assert found.compared[row].tolist() == compared
        ranked = [(0, key[0]) if len(key) == 1 else key for key in (keys[image] for image in range(25))]
        for one in range(25):
            for other in range(25):
                assert (found.order[row, one] < found.order[row, other]) == (ranked[one] < ranked[other])


def test_thresholds_that_keep_everybody_give_the_order_of_the_longest_code():
    rng = np.random.default_rng(0)
    query_signs, query = codes(rng, 5)
    gallery_signs, gallery = codes(rng, 40)
    found = CoarseToFineIndex(gallery, LENGTHS, LENGTHS[:2]).search(query)
    expected = (query_signs[-1][:, None] != gallery_signs[-1][None]).sum(axis=2)
    np.testing.assert_array_equal(found.order, expected)
    assert (found.compared == 40).all()


@pytest.mark.parametrize(
    ("lengths", "thresholds", "said"),
    [((11, 4, 32), (1, 1), "must rise"), (LENGTHS, (1,), "one threshold fewer"), ((4, 11, 40), (1, 1), "of 40 bits")],
)
def test_what_does_not_fit_is_refused(lengths, thresholds, said):
    _, gallery = codes(np.random.default_rng(0), 6)
    with pytest.raises(BenchError, match=said):
        CoarseToFineIndex(gallery, lengths, thresholds)


def test_codes_that_do_not_fit_are_refused():
    _, gallery = codes(np.random.default_rng(0), 6)
    index = CoarseToFineIndex(gallery, LENGTHS, (1, 1))
    with pytest.raises(BenchError, match="query codes must be of all 3 lengths, the shortest first; found 2"):
        index.search(gallery[:2])
    with pytest.raises(BenchError, match="found 6 of 4 bits and 5 of 11"):
        index.search([gallery[0], gallery[1][:5], gallery[2]])
    beyond = gallery[1].copy()
    beyond[3, -1] |= 1
    with pytest.raises(BenchError, match="gallery codes of 11 bits have bits set beyond these"):
        CoarseToFineIndex([gallery[0], beyond, gallery[2]], LENGTHS, (1, 1))
