"""Queries that processes share: the table is that of one process, to the last bit."""

from dataclasses import fields
from datetime import timedelta

import numpy as np
import pytest
import torch.distributed as dist

from bench.errors import BenchError
from bench.exits import ExitSpec
from bench.retrieval.codes import pack
from bench.retrieval.drawn import build_drawn_table
from bench.retrieval.evaluate import QUERY_BLOCK
from bench.running.matching import ToMatch, match_together

EXITS = (ExitSpec("exit 1", 32, "binary"), ExitSpec("exit 2", 24, "continuous"))


def to_match(draws=0):
    """Codes and labels of 700 queries, of which some have no match, and 900 images, with ``draws`` of these."""
    rng = np.random.default_rng(0)
    sides = []
    for count in (700, 900):
        floats = rng.standard_normal((count, 32)).astype(np.float32)
        labels = rng.integers(1, 200 if count == 900 else 210, count), rng.integers(0, 4, count)
        sides.append(([pack(floats > 0), floats[:, :24].copy()], labels))
    (query, query_labels), (gallery, gallery_labels) = sides
    how = {"class_entropy": rng.random((700, 2)), "classes": 9, "signals": "deployed", "ap": "step"}
    # Every query's matches are in all draws, and half of the others.
    chosen = rng.random((900, draws)) < 0.5
    if draws:
        query_labels = np.where(query_labels[0] < 100, query_labels[0], 300), np.full(700, 9)
        chosen |= gallery_labels[0][:, None] < 100
    return ToMatch(EXITS, query, gallery, query_labels, gallery_labels, chosen, how)


def assert_equal(found, expected):
    assert len(found) == len(expected)
    for half in ("signals", "outcomes"):
        one, other = getattr(found, half), getattr(expected, half)
        for name in (field.name for field in fields(one)):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def whole(asked):
    labels = *asked.query_labels, *asked.gallery_labels
    return build_drawn_table(asked.draws, asked.exits, asked.query, asked.gallery, *labels, **asked.how)


@pytest.mark.parametrize("processes", [1, 2, 5])
def test_blocks_of_all_processes_make_the_whole_table(processes):
    """Five processes share three blocks: two have none."""
    asked = to_match()
    parts = [asked.part(rank, processes) for rank in range(processes)]
    assert [part is None for part in parts] == [rank >= 3 for rank in range(processes)]
    assert len(asked.matched()) < 700
    assert_equal(asked.whole(parts), whole(asked))


@pytest.mark.parametrize("processes", [2, 3])
def test_drawn_galleries_are_shared_as_well(processes):
    """Every process has its blocks of queries in all drawn galleries."""
    asked = to_match(draws=3)
    found = asked.whole([asked.part(rank, processes) for rank in range(processes)])
    assert len(found) == 3 * len(asked.matched()) > 3 * QUERY_BLOCK
    assert_equal(found, whole(asked))


def test_a_query_that_some_draws_cannot_match_is_told_to_every_process():
    asked = to_match(draws=3)
    asked.draws[asked.gallery_labels[0] == asked.query_labels[0].min(), 1] = False
    for rank in range(2):
        with pytest.raises(BenchError, match="in every drawn gallery or in none"):
            asked.part(rank, 2)


def begin(store, rank):
    # A second process that does not come must end the test, not hold it up.
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=2, timeout=timedelta(seconds=60))


def second(store):
    begin(store, 1)
    match_together(to_match(draws=3))


def test_two_processes_share_the_queries(starter, tmp_path):
    store = f"file://{tmp_path}/store"
    other = starter.context.Process(target=second, args=(store,))
    other.start()
    begin(store, 0)
    try:
        assert_equal(match_together(to_match(draws=3)), whole(to_match(draws=3)))
        other.join(60)
        assert other.exitcode == 0
    finally:
        dist.destroy_process_group()
        other.kill()
