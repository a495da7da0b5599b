"""Reading a results folder: only what is needed, a run at a time, without a lock, with a word on what is unsure."""

import csv
import io
import json
import re
import weakref

import pytest
from filelock import FileLock
from kept import keep_run

from bench.files import read_json
from bench.runs import export, load
from bench.runs.export import export_csv
from bench.runs.few_people import FEW as MANY_PEOPLE
from bench.runs.few_people import FEW_RESAMPLES, few_people, few_resamples
from bench.runs.finding import find_run, read_run
from bench.runs.held_out import FEW, few_held_out


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Eight runs; files of two of them are of before digests."""
    folder = tmp_path_factory.mktemp("many")
    for seed in range(8):
        kept = keep_run(folder, seed=seed, resamples=5, tables=seed < 2, trained=seed < 2)
        if seed >= 6:
            strip_digest(next(kept.path.glob("records-*")), kept.spec)
    return folder


def strip_digest(records, spec):
    """Write two files as versions of before digests did."""
    *lines, end = records.read_text().splitlines()
    end = {name: value for name, value in json.loads(end).items() if name != "digest"}
    records.write_text("\n".join([*lines, json.dumps(end)]) + "\n")
    spec.write_text(json.dumps(read_json(spec)))


@pytest.fixture
def opened(monkeypatch):
    """Names of the runs whose records are read."""
    found = []
    read = load.read_records
    monkeypatch.setattr(load, "read_records", lambda path: (found.append(path.parent.name), read(path))[1])
    return found


def test_one_run_and_two_runs_open_no_other(bench, results, opened):
    for command, seeds in ((("show", "seed3"), {3}), (("compare", "seed0", "seed1"), {0, 1})):
        opened.clear()
        assert bench(*command, "--results", results)[0] == 0
        assert {int(re.search(r"seed(\d)", name)[1]) for name in opened} == seeds


def test_export_holds_one_run_at_a_time(results, monkeypatch):
    alive = []

    def each_run(folder, remarks):
        for run in load.each_run(folder, remarks):
            # Of those before, the last one goes when this one takes its place.
            assert sum(one() is not None for one in alive[:-1]) == 0
            alive.append(weakref.ref(run))
            yield run
            del run

    monkeypatch.setattr(export, "each_run", each_run)
    out = io.StringIO()
    done = export_csv(results, out)
    assert (done.runs, len(alive)) == (8, 16)
    assert len(list(csv.reader(io.StringIO(out.getvalue())))) == done.records + 1


def test_frames_have_the_columns_of_their_kind_alone(results):
    found = load.load(results)
    for frames in (run.frames for run in found.runs):
        assert {"policy", "exit", "comparison", "curve", "oracle"} <= set(frames)
        assert "mAP_area" in frames["curve"]
        assert not {"mAP_area", "mAP_area_lead"} & set(frames["policy"])
        assert not frames["policy"]["mAP"].isna().any()


REMARK = "carry no digest, an earlier version wrote them: their content is not checked"


def test_files_of_before_digests_get_one_counted_remark(bench, results, tmp_path):
    assert load.load(results).remarks == (f"2 of 8 files {REMARK}",)
    assert read_run(find_run(results, "seed6")).remarks == (f"2 of 2 files {REMARK}",)
    assert not read_run(find_run(results, "seed0")).remarks
    for command in (("show", "seed6"), ("compare", "seed6", "seed0"), ("export", tmp_path / "all.csv")):
        status, _, err = bench(*command, "--results", results)
        assert (status, " ".join(err.split()).count(REMARK)) == (0, 1), command
    status, out, _ = bench("verify", results, "--cache", tmp_path)
    assert (status, out.count("4 files, as")) == (0, 1)


def test_reading_takes_no_lock_and_writes_nothing(bench, results, tmp_path, monkeypatch):
    def refuse(*_, **options):
        raise AssertionError("a lock was taken")

    before = {path: path.stat().st_mtime_ns for path in results.rglob("*")}
    monkeypatch.setattr(FileLock, "acquire", refuse)
    out = tmp_path / "report"
    for kinds in ("figures", "tables"):
        monkeypatch.setattr(f"bench.report.write.{kinds}", lambda: ())
    for command in (("show", "seed0"), ("compare", "seed0", "seed1"), ("export", "-"), ("report", "--out", out)):
        status, _, err = bench(*command, "--results", results)
        assert status == 0, err
    assert bench("verify", results, "--cache", tmp_path)[0] == 0
    assert {path: path.stat().st_mtime_ns for path in results.rglob("*")} == before


@pytest.mark.parametrize(("count", "said"), [(10, "16 points"), (FEW - 1, "5 points"), (FEW, ""), (0, ""), (None, "")])
def test_few_held_out_queries_are_told(count, said):
    header = {"dataset": {"counts": {"calibration queries": count}}, "sweep": {"policies": ["gs"]}}
    assert said in few_held_out(header)
    assert bool(few_held_out(header)) == bool(said)
    assert not few_held_out({**header, "sweep": {"policies": []}})
    assert not few_held_out({**header, "sweep": None})


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"query identities": 1}, "only one test identity"),
        # Of 18, Student's t of 17 degrees is within 1.96 √(17/18) in 92.6 % of all cases.
        (
            {"query identities": 18},
            "only 18 test identities: 95 % brackets that resample so few hold the true value 93",
        ),
        ({"query identities": 200, "scored identities": 5}, "85 %"),
        ({"query identities": MANY_PEOPLE}, ""),
        ({}, ""),
    ],
)
def test_few_test_people_are_told(counts, said):
    found = few_people({"dataset": {"counts": counts}})
    assert said in found
    assert bool(found) == bool(said)


@pytest.mark.parametrize(("resamples", "said"), [(2, "only 2 resamples"), (FEW_RESAMPLES, ""), (None, "")])
def test_few_resamples_are_told(resamples, said):
    found = few_resamples({"sweep": {"resamples": resamples}})
    assert said in found
    assert bool(found) == bool(said)
    assert not few_resamples({"sweep": None})
