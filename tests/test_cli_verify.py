import json

from kept import keep_run
from measured import inference
from torch import nn

from bench.inference.records import write_record
from bench.training.weights import save_weights


def test_status_and_table_say_what_is_wrong(bench, tmp_path):
    results, cache = tmp_path / "results", tmp_path / "cache"
    folder = keep_run(results)
    save_weights(nn.Linear(3, 2), folder.weights)
    status, out, _ = bench("verify", results, "--cache", cache)
    assert (status, "1 sweep computed again" in " ".join(out.split())) == (0, True)
    records = next(folder.path.glob("records-*"))
    records.write_bytes(records.read_bytes()[:-40])
    status, out, err = bench("verify", results, "--cache", cache)
    assert (status, "not as it should be: 1 of 6 files; the first is" in " ".join(err.split())) == (1, True)
    assert records.name in out.replace("\n", "")
    status, out, _ = bench("verify", results, "--cache", cache, "--json")
    (finding,) = [finding for finding in json.loads(out)["findings"] if finding["wrong"]]
    assert (status, finding["file"]) == (1, str(records))
    status, out, _ = bench("verify", results, "--cache", cache, "--repair")
    assert (status, records.exists(), f"removed {records}" in out) == (0, False, True)
    assert bench("verify", results, "--cache", cache)[0] == 0


def test_measurements_without_runs_are_checked(bench, tmp_path):
    record = write_record(tmp_path / "results", inference("a" * 64, kept_gallery=None))
    status, out, _ = bench("verify", tmp_path / "results", "--cache", tmp_path / "cache")
    assert (status, "1 file of 0 runs" in out, "is not here" in " ".join(out.split())) == (0, True, True)
    record.write_bytes(record.read_bytes()[:-40])
    status, _, err = bench("verify", tmp_path / "results", "--cache", tmp_path / "cache")
    assert (status, record.name in err.replace("\n", "")) == (1, True)


def test_a_cache_that_is_a_file_is_refused(bench, tmp_path):
    write_record(tmp_path / "results", inference("a" * 64, kept_gallery=None))
    (tmp_path / "cache").touch()
    status, _, err = bench("verify", tmp_path / "results", "--cache", tmp_path / "cache")
    assert (status, "is no folder: name the cache with --cache" in " ".join(err.split())) == (1, True)


def test_a_folder_with_nothing_of_the_suite_is_refused(bench, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "notes.txt").write_text("ours alone")
    status, _, err = bench("verify", tmp_path / "results", "--cache", tmp_path / "cache")
    assert (status, "expected runs/<dataset>/<run>/" in " ".join(err.split())) == (1, True)
