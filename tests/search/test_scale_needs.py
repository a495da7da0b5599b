"""What a search of large galleries would take: counted by hand, and refused where it cannot fit."""

from types import SimpleNamespace

import numpy as np
import pytest

from bench import memory
from bench.errors import BenchError
from bench.search import needs
from bench.search.filling import ExitCodes, ScaleRequest
from bench.search.needs import check_needs, scale_needs

SHORT, LONG = (ExitCodes(f"{bits} bits", bits, *np.zeros((2, 100, bits // 8), np.uint8)) for bits in (16, 64))


def request(images, *indexes):
    return ScaleRequest((1000, images), indexes)


def test_bytes_are_those_of_the_longest_code_and_of_the_index():
    found = scale_needs([SHORT, LONG], request(10**6))
    assert found.disk_bytes == (10**6 - 100) * 8
    assert found.memory_bytes == (64 << 20) + 8 * 100 * 65
    # Codes twice, the order of the images, and 16 links of 4 bytes both ways.
    assert scale_needs([SHORT, LONG], request(10**7, "hnsw")).memory_bytes == 10**7 * (8 + 8 + 8 + 2 * 16 * 4)


def test_seconds_grow_with_the_gallery():
    small, large = (scale_needs([SHORT], request(images)).seconds for images in (10**6, 10**9))
    assert 0 < small < large


def test_what_cannot_fit_is_refused_with_its_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(needs.shutil, "disk_usage", lambda folder: SimpleNamespace(free=5 * 10**9))
    monkeypatch.setattr(memory, "memory_bytes", lambda: 10**10)
    working = tmp_path / "cache" / "not there yet"
    check_needs(scale_needs([LONG], request(10**8)), request(10**8), working)
    with pytest.raises(BenchError, match=r"1,000,000,000 images would take 8\.0 GB on disk .* has 5\.0 GB free"):
        check_needs(scale_needs([LONG], request(10**9)), request(10**9), working)
    asked = request(10**8, "hnsw")
    with pytest.raises(BenchError, match=r"at least 15\.2 GB of memory, and there are 10\.0 GB; take smaller --images"):
        check_needs(scale_needs([LONG], asked), asked, working)
    assert not working.parent.exists()


def test_ones_own_codes_take_no_disk(tmp_path):
    assert scale_needs([LONG], ScaleRequest((1000,), codes=tmp_path / "codes.npy")).disk_bytes == 0
