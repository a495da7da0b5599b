"""Records that lie in a file while they are drawn: the same tables, and no more of them in memory than is asked for."""

import numpy as np
import pandas as pd
import pytest
from kept import keep_run

from bench.errors import BenchError
from bench.runs import load_filed
from bench.runs.frames import chosen, indices_by, numbers_of, records_in
from bench.runs.load import load


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The same runs in memory and in the files of two processes; one more is damaged."""
    folder = tmp_path_factory.mktemp("filed")
    for seed in range(4):
        kept = keep_run(folder, seed=seed, resamples=5, tables=False, trained=False)
    next(kept.path.glob("records-*")).write_text("{")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load_filed, "FEW", 2)
        with load_filed.load_filed(folder, tmp_path_factory.mktemp("records"), workers=2) as filed:
            yield load(folder), filed


def test_several_processes_read_the_runs_and_remarks_that_one_reads(both):
    held, filed = both
    assert len({frames._file.path for frames in filed.frames.values()}) == 2
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


def test_tables_read_back_from_the_file_are_those_in_memory(both):
    held, filed = both
    assert [run.identity for run in held.runs] == [run.identity for run in filed.runs]
    for identity, frames in held.frames.items():
        assert list(filed.frames[identity]) == list(frames)
        for kind, frame in frames.items():
            pd.testing.assert_frame_equal(filed.frames[identity][kind], frame)


def test_some_columns_alone_are_read_and_missing_ones_hold_nothing(both):
    held, filed = both
    (identity, frames), names = next(iter(held.frames.items())), ["realised_cost", "policy", "absent", "mAP", "seed"]
    for one in (frames, filed.frames[identity]):
        pd.testing.assert_frame_equal(chosen(one, "policy", names), frames["policy"].reindex(columns=names))
        numbers = numbers_of(one, "policy", ["mAP", "absent", "seed"])
        np.testing.assert_array_equal(numbers, frames["policy"].reindex(columns=["mAP", "absent", "seed"]))
        assert not len(chosen(one, "nowhere", names))
        assert numbers_of(one, "nowhere", names).shape == (0, len(names))
        found = indices_by(one, "policy")
        expected = frames["policy"].groupby(["policy", "thresholding"]).indices
        assert {name: rows.tolist() for name, rows in found.items()} == {n: r.tolist() for n, r in expected.items()}


def test_rows_as_mappings_are_those_of_pandas(both):
    for frame in next(iter(both[0].frames.values())).values():
        expected = frame.to_dict("records")
        assert str(records_in(frame)) == str(expected)
        assert [list(map(type, row.values())) for row in records_in(frame)[:3]] == [
            list(map(type, row.values())) for row in expected[:3]
        ]
