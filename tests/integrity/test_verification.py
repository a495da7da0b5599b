import gzip
import json
import os
import time

import numpy as np
import pytest
from kept import keep_run
from torch import nn

from bench.data.dataset import ImageSample
from bench.data.images import open_store
from bench.files import write_json
from bench.integrity.cache import verify_cache
from bench.integrity.checks import Verification
from bench.integrity.repair import repair
from bench.integrity.runs import verify_results
from bench.runs.records import RECORDS_SCHEMA
from bench.training.weights import save_weights


@pytest.fixture
def folder(tmp_path):
    kept = keep_run(tmp_path)
    save_weights(nn.Linear(3, 2), kept.weights)
    return kept


def flip(path, at=0.5):
    content = bytearray(path.read_bytes())
    content[int(len(content) * at)] ^= 1
    path.write_bytes(bytes(content))


def wrong(results):
    return {finding.path.name: finding for finding in verify_results(results).wrong}


def test_a_whole_folder_is_clean_and_nothing_is_written(folder, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    found = verify_results(tmp_path)
    assert (found.findings, found.runs, found.files, found.recomputed) == ([], 1, 6, 1)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    # So it is where the folder lies among other results folders.
    for name in ("one", "other"):
        keep_run(tmp_path / "several" / name)
    assert verify_results(tmp_path / "several").runs == 2


@pytest.mark.parametrize(
    "name", ["spec.json", "training.json", "weights.safetensors", "table-test-*", "table-calibration-*", "records-*"]
)
@pytest.mark.parametrize("at", [0.3, 0.7])
def test_one_bit_of_any_file_is_found(folder, tmp_path, name, at):
    path = next(folder.path.glob(name))
    flip(path, at)
    assert list(wrong(tmp_path)) == [path.name]
    removed, remarks = repair(verify_results(tmp_path).findings)
    again = name.startswith(("table", "records"))
    assert (removed, path.exists(), remarks) == ([path] if again else [], not again, [])


def test_compressed_records_are_checked_as_others_are(folder, tmp_path):
    path = next(folder.path.glob("records-*"))
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    found = verify_results(tmp_path)
    assert (found.findings, found.recomputed) == ([], 1)
    packed.write_bytes(packed.read_bytes()[:-30])
    assert wrong(tmp_path)[packed.name].removable == (packed,)


def test_without_the_network_nothing_is_removed(folder, tmp_path):
    folder.weights.unlink()
    path = next(folder.path.glob("records-*"))
    flip(path)
    assert "would train again" in wrong(tmp_path)[path.name].advice
    assert repair(verify_results(tmp_path).findings) == ([], [])


@pytest.mark.parametrize("name", ["mAP", "rank-1"])
@pytest.mark.parametrize(("shift", "found"), [(2e-9, True), (1e-10, False)])
def test_records_that_are_not_of_their_table_are_found(tmp_path, name, shift, found):
    def shifted(header, records):
        next(record for record in records if record["kind"] == "exit")[name] += shift

    kept = keep_run(tmp_path, change=shifted)
    save_weights(nn.Linear(3, 2), kept.weights)
    assert [finding.path.suffix for finding in verify_results(tmp_path).wrong] == ([".jsonl"] if found else [])
    assert len(repair(verify_results(tmp_path).findings)[0]) == (2 if found else 0)


def test_a_newer_schema_another_key_and_a_missing_spec_are_told_apart(folder, tmp_path):
    path = next(folder.path.glob("records-*"))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0].replace(f'"schema": {RECORDS_SCHEMA}', '"schema": 99'), lines[1]]) + "\n")
    finding = wrong(tmp_path)[path.name]
    assert "schema 99" in finding.problem
    assert not finding.removable
    path.unlink()
    spec = json.loads(folder.spec.read_text())
    write_json(folder.spec, spec | {"key": "0" * 64})
    assert "key 00000000" in wrong(tmp_path)["spec.json"].problem
    folder.spec.unlink()
    assert "no spec.json" in wrong(tmp_path)[folder.path.name].problem


def test_files_of_before_digests_and_strange_ones_are_remarks(folder, tmp_path):
    training = json.loads(folder.training.read_text())
    del training["digest"]
    folder.training.write_text(json.dumps(training))
    (folder.path / "notes.txt").write_text("mine")
    found = verify_results(tmp_path)
    assert not found.wrong
    assert [(finding.path.name, finding.problem.split(",")[0]) for finding in found.findings] == [
        ("notes.txt", "is not of this suite"),
        ("training.json", "carries no digest"),
    ]


def test_what_killed_processes_left_goes_once_no_process_works_there(folder, tmp_path):
    fresh, mine = folder.path / ".checkpoint.pt.abcd_123.pt", folder.path / ".notes.settings"
    old, young = tmp_path / ".report-abcd_123", tmp_path / ".report-abcd_124"
    for path in (old, young):
        path.mkdir()
    for path in (fresh, mine):
        path.write_bytes(b"half")
    hours = time.time() - 2 * 3600
    os.utime(old, (hours, hours))
    found = verify_results(tmp_path)
    assert not found.wrong
    assert {finding.path for finding in found.findings} == {fresh, old, young}
    with folder.alone():
        assert not fresh.exists()
        fresh.write_bytes(b"half")
        assert repair(found.findings)[0] == [old]
    removed, remarks = repair(verify_results(tmp_path).findings)
    assert removed == [fresh]
    assert "younger than an hour" in remarks[0]
    assert mine.exists()


def test_a_file_that_cannot_be_read_stays(folder, tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("bench.runs.file_checks.verify", refuse)
    found = verify_results(tmp_path)
    assert len(found.wrong) == 6
    assert not any(finding.removable for finding in found.findings)


def test_stores_of_decoded_images_are_checked(tmp_path):
    from PIL import Image

    path = tmp_path / "0001_c1.png"
    Image.fromarray(np.full((8, 4, 3), 7, np.uint8)).save(path)
    cache = tmp_path / "cache"
    open_store([ImageSample(path, 1, 1)], (8, 4), cache / "images")
    clean, damaged = Verification(), Verification()
    verify_cache(cache, clean)
    assert not clean.findings
    data = next(cache.rglob("*.npy"))
    flip(data, 0.99)
    verify_cache(cache, damaged)
    assert [finding.path for finding in damaged.wrong] == [data]
    assert repair(damaged.findings) == ([data, data.with_suffix(".json")], [])
