"""All files of a run follow from one training: what another training left in its folder is not used without a word."""

import shutil

import pytest
from notes import Notes

from bench.api import load_runs
from bench.digests import source_of, verify
from bench.errors import BenchError
from bench.files import read_json, write_json
from bench.integrity.repair import repair
from bench.integrity.runs import verify_results
from bench.running.run import run
from bench.runs.file_checks import check_of_run
from bench.runs.load import load
from bench.runs.records import read_records, write_records
from bench.spec import SweepSpec

SWEEP = SweepSpec(("gs", "learned", "ets"), thresholdings=("calibrated",), budgets=3, resamples=5)
FOLLOWING = ("embeddings-", "features-", "pairs-", "table-test-", "table-calibration-", "policy-ets", "policy-learned")


@pytest.fixture(scope="module")
def finished(module_request, trained):
    request = trained(module_request(sweep=SWEEP, calibration_share=0.3))
    return request, run(request)


@pytest.fixture(scope="module")
def other(module_request, trained, tmp_path_factory):
    """Folder of a run of the same settings, another seed, whose files have the same names."""
    request = module_request(sweep=SWEEP, calibration_share=0.3, seed=1, results=tmp_path_factory.mktemp("other"))
    return run(trained(request)).folder


def put(other, folder, start):
    """Copy the other run's file in the place of this one's."""
    (theirs,) = other.path.glob(f"{start}*")
    (ours,) = folder.path.glob(f"{start}*")
    assert ours.name == theirs.name
    shutil.copy(theirs, ours)
    return ours


def tell_of_other_weights(folder):
    """Have the training record tell of weights that are not there, as one from another machine would."""
    write_json(folder.training, {**read_json(folder.training), "weights": "0" * 32})


def without_records(folder):
    for file in folder.path.glob("records-*"):
        file.unlink()


def test_what_follows_from_the_weights_names_them(finished):
    folder = finished[1].folder
    digest = verify(folder.weights)
    assert len(digest) == 32
    named = {path.name: source_of(path) for path in folder.path.glob("*.npz")}
    assert len(named) >= len(FOLLOWING) + 1
    assert {*named.values(), read_json(folder.training)["weights"]} == {digest} == {folder.source}, named


def test_a_run_without_its_weights_still_tells_what_follows_from_them(other, folder):
    folder.weights.unlink()
    path = put(other, folder, "table-test-")
    with pytest.raises(BenchError, match="another training"):
        check_of_run(path)


def test_of_a_run_that_tells_of_no_weights_the_weights_themselves_are_compared(other, folder):
    training = read_json(folder.training)
    del training["weights"]
    write_json(folder.training, training)
    assert folder.source == verify(folder.weights)
    with pytest.raises(BenchError, match="another training"):
        check_of_run(put(other, folder, "table-test-"))


@pytest.mark.parametrize("start", FOLLOWING)
def test_what_follows_from_another_training_is_made_again(finished, other, folder, start):
    path = put(other, folder, start)
    without_records(folder)
    for table in folder.path.glob("table-*") if start == "embeddings-" else ():
        table.unlink()
    notes = Notes()
    again = run(finished[0], notes)
    # Features are of other images too, as another seed holds out others.
    why = "is not of the form" if start == "features-" else "follows from another training"
    assert any(f"{path.name} {why}" in note and "made again" in note for note in notes.said)
    assert again.records == finished[1].records
    assert source_of(path) == folder.source


@pytest.mark.parametrize("start", ["weights", "retrieval_history"])
def test_what_training_left_must_be_of_that_training(finished, other, folder, start):
    path = put(other, folder, start)
    without_records(folder)
    with pytest.raises(BenchError, match=rf"{path.name} (is of|follows from) another training"):
        run(finished[0])


@pytest.mark.parametrize("start", [*FOLLOWING, "weights", "retrieval_history"])
def test_verify_names_what_another_training_left(finished, other, folder, start):
    path = put(other, folder, start)
    findings = verify_results(finished[0].results).wrong
    assert [finding.path for finding in findings if finding.path == path] == [path]
    assert "another training" in next(finding for finding in findings if finding.path == path).problem
    assert path not in repair(findings)[0]


def test_records_of_another_training_are_made_again(finished, folder):
    """The network was trained again, after its weights were removed: what it came to before is not its result."""
    tell_of_other_weights(folder)
    (path,) = folder.path.glob("records-*")
    wrong = {finding.path for finding in verify_results(finished[0].results).wrong}
    assert path in wrong
    assert folder.weights in wrong
    folder.weights.unlink()
    notes = Notes()
    again = run(finished[0], notes)
    assert not again.cached
    assert any(f"{path.name} tells of another training" in note for note in notes.said)
    # The same seed on the same machine: training is repeatable, and so is what follows.
    assert again.records == finished[1].records
    assert {source_of(file) for file in folder.path.glob("*.npz")} == {folder.source}
    assert not verify_results(finished[0].results).wrong


def test_sweeps_of_two_trainings_are_not_read_as_one_run(finished, folder):
    header, records = read_records(finished[1].path)
    kept = {name: value for name, value in header.items() if name not in ("type", "schema")}
    older = {**kept["provenance"], "at": "2001-01-01T00:00:00+00:00"}
    training = {**kept["training"], "weights": "0" * 32}
    write_records(folder.records("0" * 8), {**kept, "provenance": older}, records)
    assert len(load(finished[0].results).runs[0].files) == 2
    write_records(folder.records("0" * 8), {**kept, "provenance": older, "training": training}, records)
    loaded = load(finished[0].results)
    assert [file.name for file in loaded.runs[0].files] == [finished[1].path.name]
    assert any("records-00000000.jsonl tells of another training" in remark for remark in loaded.remarks)


def test_the_python_interface_gives_no_table_of_another_training(finished, other, folder):
    (scores,) = load_runs(finished[0].results).runs
    assert len(scores.table)
    put(other, folder, "table-test-")
    with pytest.raises(BenchError, match="another training"):
        _ = scores.table


def test_a_training_record_that_cannot_be_read_judges_nothing(folder):
    folder.training.write_text(folder.training.read_text().replace('"epochs"', '"epoch_"', 1))
    assert folder.source == ""
