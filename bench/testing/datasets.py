"""What every registered dataset must keep, as far as its images are at hand (``--data-root``, or a rendered set)."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import registry
from bench.data.dataset import DISTRACTOR, DatasetReader, DatasetRequest, ReidDataset
from bench.data.images import decode_image
from bench.errors import BenchError
from bench.retrieval.labels import labels_of, search_labels

SIZE = (64, 32)


@pytest.fixture(scope="module")
def reader(dataset_name: str) -> DatasetReader:
    return registry.dataset(dataset_name)


@pytest.fixture(scope="module")
def rendered_into(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of rendered sets, which are read from no disk."""
    return tmp_path_factory.mktemp("rendered")


@pytest.fixture(scope="module")
def request_(reader: DatasetReader, rendered_into: Path, pytestconfig: pytest.Config) -> DatasetRequest:
    root: Path | None = pytestconfig.getoption("--data-root")
    if reader.needs_root and root is None:
        pytest.skip("its images are not at hand: name their folder with --data-root")
    smallest = {"size": "smoke"} if "size" in reader.option_names else {}
    return DatasetRequest(root or rendered_into, smallest)


@pytest.fixture(scope="module")
def dataset(reader: DatasetReader, request_: DatasetRequest) -> ReidDataset:
    return reader.open(request_)


def test_it_has_a_name_and_a_summary(dataset_name: str, reader: DatasetReader) -> None:
    assert reader.name == dataset_name
    assert reader.summary


def test_a_missing_root_and_unknown_options_are_refused(reader: DatasetReader, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no option"):
        reader.check(DatasetRequest(tmp_path, {"no such option": "1"}))
    if reader.needs_root:
        with pytest.raises(BenchError):
            reader.open(DatasetRequest(None))
        with pytest.raises(BenchError):
            reader.open(DatasetRequest(tmp_path / "nowhere"))


def test_its_name_begins_with_the_readers(dataset_name: str, dataset: ReidDataset) -> None:
    """By it a finished run finds its reader: synthped reads synthped-demo."""
    assert f"{dataset.name}-".startswith(f"{dataset_name}-")


def test_splits_are_sorted_and_show_people(dataset: ReidDataset) -> None:
    for samples in (dataset.train, dataset.query, dataset.gallery):
        assert samples
        assert list(samples) == sorted(samples)
    assert all(sample.pid > DISTRACTOR for sample in (*dataset.train, *dataset.query))


def test_a_query_can_be_found(dataset: ReidDataset) -> None:
    (query_pids, query_camids), (pids, camids) = labels_of(dataset.query), labels_of(dataset.gallery)
    assert search_labels(query_pids, pids, query_camids, camids).valid.any()


def test_images_decode(dataset: ReidDataset) -> None:
    for samples in (dataset.train, dataset.query, dataset.gallery):
        for sample in (samples[0], samples[-1]):
            pixels, _ = decode_image(sample.path, *SIZE)
            assert pixels.shape == (3, *SIZE)


def test_reading_again_finds_the_same(reader: DatasetReader, request_: DatasetRequest, dataset: ReidDataset) -> None:
    again = reader.open(request_)
    assert (again.name, again.train, again.query, again.gallery) == (
        dataset.name,
        dataset.train,
        dataset.query,
        dataset.gallery,
    )
