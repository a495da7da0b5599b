"""Results that are kept from earlier schemas are read under today's names, with the same numbers."""

import gzip
import json
import lzma
from pathlib import Path

import numpy as np
import pytest
from invented import COSTS, invented_table

from bench import registry
from bench.budget.sweep import sweep
from bench.errors import BenchError
from bench.runs.records import RECORDS_SCHEMA, read_records, write_records
from bench.spec import SweepSpec

KEPT = sorted((Path(__file__).parents[2] / "results").glob("*/runs/*/*/records-*.jsonl.xz"))
PACKED = {".gz": gzip.compress, ".xz": lzma.compress}


def test_a_kept_sweep_is_read_under_the_names_of_today():
    path = next(path for path in KEPT if path.parts[-5] == "recipes")
    lines = [json.loads(line) for line in lzma.decompress(path.read_bytes()).splitlines()]
    header, records = read_records(path)
    assert len(records) == len(lines) - 1
    assert header["sweep"]["thresholdings"] == lines[0]["sweep"].get("modes", header["sweep"]["thresholdings"])
    assert header["cost"]["unit"] == "multiply-adds"
    for old, read in zip(lines[1:], records, strict=True):
        new = {name: value for name, value in read.items() if "hull" not in name}
        assert sorted(map(str, old.values())) == sorted(map(str, new.values())) or old["kind"] == "comparison"
        assert not {"mode", "exit_shares"} & set(new)
        assert not any("_macs" in name for name in new)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.parent.name)
def test_every_kept_result_is_readable(path):
    header, records = read_records(path)
    assert header["schema"] in (2, 3, RECORDS_SCHEMA)
    assert {record["kind"] for record in records} <= {
        "exit",
        "policy",
        "oracle",
        "curve",
        "comparison",
        "outcome",
        "auc",
        "roc",
        "verification",
    }


def test_curves_of_before_the_hull_are_set_against_it(tmp_path):
    """With the values that a sweep of today records; intervals need exit tables."""
    spec, held_out = SweepSpec(("gs", "random"), budgets=7, resamples=20), np.array([0.3, 0.2, 0.6, 0.7])
    policies = [registry.policy(name) for name in spec.policies]
    records = sweep(invented_table(), COSTS, spec, policies, held_out=held_out)
    header = {"provenance": {"at": "now"}, "calibration": [{"mAP": value} for value in held_out]}
    older = [{name: value for name, value in record.items() if "hull" not in name} for record in records]
    write_records(tmp_path / "records.jsonl", header, older)
    read = read_records(tmp_path / "records.jsonl")[1]
    for one, today in zip(read, records, strict=True):
        expected = {
            name: value for name, value in today.items() if "hull" not in name or not name.endswith(("_low", "_high"))
        }
        assert one == pytest.approx(expected) if one["kind"] == "curve" else one == today
    assert any("mAP_hull_gap_closed" in one for one in read)


@pytest.mark.parametrize("calibration", [None, [], [{}] * 4, [{"mAP": 0.5}] * 3, [{"mAP": "much"}] * 4, "none"])
def test_without_scores_of_held_out_people_there_is_no_hull(tmp_path, calibration):
    spec = SweepSpec(("gs",), budgets=7, resamples=5)
    records = sweep(invented_table(), COSTS, spec, [registry.policy("gs")])
    write_records(tmp_path / "records.jsonl", {"provenance": {"at": "now"}, "calibration": calibration}, records)
    assert read_records(tmp_path / "records.jsonl")[1] == records


def test_what_is_written_is_read_back_as_it_is(tmp_path):
    record = {"kind": "policy", "thresholding": "stream", "exit_fractions": [0.5, 0.5], "realised_cost": 1.0}
    write_records(tmp_path / "records.jsonl", {"provenance": {"at": "now"}, "sweep": {"shuffles": 3}}, [record])
    header, records = read_records(tmp_path / "records.jsonl")
    assert (records, header["sweep"]) == ([record], {"shuffles": 3})


@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.parametrize("damage", ["cut", "flipped", "changed before it was compressed"])
def test_a_compressed_sweep_is_checked_as_it_was_before(tmp_path, damage, suffix):
    record = {"kind": "exit", "policy": "", "thresholding": "", "mAP": 0.5}
    plain, kept = tmp_path / "records.jsonl", tmp_path / f"records.jsonl{suffix}"
    write_records(plain, {"provenance": {"at": "now"}}, [record])
    kept.write_bytes(PACKED[suffix](plain.read_bytes()))
    assert read_records(kept) == read_records(plain)
    data = bytearray(kept.read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 1
    elif damage == "changed before it was compressed":
        data = bytearray(PACKED[suffix](plain.read_bytes().replace(b"0.5", b"0.6")))
    kept.write_bytes(data[:-4] if damage == "cut" else data)
    with pytest.raises(BenchError, match=r"damaged|cannot read"):
        read_records(kept)
