"""Codes of several lengths, each with the thresholds of its own held-out codes, wherever it is kept."""

import numpy as np
import pytest

from bench.exits import ExitSpec
from bench.retrieval.codes import pack
from bench.search.distance_thresholds import distance_counts, f_beta_threshold
from bench.search.scale_study import Embedded

SHORT, LONG = ExitSpec("short", 12, "binary"), ExitSpec("long", 40, "binary")


@pytest.mark.parametrize("short_is_an_extra", [True, False])
def test_thresholds_are_those_of_codes_of_their_own_length(short_is_an_extra):
    """Codes that are no exits are kept behind those of the exits."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(1, 21), 4), np.tile([1, 2, 3, 4], 20)
    centres = {spec: rng.random((20, spec.dim)) < 0.5 for spec in (SHORT, LONG)}
    sides = []
    for _ in range(4):
        of_people = {spec: centre[labels[0] - 1] for spec, centre in centres.items()}
        sides.append({spec: pack(bits ^ (rng.random(bits.shape) < 0.15)) for spec, bits in of_people.items()})
    order = (LONG, SHORT) if short_is_an_extra else (SHORT, LONG)
    query, gallery, *held_out = (([side[spec] for spec in order], labels) for side in sides)
    pyramid = Embedded(
        name="one",
        dataset="own",
        rendered=False,
        fingerprint="",
        content="",
        exits=(LONG,) if short_is_an_extra else (SHORT, LONG),
        query=query,
        gallery=gallery,
        held_out=(held_out[0], held_out[1]),
        extras=(SHORT,) if short_is_an_extra else (),
    ).pyramid()
    assert pyramid.lengths == (SHORT.dim, LONG.dim)
    counts = distance_counts(sides[2][SHORT], sides[3][SHORT], labels, labels, SHORT.dim)
    assert pyramid.thresholds == (f_beta_threshold(*counts, 2.0),)
    for kept, side in ((pyramid.query, sides[0]), (pyramid.gallery, sides[1])):
        np.testing.assert_array_equal(kept[0], side[SHORT])
        np.testing.assert_array_equal(kept[1], side[LONG])
