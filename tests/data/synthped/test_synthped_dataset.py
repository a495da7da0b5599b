from __future__ import annotations

import shutil
import sys
from types import ModuleType

import pytest
from notes import Notes
from PIL import Image

from bench.data.dataset import DatasetRequest, ReidDataset
from bench.data.synthped import RENDERER_VERSION
from bench.data.synthped.dataset import SYNTHPED
from bench.errors import BenchError
from bench.integrity.cache import verify_cache
from bench.integrity.checks import Verification


@pytest.fixture
def folders_read(monkeypatch):
    """Stands in for the Market-1501 reader, and keeps what it is asked for."""
    asked = []

    def read_market1501_folder(folder, name, *, rendered=False, details=None):
        asked.append((folder, name, rendered, details))
        return ReidDataset(name, folder, (), (), (), rendered, details or {})

    reader = ModuleType("bench.data.market1501")
    reader.read_market1501_folder = read_market1501_folder
    monkeypatch.setitem(sys.modules, "bench.data.market1501", reader)
    return asked


def test_the_set_is_rendered_once_and_then_read(tmp_path, folders_read):
    listener = Notes()
    request = DatasetRequest(tmp_path, {"size": "smoke", "seed": "3"})
    dataset = SYNTHPED.open(request, listener)
    assert dataset.name == "synthped-smoke-seed3"
    assert dataset.rendered
    assert dataset.root == tmp_path / f"synthped-smoke-seed3-v{RENDERER_VERSION}"
    assert "synthped-smoke" in listener.said[0]
    SYNTHPED.open(request, listener)
    assert len(listener.said) == 1
    assert [asked[3]["seed"] for asked in folders_read] == [3, 3]


def test_seed_nought_is_not_named(smoke_set, tmp_path, folders_read):
    (tmp_path / f"synthped-smoke-seed0-v{RENDERER_VERSION}").symlink_to(smoke_set)
    assert SYNTHPED.open(DatasetRequest(tmp_path, {"size": "smoke"})).name == "synthped-smoke"


def test_a_size_can_be_changed(tmp_path, folders_read):
    options = {"size": "smoke", "height": "32", "train_identities": "3", "test_identities": "2", "seed": "5"}
    dataset = SYNTHPED.open(DatasetRequest(tmp_path, options))
    assert dataset.name == "synthped-smoke-height32-test_identities2-train_identities3-seed5"
    images = sorted(dataset.root.glob("bounding_box_train/*.jpg"))
    assert len({image.name[:4] for image in images}) == 3
    with Image.open(images[0]) as image:
        assert image.size == (16, 32)


def test_the_market_1501_reader_reads_the_set(smoke_set, tmp_path):
    pytest.importorskip("bench.data.market1501")
    (tmp_path / f"synthped-smoke-seed0-v{RENDERER_VERSION}").symlink_to(smoke_set)
    dataset = SYNTHPED.open(DatasetRequest(tmp_path, {"size": "smoke"}))
    assert dataset.rendered
    assert dataset.details["seed"] == 0
    assert {sample.pid for sample in dataset.train} == set(range(1, 25))
    assert {sample.pid for sample in dataset.query} == set(range(25, 41))
    assert {-1, 0} < {sample.pid for sample in dataset.gallery}


def test_without_a_root_the_user_cache_is_used(smoke_set, tmp_path, folders_read, monkeypatch):
    monkeypatch.setattr("bench.data.synthped.dataset.default_cache", lambda: tmp_path / "own-cache")
    (tmp_path / "own-cache").mkdir()
    (tmp_path / "own-cache" / f"synthped-smoke-seed0-v{RENDERER_VERSION}").symlink_to(smoke_set)
    assert SYNTHPED.open(DatasetRequest(None, {"size": "smoke"})).root.parent == tmp_path / "own-cache"


@pytest.mark.parametrize(
    "options", [{"size": "enormous"}, {"seed": "one"}, {"seed": "-1"}, {"colour": "red"}, {"height": "8"}]
)
def test_bad_options_are_refused(tmp_path, options, folders_read):
    with pytest.raises(BenchError):
        SYNTHPED.open(DatasetRequest(tmp_path, options))
    assert not folders_read


@pytest.mark.parametrize("change", ["alter", "remove", "add", "marker", "cut marker"])
def test_a_finished_set_that_was_changed_is_refused(smoke_set, tmp_path, change):
    folder = tmp_path / f"synthped-smoke-seed0-v{RENDERER_VERSION}"
    shutil.copytree(smoke_set, folder)
    request = DatasetRequest(tmp_path, {"size": "smoke"})
    SYNTHPED.open(request)
    image = sorted((folder / "query").iterdir())[0]
    if change == "alter":
        content = bytearray(image.read_bytes())
        content[-9] ^= 1
        image.write_bytes(bytes(content))
    elif change == "remove":
        image.unlink()
    elif change == "add":
        shutil.copy(image, image.with_name("9" + image.name))
    elif change == "marker":
        marker = folder / "synthped.json"
        marker.write_text(marker.read_text().replace("rendered pedestrians", "Rendered pedestrians"))
    else:
        (folder / "synthped.json").write_text("{")
    with pytest.raises(BenchError, match="rendered again"):
        SYNTHPED.open(request)
    verification = Verification()
    verify_cache(tmp_path, verification)
    assert [finding.path for finding in verification.wrong] == [folder]
