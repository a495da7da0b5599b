"""Queries that processes share: the table is that of one process, to the last bit."""

import subprocess
import sys
from dataclasses import fields
from datetime import timedelta

import numpy as np
import pytest
import torch.distributed as dist

from bench.exits import ExitSpec
from bench.retrieval.codes import pack
from bench.retrieval.evaluate import build_table
from bench.running.matching import build_together, part_of_table, whole_table

EXITS = (ExitSpec("exit 1", 32, "binary"), ExitSpec("exit 2", 24, "continuous"))


def drawn():
    """Codes and labels of 700 queries, of which some have no match, and 900 images."""
    rng = np.random.default_rng(0)
    sides = []
    for count in (700, 900):
        floats = rng.standard_normal((count, 32)).astype(np.float32)
        labels = rng.integers(1, 200 if count == 900 else 210, count), rng.integers(0, 4, count)
        sides.append(([pack(floats > 0), floats[:, :24].copy()], labels))
    (query, query_labels), (gallery, gallery_labels) = sides
    how = {"class_entropy": rng.random((700, 2)), "classes": 9, "signals": "deployed", "ap": "step"}
    return EXITS, query, gallery, query_labels, gallery_labels, how


def assert_equal(found, expected):
    assert len(found) == len(expected) < 700
    for half in ("signals", "outcomes"):
        one, other = getattr(found, half), getattr(expected, half)
        for name in (field.name for field in fields(one)):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def whole(exits, query, gallery, query_labels, gallery_labels, how):
    return build_table(exits, query, gallery, *query_labels, *gallery_labels, **how)


@pytest.mark.parametrize("processes", [1, 2, 5])
def test_blocks_of_all_processes_make_the_whole_table(processes):
    """Five processes share three blocks: two have none."""
    parts = [part_of_table(rank, processes, *drawn()) for rank in range(processes)]
    assert [part is None for part in parts] == [rank >= 3 for rank in range(processes)]
    assert_equal(whole_table(parts), whole(*drawn()))


SECOND = """
import sys, torch.distributed as dist
sys.path.insert(0, sys.argv[2])
from test_shared_matching import build_together, drawn
dist.init_process_group("gloo", init_method=sys.argv[1], rank=1, world_size=2)
build_together(*drawn())
"""


def test_two_processes_share_the_queries(tmp_path, request):
    store = f"file://{tmp_path}/store"
    second = subprocess.Popen([sys.executable, "-c", SECOND, store, str(request.path.parent)])
    # A second process that does not come must end the test, not hold it up.
    dist.init_process_group("gloo", init_method=store, rank=0, world_size=2, timeout=timedelta(seconds=60))
    try:
        assert_equal(build_together(*drawn()), whole(*drawn()))
        assert second.wait(60) == 0
    finally:
        dist.destroy_process_group()
        second.kill()
