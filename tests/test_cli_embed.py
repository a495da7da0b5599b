"""Codes of a folder of images, at one exit or at each image's own."""

import json

import numpy as np
import pytest

from bench.progress import SILENT
from bench.running.run import Opened


@pytest.fixture(scope="module")
def finished(module_request, trained):
    request = trained(module_request(calibration_share=0.3))
    opened = Opened.of(request, SILENT)
    return request, opened


def embed(bench, finished, out, *options):
    request, opened = finished
    folder = opened.dataset.query[0].path.parent
    where = ("--cache", request.cache, "--device", "cpu")
    data = ("--data-root", request.data.root) if "--budget" in options else ()
    return bench("embed", opened.folder.path, "--images", folder, "--out", out, *where, *data, *options)


def kept(finished):
    (path,) = finished[1].folder.path.glob("embeddings-*.npz")
    return np.load(path)


def test_at_one_exit(bench, finished, tmp_path):
    """The queries' own folder: codes are those that the run kept."""
    status, _, err = embed(bench, finished, tmp_path / "codes.npz", "--exit", 2)
    assert status == 0, err
    found = np.load(tmp_path / "codes.npz")
    assert found["names"].tolist() == [sample.path.name for sample in finished[1].dataset.query]
    assert set(found["exits"].tolist()) == {1}
    np.testing.assert_array_equal(found["codes.1"], kept(finished)["query.1"])
    about = json.loads(str(found["about"]))
    assert (about["run"], about["decided"]) == (finished[1].spec.key, None)
    assert embed(bench, finished, tmp_path / "codes.npz")[0] == 1, "a file that is there is kept"


def test_within_a_budget(bench, finished, tmp_path):
    status, _, err = embed(bench, finished, tmp_path / "codes.npz", "--budget", 0.5)
    assert status == 0, err
    found, run = np.load(tmp_path / "codes.npz"), kept(finished)
    exits = found["exits"]
    assert len(set(exits.tolist())) > 1
    for index in set(exits.tolist()):
        np.testing.assert_array_equal(found[f"codes.{index}"], run[f"query.{index}"][exits == index])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--exit", 5), "a number from 1 to 4 for this network, found 5"),
        (("--exit", 1, "--budget", 0.5), "give one of both"),
        (("--policy", "qs"), "give --budget too"),
        (("--budget", 2), "a share from 0"),
    ],
)
def test_what_cannot_be_is_said(bench, finished, tmp_path, options, message):
    status, _, err = embed(bench, finished, tmp_path / "codes.npz", *options)
    assert status == 1
    assert message in " ".join(err.split())
