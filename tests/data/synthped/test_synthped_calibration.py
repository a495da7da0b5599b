"""The set is as hard as real ones for descriptors that learn nothing, so that no method is flattered.

Rank-1 of the striped and the global histogram, in percent: 34.5 and 18.5 on a hundred people of Market-1501, 16.9 and
5.2 on PKU-Reid.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from unlearned_descriptor import rank_one

from bench.data.synthped import sized_spec
from bench.data.synthped.writer import make


@pytest.fixture(scope="module")
def split_for_test(tmp_path_factory):
    # A seed that nothing is reported on; 100 people and no training images, to be quick.
    spec = replace(
        sized_spec("demo", seed=101),
        train_identities=0,
        test_identities=100,
        test_images_per_camera=(1, 2),
        distractors=80,
        junk=0,
    )
    return make(spec, tmp_path_factory.mktemp("calibration") / "set")


def test_descriptors_that_learn_nothing_score_as_on_real_sets(split_for_test):
    striped, whole = rank_one(split_for_test)
    assert 17 <= striped <= 35
    assert 5 <= whole <= 18
    assert 2 <= striped / whole <= 3
