"""Digests inside files: any flipped bit, cut end or foreign form is found; files of before are read."""

import json

import numpy as np
import pytest
import torch
from changed_bytes import written_over

from bench.digests import DamagedFile, carries_digest, digest_of_file, stamp, verify
from bench.files import read_arrays, read_json, write_arrays, write_json
from bench.runs.records import read_records, write_records
from bench.training.checkpoint import Checkpoint
from bench.training.weights import load_weights, save_weights


def _network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))


def _checkpoint():
    return Checkpoint("key", 1, _network().state_dict(), {}, [{"epoch": 1.0}], torch.zeros(1, 3, dtype=torch.int8))


KINDS = {
    "arrays.npz": (
        lambda path: write_arrays(path, {"one": np.arange(5), "names": np.array(["a", "b"])}, compressed=True),
        read_arrays,
    ),
    "values.json": (lambda path: write_json(path, {"a": 1.5, "b": [1, "two"]}), read_json),
    "records.jsonl": (
        lambda path: write_records(path, {"provenance": {"at": "now"}}, [{"kind": "exit", "mAP": 0.5}] * 3),
        read_records,
    ),
    "weights.safetensors": (
        lambda path: save_weights(_network(), path),
        lambda path: load_weights(_network(), path),
    ),
    "checkpoint.pt": (lambda path: _checkpoint().save(path), lambda path: Checkpoint.load(path, "key")),
}


@pytest.fixture(params=KINDS)
def kept(request, tmp_path):
    write, read = KINDS[request.param]
    path = tmp_path / request.param
    write(path)
    return path, read


def test_what_was_written_is_read(kept):
    path, read = kept
    read(path)
    assert verify(path)
    assert carries_digest(path)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_every_flipped_bit_is_found(kept):
    path, _ = kept
    whole = path.read_bytes()
    for index, byte in enumerate(whole):
        with written_over(path, index, byte ^ 1 << (index % 8)), pytest.raises(DamagedFile, match=path.name):
            verify(path)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("damage", ["flipped", "cut", "lengthened", "zeroed", "empty"])
def test_readers_refuse_what_is_damaged(kept, damage):
    from bench.errors import BenchError

    path, read = kept
    whole, middle = path.read_bytes(), path.stat().st_size // 2
    path.write_bytes(
        {
            "flipped": whole[:middle] + bytes([whole[middle] ^ 4]) + whole[middle + 1 :],
            "cut": whole[: -len(whole) // 3],
            "lengthened": whole + b"\n{}",
            "zeroed": whole[:middle] + bytes(len(whole) - middle),
            "empty": b"",
        }[damage]
    )
    with pytest.raises(BenchError, match=path.name):
        read(path)


def test_records_that_end_at_a_line_are_cut_short(tmp_path):
    path = tmp_path / "records.jsonl"
    KINDS[path.name][0](path)
    lines = path.read_text().splitlines(keepends=True)
    for kept in range(1, len(lines)):
        path.write_text("".join(lines[:kept]))
        with pytest.raises(DamagedFile, match="cut short"):
            read_records(path)


def test_files_of_before_are_read(tmp_path):
    np.savez(tmp_path / "arrays.npz", one=np.arange(3))
    (tmp_path / "values.json").write_text('{"weights_digest": "", "a": 1}')
    torch.save(dict(_checkpoint().__dict__), tmp_path / "checkpoint.pt")
    for name in ("arrays.npz", "values.json", "checkpoint.pt"):
        assert not carries_digest(tmp_path / name)
        assert not verify(tmp_path / name)
        KINDS[name][1](tmp_path / name)


@pytest.mark.parametrize("text", ["[]", "null", "3", '"digest"', "[" * 100_000])
def test_json_of_another_form_is_refused(tmp_path, text):
    (tmp_path / "values.json").write_text(text)
    with pytest.raises(DamagedFile, match=r"values\.json"):
        read_json(tmp_path / "values.json")


def test_values_come_back_without_their_digest(tmp_path):
    write_json(tmp_path / "values.json", {"a": 1})
    assert read_json(tmp_path / "values.json") == {"a": 1}
    assert json.loads((tmp_path / "values.json").read_text())["a"] == 1


def test_a_digest_needs_a_field(tmp_path):
    (tmp_path / "plain.json").write_text("{}")
    with pytest.raises(ValueError, match="no field"):
        stamp(tmp_path / "plain.json")


def test_whole_files_are_hashed_in_blocks(tmp_path):
    import xxhash

    content = np.random.default_rng(0).bytes(3_000_001)
    (tmp_path / "pixels.npy").write_bytes(content)
    assert digest_of_file(tmp_path / "pixels.npy") == xxhash.xxh3_128(content).hexdigest()
