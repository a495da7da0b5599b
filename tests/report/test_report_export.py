"""``bench export``: every record, in full, in one table."""

import csv
import gzip
import io
import math

import pandas as pd
import pytest
from typer.testing import CliRunner

from bench.cli.app import application

RUNNER = CliRunner()


def export(write_run, out):
    return RUNNER.invoke(application("export"), ["export", str(out), "--results", str(write_run.results)])


def test_every_number_of_every_record_is_there(write_run, tmp_path):
    written = [write_run(seed=0), write_run(method="dare", seed=1, ap="trapezoid")]
    done = export(write_run, tmp_path / "deep" / "all.csv")
    assert done.exit_code == 0, done.output
    assert "2 runs" in done.output
    with (tmp_path / "deep" / "all.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    for header, records, _ in written:
        rows = [row for row in table if row["run"] == header["run"]]
        assert {(row["ap"], row["method"]) for row in rows} == {(header["evaluation"]["ap"], header["spec"]["method"])}
        assert {(row["cost"], row["cost_unit"], row["cost_machine"]) for row in rows} == {("macs", "multiply-adds", "")}
        assert sorted(numbers_of(row) for row in rows) == sorted(numbers_of(flat(record)) for record in records)


def test_costs_of_one_run_are_told_apart(write_run, tmp_path):
    """A run that was swept over two costs has rows that are alike but for what their costs are in."""
    write_run()
    timed = {"name": "milliseconds", "unit": "milliseconds", "machine": "a small one", "version": 2}
    write_run(change=lambda header, records: header.update(cost=timed), file="records-timed.jsonl")
    for batch in (1, 16):
        measured = {**timed, "backend": "torch", "batch": batch, "measured_at": "2026-01-01"}
        write_run(change=lambda header, records, cost=measured: header.update(cost=cost), file=f"records-{batch}.jsonl")
    export(write_run, tmp_path / "all.csv")
    table = pd.read_csv(tmp_path / "all.csv", dtype=str, keep_default_na=False)
    assert table["run"].nunique() == 1
    measured = table[["cost_backend", "cost_batch", "cost_measured_at"]].drop_duplicates()
    batches = [["torch", batch, "2026-01-01"] for batch in ("1", "16")]
    assert sorted(measured.to_numpy().tolist()) == [["", "", ""], *batches]
    told = table[["cost", "cost_version", "cost_unit", "cost_machine"]].drop_duplicates()
    assert sorted(told.to_numpy().tolist()) == [
        ["macs", "1", "multiply-adds", ""],
        ["milliseconds", "2", "milliseconds", "a small one"],
    ]


def flat(record):
    """A record with its shares in columns of their own."""
    shares = {f"exit_fraction_{number}": share for number, share in enumerate(record.get("exit_fractions", ()), 1)}
    return record | shares


def numbers_of(row):
    """All that is measured in a row: names and finite numbers, what the row is about aside."""
    found = []
    for name, value in row.items():
        about = ("run", "seed", "kind", "cost_version", "exit_fractions", "sweep_version")
        if name not in about and value not in ("", None):
            try:
                number = float(value)
            except ValueError:
                continue
            found += [(name, number)] if math.isfinite(number) else []
    return sorted(found)


def test_it_prints_and_compresses_the_same(write_run, tmp_path):
    write_run()
    printed = export(write_run, "-").stdout
    assert len(pd.read_csv(io.StringIO(printed))) > 4
    for _ in range(2):
        export(write_run, tmp_path / "all.csv.gz")
        data = (tmp_path / "all.csv.gz").read_bytes()
        assert gzip.decompress(data).decode() == printed
        assert data[4:8] == bytes(4)


@pytest.mark.parametrize(("out", "says"), [("results", "cannot write"), ("results/runs/no.csv/x.csv", "cannot write")])
def test_what_cannot_be_written_is_said(write_run, tmp_path, out, says):
    write_run()
    (tmp_path / "results/runs/no.csv").write_text("a file")
    done = export(write_run, tmp_path / out)
    assert done.exit_code == 1
    assert says in done.stderr
    assert (tmp_path / "results/runs/no.csv").read_text() == "a file"


def test_without_records_it_says_so(tmp_path):
    done = RUNNER.invoke(application("export"), ["export", str(tmp_path / "all.csv"), "--results", str(tmp_path)])
    assert done.exit_code == 1
    assert "found none" in done.stderr
    assert not (tmp_path / "all.csv").exists()
