"""Both readings of gallery separability, against a search by hand."""

from dataclasses import replace

import numpy as np
import pytest
from invented import invented_table

from bench import registry

GENERATOR = np.random.default_rng(0)


def test_the_next_identity_or_the_second_image():
    table = invented_table(queries=3, exits=1)
    distances = np.array([[2.0, 3.0, 7.0, 8.0, 9.0], [4.0, 4.0, 5.0, 5.0, 5.0], [1.0, *[np.inf] * 4]])[:, None]
    signals = replace(table.signals, nearest_distances=distances, identity_margin=np.array([[5.0], [1.0], [np.inf]]))
    default, second = registry.policy("gs"), registry.policy("gs:second")
    assert default.confidence(signals, GENERATOR).ravel().tolist() == [5, 1, np.inf]
    assert second.confidence(signals, GENERATOR).ravel().tolist() == pytest.approx([1, 0, np.inf])


def test_nothing_in_sight_is_no_reason_to_be_undecided():
    table = invented_table(queries=2, exits=1)
    signals = replace(table.signals, nearest_distances=np.full((2, 1, 5), np.inf))
    assert registry.policy("gs:second").confidence(signals, GENERATOR).ravel().tolist() == [np.inf, np.inf]


def test_the_second_image_of_every_exit_is_taken():
    signals = invented_table().signals
    second = np.sort(signals.nearest_distances, axis=2)[..., 1] - signals.nearest_distances[..., 0]
    assert np.array_equal(registry.policy("gs:second").confidence(signals, GENERATOR), second)
