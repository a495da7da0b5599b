"""Results that are kept from earlier schemas are read under today's names, with the same numbers."""

import json
from pathlib import Path

import pytest

from bench.runs.records import RECORDS_SCHEMA, read_records, write_records

KEPT = sorted((Path(__file__).parents[2] / "results").glob("*/runs/*/*/records-*.jsonl"))


def test_a_kept_sweep_is_read_under_the_names_of_today():
    path = next(path for path in KEPT if path.parts[-5] == "demo")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    header, records = read_records(path)
    assert len(records) == len(lines) - 1
    assert header["sweep"]["thresholdings"] == lines[0]["sweep"].get("modes", header["sweep"]["thresholdings"])
    assert header["cost"]["unit"] == "multiply-adds"
    for old, new in zip(lines[1:], records, strict=True):
        assert sorted(map(str, old.values())) == sorted(map(str, new.values())) or old["kind"] == "comparison"
        assert not {"mode", "exit_shares"} & set(new)
        assert not any("_macs" in name for name in new)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.parent.name)
def test_every_kept_result_is_readable(path):
    header, records = read_records(path)
    assert header["schema"] in (2, RECORDS_SCHEMA)
    assert {record["kind"] for record in records} <= {"exit", "policy", "oracle", "curve", "comparison", "outcome"}


def test_what_is_written_is_read_back_as_it_is(tmp_path):
    record = {"kind": "policy", "thresholding": "stream", "exit_fractions": [0.5, 0.5], "realised_cost": 1.0}
    write_records(tmp_path / "records.jsonl", {"provenance": {"at": "now"}, "sweep": {"shuffles": 3}}, [record])
    header, records = read_records(tmp_path / "records.jsonl")
    assert (records, header["sweep"]) == ([record], {"shuffles": 3})
