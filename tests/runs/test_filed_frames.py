"""Records that lie in a file while they are drawn: the same tables, and no more of them in memory than is asked for."""

import pickle

import numpy as np
import pandas as pd
import pytest
from kept import keep_run

from bench.runs.frames import FramesFile, chosen, indices_by, numbers_of, records_in
from bench.runs.load import load


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The same two runs in memory and in a file, as another process would get them."""
    folder = tmp_path_factory.mktemp("filed")
    for seed in range(2):
        keep_run(folder, seed=seed, resamples=5, tables=False, trained=False)
    file = FramesFile(folder / "records")
    return load(folder), pickle.loads(pickle.dumps(load(folder, kept_in=file)))


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
