"""``bench gallery``, typed: built from a run's network, changed, shown, and refused where it does not fit."""

import shutil

import numpy as np
import pytest

from bench.errors import BenchError
from bench.inference.enrolment import images_of_folder
from bench.inference.gallery import load_gallery
from bench.progress import SILENT
from bench.running.run import Opened, run


@pytest.fixture(scope="module")
def finished(module_request, trained):
    """A run of seconds, for all of the tests here."""
    request = trained(module_request(calibration_share=0.3))
    return request, run(request), Opened.of(request, SILENT)


@pytest.fixture
def kept(bench, tmp_path, finished):
    """That run and a gallery of its gallery split, built once: a copy for each test."""
    request, result, opened = finished
    built, said = (request.results / f"built.{ending}" for ending in ("gallery", "txt"))
    if not built.exists():
        status, out, err = bench(
            *("gallery", "build", "hashreid", "--device", "cpu"),  # the set is the run's own
            *("--features", "--out", built, "--results", request.results),
        )
        assert status == 0, err
        said.write_text(out)
    file = tmp_path / "kept.gallery"
    shutil.copy(built, file)
    return file, request, result, opened, said.read_text()


def test_a_gallery_has_the_codes_that_the_run_was_scored_with(kept):
    file, _, result, opened, out = kept
    gallery = load_gallery(file)
    stored = np.load(next(result.folder.path.glob("embeddings-*.npz")))
    for index, codes in enumerate(gallery.codes):
        np.testing.assert_array_equal(codes, stored[f"gallery.{index}"])
    assert gallery.features.shape[0] == len(gallery)
    assert f"{gallery.feature_bytes:,} bytes an image" in out
    assert gallery.pids.tolist() == [sample.pid for sample in opened.dataset.gallery]
    assert gallery.camids.tolist() == [sample.camid for sample in opened.dataset.gallery]
    assert f"embedded {len(gallery)} images" in out
    assert "multiply-adds an image" in out
    people = {sample.pid for sample in opened.dataset.gallery if sample.pid > 0}
    nobody = sum(sample.pid <= 0 for sample in opened.dataset.gallery)
    assert f"{len(people)}, and {nobody} images of nobody (identity 0 or -1)" in out


def test_images_are_added_and_removed(kept, bench, tmp_path):
    file, request, _, opened, _ = kept
    before = load_gallery(file)
    folder = tmp_path / "new"
    folder.mkdir()
    for sample in opened.dataset.query[:3]:
        shutil.copy(sample.path, folder)
    options = ("--images", folder, "--results", request.results, "--device", "cpu")
    status, out, err = bench("gallery", "add", file, *options)
    assert status == 0, err
    assert f"images          {len(before) + 3}" in out
    larger = load_gallery(file)
    assert larger.pids[-3:].tolist() == [sample.pid for sample in opened.dataset.query[:3]]
    assert larger.names[:-3] == before.names

    status, _, err = bench("gallery", "add", file, *options)
    assert status == 1
    assert "in the gallery already: new/" in err
    status, out, _ = bench("gallery", "remove", file, "--name", larger.names[-1], "--pid", str(before.pids[0]))
    assert status == 0
    gone = int((larger.pids == before.pids[0]).sum()) + int(larger.pids[-1] != before.pids[0])
    assert f"{gone} images removed" in out
    status, out, _ = bench("gallery", "show", file, "--names")
    assert status == 0
    assert larger.names[-2] in out.replace("\n", "") or larger.pids[-2] == before.pids[0]
    assert f"images          {len(larger) - gone}" in out
    status, out, _ = bench("gallery", "remove", file, "--name", larger.names[-2])
    assert out.startswith("1 image removed\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("build", "hashreid", "--out", "new", "--split", "query", "--images", "x"),
            "one of both: --images FOLDER, or --split gallery",
        ),
        (("build", "hashreid", "--out", "new", "--split", "gallery"), "the run is of synthped-smoke, found synthped-"),
        (("build", "hashreid", "--out", "{file}", "--split", "gallery"), "is there already"),
        (("build", "hashreid", "--out", "new", "--pid", "3"), "--pid: of --images FOLDER alone"),
        (("build", "nobody", "--out", "new", "--split", "gallery"), "no run 'nobody'"),
        (("add", "{file}", "--images", "{folder}", "--pattern", "{{pid}}-{{camid}}.png"), "1 of 1 names do not tell"),
        (
            ("add", "{file}", "--images", "{folder}", "--pid", "9" * 19, "--camid", "1"),
            "identity must be a whole number",
        ),
        (("add", "{file}", "--images", "{folder}", "--pid", "1", "--camid", "9" * 30), "camera must be a whole number"),
        (("remove", "{file}"), "say what to remove"),
        (("remove", "{file}", "--pid", "12345"), "not in the gallery: identity 12345"),
        (("show", "{folder}/a.png"), "is no gallery of this version"),
    ],
)
def test_mistakes_get_one_line(kept, bench, tmp_path, monkeypatch, arguments, message):
    file, request, *_ = kept
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"no image")
    monkeypatch.chdir(tmp_path)
    typed = [one.format(file=file, folder=folder) for one in arguments]
    more = ("--results", request.results) if typed[0] in ("build", "add") else ()
    if "found synthped-" in message:
        more += ("--data", "size=smoke", "--data", "seed=7")
    status, _, err = bench("gallery", *typed, *more)
    assert status == 1
    assert message in err.replace("\n", " ")
    assert "Traceback" not in err


@pytest.mark.parametrize("identity", ["1_2", "+5", " 5", "٣"])
def test_an_identity_is_digits_and_nothing_that_python_reads_as_some(tmp_path, identity):
    (tmp_path / f"{identity}_c3.png").touch()
    with pytest.raises(BenchError, match=r"the identity must be a whole number of up to 18 digits, found"):
        images_of_folder(tmp_path, "{pid}_c{camid}.png")
