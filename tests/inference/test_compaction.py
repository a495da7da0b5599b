"""Taking rows out of a state: in an order, and in memory, that moves as few as can be."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bench.inference.backends.graphs import GraphBackend, GraphState
from bench.inference.compaction import in_place
from bench.networks import ExitSpec

WHO_STAYS = arrays(bool, st.integers(1, 20)).filter(np.any)


class HandsOn(GraphBackend):
    """Hands on what came in, and gives its first values as the embedding."""

    def __init__(self):
        self.card = SimpleNamespace(exits=[SimpleNamespace(outputs=("embedding", "state"), features="")] * 2)
        self.exits = (ExitSpec("exit 1", 2, "continuous"), ExitSpec("exit 2", 2, "continuous"))
        self.size = (2, 2)

    def _run(self, exit_index, arrays, names):
        return [arrays[0][:, 0, 0], *arrays]


@given(WHO_STAYS)
def test_rows_stay_where_they_lie_if_their_place_is_kept(stay):
    rows = np.flatnonzero(stay)
    order = in_place(rows)
    assert sorted(order) == list(rows)
    within = rows[rows < len(rows)]
    assert (order[within] == within).all()


@given(WHO_STAYS, st.data())
def test_graphs_choose_rows_as_indexing_does(stay, data):
    rows = np.flatnonzero(stay)
    shuffled = data.draw(st.permutations(list(rows)))
    for chosen in (in_place(rows), rows, np.array(shuffled), stay, np.array([0, 0, len(stay) - 1])):
        given_rows = np.arange(6.0 * len(stay)).reshape(len(stay), 2, 3)
        expected = given_rows[chosen]
        state = HandsOn().select(GraphState([given_rows.copy(), given_rows.copy()]), chosen)
        assert all(np.array_equal(array, expected) and array.flags.c_contiguous for array in state.arrays)


def test_graphs_move_rows_within_their_memory_unless_it_is_not_theirs():
    state = GraphState([np.arange(8.0).reshape(4, 2)])
    kept = HandsOn().select(state, np.array([0, 3])).arrays[0]
    assert np.shares_memory(kept, state.arrays[0])
    read_only = np.arange(8.0).reshape(4, 2)
    read_only.flags.writeable = False
    kept = HandsOn().select(GraphState([read_only]), np.array([0, 3])).arrays[0]
    assert kept.tolist() == [[0, 1], [6, 7]]
    assert not np.shares_memory(kept, read_only)


@pytest.mark.parametrize("rows", [[0, 3], [3, 1]])
def test_the_callers_images_are_left_alone(rows):
    backend = HandsOn()
    images = np.random.default_rng(0).standard_normal((4, 3, 2, 2), dtype=np.float32)
    before = images.copy()
    state, _ = backend.step(backend.start(images), 0)
    assert np.array_equal(backend.select(state, np.array(rows)).arrays[0], before[rows])
    assert np.array_equal(images, before)
