"""Search of codes that lie on disk, block by block: what it finds, counts and holds in memory."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from brute_force import brute_force

from bench.errors import BenchError
from bench.retrieval.coarse_to_fine import CoarseToFineIndex
from bench.retrieval.hamming import load_faiss
from bench.search import nearest_so_far, streamed, streamed_coarse
from bench.search.mapped import MappedCodes
from bench.search.streamed import distance_counts, nearest
from bench.search.streamed_coarse import CoarseToFineLists

BITS = 44


def small_blocks(monkeypatch):
    """Have a few hundred images go by in many blocks and parts."""
    sizes = {"MAPPED_BYTES": 6 * 100, "FIRST_IMAGES": 10, "FIRST_PAIRS": 50}
    for name, value in (*sizes.items(), ("TILE_QUERIES", 3), ("TILE_IMAGES", 30), ("TILE_PAIRS", 100)):
        monkeypatch.setattr(streamed, name, value)


@pytest.mark.parametrize("with_faiss", [True, False])
@pytest.mark.parametrize("order", ["any", "farthest first"])
def test_streamed_search_finds_the_nearest_over_all_blocks(with_faiss, order, monkeypatch, tmp_path):
    """Of equal distances the earlier image: few bits have many of these. Farthest first, everything is a candidate."""
    if not with_faiss:
        monkeypatch.setattr(nearest_so_far, "load_faiss", lambda: None)
    elif load_faiss() is None:
        pytest.skip("faiss is not installed")
    rng = np.random.default_rng(1)
    query, gallery = (rng.integers(0, 256, (count, 6), dtype=np.uint8) for count in (7, 501))
    if order == "farthest first":
        gallery = gallery[np.argsort(-brute_force(query, gallery)[2])]
    small_blocks(monkeypatch)
    np.save(tmp_path / "codes.npy", gallery)
    expected = brute_force(query, gallery)
    for count in (7, 2):  # few queries, and very few, for which the gallery goes by in two blocks
        images, distances = nearest(query[:count], MappedCodes.open(tmp_path / "codes.npy"), 20)
        np.testing.assert_array_equal(images, np.argsort(expected[:count], axis=1, kind="stable")[:, :20])
        np.testing.assert_array_equal(distances, np.sort(expected[:count], axis=1)[:, :20])
    assert nearest(query, gallery[:3], 20)[0].shape == (7, 3)
    assert nearest(query, gallery[:0], 20)[0].shape == (7, 0)


def test_a_file_that_is_cut_while_it_is_searched_is_told(tmp_path):
    np.save(tmp_path / "codes.npy", np.zeros((5000, 8), dtype=np.uint8))
    codes = MappedCodes.open(tmp_path / "codes.npy")
    assert not np.asarray(codes[700:900]).any()
    with (tmp_path / "codes.npy").open("r+b") as file:
        file.truncate(4096)
    with pytest.raises(BenchError, match=r"codes.npy cannot be read .*leave the file as it is"):
        np.asarray(codes[700:900])


def test_counts_by_distance_are_those_of_all_pairs(monkeypatch):
    rng = np.random.default_rng(2)
    query, gallery = (rng.integers(0, 256, (count, 5), dtype=np.uint8) for count in (70, 333))
    small_blocks(monkeypatch)
    counts = distance_counts(query, gallery, 40)
    np.testing.assert_array_equal(counts, [np.bincount(row, minlength=41) for row in brute_force(query, gallery)])


MEMORY = """
import resource, sys
from pathlib import Path
import numpy as np
from bench.progress import SILENT
from bench.search import filling, streamed
from bench.search.distractors import CodeModel
from bench.search.mapped import MappedCodes

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

streamed.MAPPED_BYTES = 1 << 20
model = CodeModel(np.zeros(64), np.zeros((64, 8)), np.zeros(64), np.ones((64, 8)), np.zeros(64), 4, {})
query, found, path = np.zeros((20, 8), np.uint8), [], Path(sys.argv[1])
for count in (200_000, 1_600_000):
    with SILENT.task("drawing", count, unit="images") as task:
        filling.write_drawn([path], [64], model, count, (0, 0), task)
    codes = MappedCodes.open(path)
    streamed.nearest(query, codes, 100)
    streamed.distance_counts(query, codes, 64)
    found.append(peak())
print(*found)
"""


def test_memory_does_not_grow_with_the_gallery(tmp_path):
    """Drawing, searching and counting many times as many codes, 13 MB of them: the whole process's peak."""
    command = [sys.executable, "-c", MEMORY, str(tmp_path / "codes.npy")]
    said = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True).stdout
    small, large = map(float, said.split())
    assert large - small < 8


@pytest.mark.parametrize("with_faiss", [True, False])
@pytest.mark.parametrize("thresholds", [(7, 20), (1, 20), (16, 0)])
def test_lists_from_coarse_to_fine_begin_the_order_of_the_whole_gallery(with_faiss, thresholds, monkeypatch):
    """Also where fewer than are listed come through the first threshold: the others follow by the shortest code."""
    if not with_faiss:
        monkeypatch.setattr(streamed_coarse, "load_faiss", lambda: None)
    elif load_faiss() is None:
        pytest.skip("faiss is not installed")
    rng = np.random.default_rng(6)
    query, gallery = ([rng.integers(0, 256, (count, width), np.uint8) for width in (2, 5, 9)] for count in (9, 400))
    lengths = (16, 40, 72)
    small_blocks(monkeypatch)
    monkeypatch.setattr(streamed_coarse, "IMAGES", 64)
    monkeypatch.setattr(streamed_coarse, "QUERIES", 4)
    images, order = CoarseToFineLists(gallery, lengths, thresholds).search(query, 30)
    expected = CoarseToFineIndex(gallery, lengths, thresholds).search(query).order
    np.testing.assert_array_equal(images, np.argsort(expected, axis=1, kind="stable")[:, :30])
    np.testing.assert_array_equal(order, np.take_along_axis(expected, images, axis=1))
