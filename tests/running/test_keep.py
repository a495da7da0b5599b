"""What a run keeps is checked where it is read; what can be made again is, with a note; the rest is one clear error."""

import os
import resource
from dataclasses import replace
from pathlib import Path

import pytest
from notes import Notes

from bench.errors import BenchError
from bench.running.keep import obtain
from bench.running.run import run
from bench.runs.folder import RunFolder
from bench.runs.records import read_records
from bench.spec import SweepSpec

SWEEP = SweepSpec(("gs", "learned", "ets"), thresholdings=("exact",), budgets=3, resamples=5)
MADE_AGAIN = (
    "embeddings-",
    "features-",
    "cost.json",
    "table-test-",
    "table-calibration-",
    "policy-ets",
    "policy-learned",
)
ERRORS = ("weights.safetensors", "training.json", "retrieval_history.npz")


@pytest.fixture(scope="module")
def finished(module_request, trained):
    request = trained(module_request(sweep=SWEEP, calibration_share=0.3))
    return request, run(request)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 8
    path.write_bytes(content)


def without_records(folder):
    for file in folder.path.glob("records-*"):
        file.unlink()


@pytest.mark.parametrize("start", MADE_AGAIN)
def test_what_follows_from_whole_files_is_made_again(finished, folder, start):
    (path,) = folder.path.glob(f"{start}*")
    whole = path.read_bytes()
    flip(path)
    without_records(folder)
    # A stage that would use the damaged file must have no table to take its place.
    for table in folder.path.glob("table-*") if start == "embeddings-" else ():
        table.unlink()
    notes = Notes()
    again = run(finished[0], notes)
    assert any(path.name in note and "made again" in note for note in notes.said)
    assert again.records == finished[1].records
    assert start == "cost.json" or path.read_bytes()[-41:] == whole[-41:]


def test_damaged_records_are_made_again(finished, folder):
    (path,) = folder.path.glob("records-*")
    whole = path.read_text()
    path.write_text("".join(whole.splitlines(keepends=True)[:-3]))
    notes = Notes()
    again = run(finished[0], notes)
    assert any(path.name in note and "made again" in note for note in notes.said)
    assert again.records == finished[1].records == read_records(path)[1]


@pytest.mark.parametrize("name", ERRORS)
def test_what_training_left_is_not_made_again_unasked(finished, folder, name):
    flip(folder.path / name)
    without_records(folder)
    with pytest.raises(BenchError, match=name):
        run(finished[0])


@pytest.mark.parametrize(
    ("name", "text"),
    [("cost.json", "[]"), ("cost.json", '{"ledger": []}'), ("cost.json", "{}"), ("spec.json", "null")],
)
def test_another_form_is_made_again(finished, folder, name, text):
    (folder.path / name).write_text(text)
    without_records(folder)
    assert run(finished[0]).records == finished[1].records


@pytest.mark.parametrize("text", ["[]", '{"history": []}', "null"])
def test_a_training_record_of_another_form_is_an_error(finished, folder, text):
    folder.training.write_text(text)
    without_records(folder)
    with pytest.raises(BenchError, match=r"training\.json"):
        run(finished[0])


def test_finished_results_are_read_without_a_lock_or_a_write(finished):
    request, result = finished
    path = result.folder.path

    def state():
        return {file: file.stat().st_mtime_ns for file in (path, *path.parents[:3], *path.iterdir())}

    before = state()
    with result.folder.alone():
        held = state()
        assert run(request).cached
        assert state() == held
    (path / ".lock").unlink(missing_ok=True)
    before = state()
    assert run(request).cached
    assert state() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_finished_results_are_read_from_a_folder_that_cannot_be_written(finished):
    request, result = finished
    result.folder.path.chmod(0o500)
    try:
        assert run(request).cached
        with pytest.raises(BenchError, match="cannot write results"):
            run(replace(request, sweep=replace(SWEEP, budgets=4)))
    finally:
        result.folder.path.chmod(0o700)


@pytest.mark.parametrize("limit", [20_000, 200_000])
def test_a_full_disk_is_one_clear_error_and_what_is_kept_goes_on(smoke_request, limit):
    """Files cannot grow beyond ``limit`` bytes, as on a disk that is full: the checkpoint, then the weights."""
    request = smoke_request(settings={"epochs": "2"})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(BenchError, match="cannot write"):
            run(request)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert run(request).records
    assert not [file for file in request.results.rglob(".*") if file.name != ".lock"]


def test_files_without_digest_are_used_with_a_remark(tmp_path):
    (tmp_path / "old.json").write_text("{}")
    notes = Notes()
    assert obtain(tmp_path / "old.json", lambda path: "kept", lambda: "made", lambda value, path: None, notes) == "kept"
    assert any("old.json carries no digest" in note for note in notes.said)


def test_what_is_made_is_kept_only_in_a_folder_that_can_be_held(tmp_path):
    folder, notes = RunFolder(tmp_path / "run"), Notes()
    folder.path.mkdir()
    hold, path = folder.if_free, folder.path / "made.txt"

    def write(text, path, _):
        path.write_text(text)

    def read_or_made():
        return obtain(path, Path.read_text, lambda: "made", write, notes, hold=hold)

    with RunFolder(folder.path).alone():
        assert read_or_made() == "made"
    assert not path.exists()
    assert any("made.txt is not kept" in note for note in notes.said)
    assert read_or_made() == path.read_text() == "made"
