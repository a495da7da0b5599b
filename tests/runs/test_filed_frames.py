"""Records that lie in a file while they are drawn: the same tables, and no more of them in memory than is asked for."""

import numpy as np
import pandas as pd
import pytest
from kept import keep_run

from bench.errors import BenchError
from bench.findings.table import records_in
from bench.runs import load_filed
from bench.runs.load import each_run, load, newest_rows


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The same runs in memory and in the files of two processes, and their folder; one more is damaged."""
    folder = tmp_path_factory.mktemp("filed")
    for seed in range(4):
        kept = keep_run(folder, seed=seed, resamples=5, tables=False, trained=False)
    next(kept.path.glob("records-*")).write_text("{")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load_filed, "FEW", 2)
        with load_filed.load_filed(folder, tmp_path_factory.mktemp("records"), workers=2) as filed:
            yield load(folder), filed, folder


def test_several_processes_read_the_runs_and_remarks_that_one_reads(both):
    held, filed, _ = both
    assert len({run.frames._tables["exit"].numbers.file.path for run in filed.runs}) == 2
    assert filed.runs == held.runs
    assert len(filed.runs) == 3
    assert filed.remarks == held.remarks
    assert len(filed.remarks) == 1


def test_a_folder_of_unusable_files_is_an_error(tmp_path):
    path = tmp_path / "runs" / "data" / "run" / "records-0.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with pytest.raises(BenchError, match="records-0"), load_filed.load_filed(tmp_path, tmp_path):
        pass


def test_tables_in_memory_and_in_files_are_those_of_the_rows(both):
    rows = pd.DataFrame([row for run in each_run(both[2], []) for row in newest_rows(run)])
    for results in both[:2]:
        assert [run.identity for run in results.runs] == sorted(rows["run"].unique())
        for run in results.runs:
            own = rows[rows["run"] == run.identity]
            assert list(run.frames) == list(own["kind"].unique())
            for kind, frame in run.frames.items():
                expected = own[own["kind"] == kind].reset_index(drop=True)[list(frame)]
                pd.testing.assert_frame_equal(frame, expected, check_dtype=kind != "exit")
                assert own.loc[own["kind"] == kind].drop(columns=list(frame)).isna().all(axis=None)
                assert str(run.frames.records(kind)) == str(frame.to_dict("records"))


def test_some_columns_alone_are_read_and_missing_ones_hold_nothing(both):
    names = ["realised_cost", "policy", "absent", "mAP", "seed"]
    for results in both[:2]:
        frames = results.runs[0].frames
        whole = frames["policy"]
        pd.testing.assert_frame_equal(frames.chosen("policy", names), whole.reindex(columns=names))
        numbers = ["mAP", "absent", "seed"]
        np.testing.assert_array_equal(frames.numbers("policy", numbers), whole.reindex(columns=numbers))
        assert frames.texts("policy", "policy") == whole["policy"].tolist()
        expected = whole.groupby(["policy", "thresholding"]).indices
        found = frames.by_policy("policy")
        assert {name: rows.tolist() for name, rows in found.items()} == {n: r.tolist() for n, r in expected.items()}
        for (policy, thresholding), indices in expected.items():
            read = frames.of_policy("policy", policy, thresholding, ["a", "mAP"])
            np.testing.assert_array_equal(read, whole.loc[indices, ["a", "mAP"]])


def test_without_a_table_there_are_no_rows(both):
    for results in both[:2]:
        frames = results.runs[0].frames
        assert not len(frames.chosen("nowhere", ["mAP"]))
        assert frames.numbers("nowhere", ["mAP", "a"]).shape == (0, 2)
        assert frames.of_policy("nowhere", "gs", "stream", ["mAP", "a"]).shape == (0, 2)
        assert frames.of_policy("policy", "nobody", "stream", ["mAP", "a"]).shape == (0, 2)
        for nothing in (frames.records("nowhere"), frames.texts("nowhere", "policy"), frames.by_policy("nowhere")):
            assert len(nothing) == 0


def test_rows_as_mappings_are_those_of_pandas(both):
    for frame in both[0].runs[0].frames.values():
        expected = frame.to_dict("records")
        assert str(records_in(frame)) == str(expected)
        assert [list(map(type, row.values())) for row in records_in(frame)[:3]] == [
            list(map(type, row.values())) for row in expected[:3]
        ]
