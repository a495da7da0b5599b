"""Find and read the records of all runs under a results folder.

A records file that is damaged, or that another program wrote, costs a remark in the report and nothing else: one bad
file must not take the others' figures away.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bench.budget.query_scores import METRICS
from bench.errors import BenchError
from bench.runs.records import evaluation_key, learned_from, read_records

HINT = "make some with: bench run --method hashreid --budget-sweep"
POINTS = ("exit", "policy", "oracle")
SUMMARIES = ("curve", "comparison", "outcome")
KINDS = (*POINTS, *SUMMARIES)


@dataclass(frozen=True)
class Exit:
    """One exit as the records' header states it: ``code`` is binary or continuous, ``length`` in bits or numbers."""

    name: str
    code: str
    length: int


@dataclass(frozen=True)
class RecordsFile:
    """One records file: its place under the results folder, its header, and, while it is read, its records as rows."""

    place: str
    header: Mapping[str, Any]
    rows: tuple[Mapping[str, Any], ...]

    @property
    def age(self) -> tuple[str, str]:
        """Order files from old to new: the date (UTC, ISO) of the sweep, then the name."""
        return str(self.header["provenance"].get("at", "")), self.place


@dataclass(frozen=True)
class Run:
    """One trained network under one evaluation, with every records file that tells of it, the newest first."""

    identity: str
    """Run key and evaluation in one: what the rows of the table name."""
    files: tuple[RecordsFile, ...]

    @property
    def header(self) -> Mapping[str, Any]:
        """The newest header."""
        return self.files[0].header

    @property
    def key(self) -> str:
        """Key of the run: the hash of its spec."""
        return str(self.header["run"])

    @property
    def spec(self) -> Mapping[str, Any]:
        """What identifies the training run."""
        return self.header["spec"]

    @property
    def seed(self) -> int:
        """Seed of the training run."""
        return int(self.spec["seed"])

    @property
    def evaluation(self) -> Mapping[str, Any]:
        """AP variant, and the gallery that decisions look at."""
        return self.header["evaluation"]

    @property
    def exits(self) -> tuple[Exit, ...]:
        """The exits, first to last."""
        return _exits(self.header)

    @property
    def learned(self) -> dict[str, Mapping[str, Any]]:
        """What policies learned from, by their names."""
        return learned_from(file.header for file in self.files)

    @property
    def history(self) -> Sequence[Mapping[str, Any]]:
        """What training noted after every epoch; empty where it noted nothing."""
        return (self.header.get("training") or {}).get("history") or ()


@dataclass(frozen=True, eq=False)
class Results:
    """All runs, one row of the table for each record, and remarks on what was passed over."""

    runs: tuple[Run, ...]
    table: pd.DataFrame
    remarks: tuple[str, ...]


def load(results: Path, folders: str = "runs/*/*") -> Results:
    """Read the runs under ``results``, all or one; of several sweeps of a run, the newest wins where they overlap."""
    places = sorted(results.glob(f"{folders}/records-*.jsonl"))
    if not places:
        raise BenchError(f"expected runs/<dataset>/<run>/records-*.jsonl under {results}, found none; {HINT}")
    found: dict[str, list[RecordsFile]] = {}
    remarks: list[str] = []
    for path in places:
        place = path.relative_to(results).as_posix()
        try:
            file = _read(path, place)
        except BenchError as problem:
            remarks.append(f"left out: {str(problem).replace(str(path), place)}")
        except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as problem:
            remarks.append(f"left out: {place} is no records file of this suite ({type(problem).__name__}: {problem})")
        else:
            found.setdefault(f"{file.header['run']}:{evaluation_key(file.header)[:8]}", []).append(file)
    if not found:
        raise BenchError("\n".join([f"no records under {results / 'runs'} can be used; {HINT}", *remarks]))
    runs, rows = [], []
    for identity, files in sorted(found.items()):
        current, outdated = _current(files)
        remarks += [f"left out: {file.place} is of an older version of the sweep; run it again" for file in outdated]
        run = Run(identity, current)
        rows += _newest_rows(run)
        # From here on the table has the records, and the run tells where they are from.
        runs.append(Run(identity, tuple(replace(file, rows=()) for file in current)))
    return Results(tuple(runs), pd.DataFrame(rows), tuple(sorted(remarks)))


def _read(path: Path, place: str) -> RecordsFile:
    header, records = read_records(path)
    spec, evaluation = header["spec"], header["evaluation"]
    names = {str(spec[name]) for name in ("dataset", "fingerprint", "method", "preset")}
    if "" in names or not header["run"] or not header["provenance"]:
        raise ValueError("the header leaves run, dataset, method, preset or provenance empty")
    int(spec["seed"]), str(evaluation["ap"]), str(evaluation["signals"]), header["provenance"].get("at")
    if not isinstance(header["dataset"]["counts"], dict):
        raise TypeError("counts of the dataset are not named")
    history = (header.get("training") or {}).get("history") or ()
    for part in (header.get("sweep") or {}, header.get("method") or {}, *history):
        if not isinstance(part, Mapping):
            raise TypeError("parts of the header are not named")
    exits = _exits(header)
    rows = tuple(_row(record, exits) for record in records)
    if sorted(row["exit"] for row in rows if row["kind"] == "exit") != list(range(len(exits))) or not exits:
        raise ValueError(f"not one record for each of {len(exits)} exits")
    return RecordsFile(place, header, rows)


def _exits(header: Mapping[str, Any]) -> tuple[Exit, ...]:
    return tuple(Exit(str(part["name"]), str(part["code"]), int(part["dim"])) for part in header["exits"])


def _row(record: Mapping[str, Any], exits: Sequence[Exit]) -> dict[str, Any]:
    """Lay one record flat: an infinite ``a`` as a number, the share of every exit in a column of its own."""
    kind, exit_index = record["kind"], record.get("exit")
    if kind not in KINDS:
        raise ValueError(f"unknown kind of record {kind!r}")
    row: dict[str, Any] = {"kind": kind, "policy": str(record["policy"]), "thresholding": str(record["thresholding"])}
    row["a"] = math.nan if record.get("a") is None else float(record["a"])
    row["exit"] = math.nan if exit_index is None else int(exit_index)
    row["exit_name"] = exits[int(exit_index)].name if exit_index is not None else ""
    shares = record.get("exit_fractions", ())
    if kind == "policy" and len(shares) != len(exits):
        raise ValueError(f"{len(shares)} exit shares for {len(exits)} exits")
    for index, share in enumerate(shares):
        row[f"exit_fraction_{index + 1}"] = _finite(share)
    texts = {"other": str(record.get("other", "")), "threshold_from": str(record.get("threshold_from", ""))}
    row |= texts
    taken = {"kind", "policy", "thresholding", "a", "exit", "exit_fractions", *texts}
    row |= _all_finite({name: value for name, value in record.items() if name not in taken and value is not None})
    if kind in SUMMARIES:
        return row
    constrained = kind == "oracle" and record["thresholding"] == "constrained"
    needed = ("mAP", "rank-1") if not constrained else ()
    missing = [name for name in ("requested_cost", "realised_cost", *needed) if name not in row]
    if missing or not any(metric in row for metric in METRICS):
        raise ValueError(f"a record of kind {kind} lacks {', '.join(missing) or 'every metric'}")
    return row


def _all_finite(values: Mapping[str, Any]) -> dict[str, float]:
    numbers = dict(zip(values, map(float, values.values()), strict=True))
    if not all(map(math.isfinite, numbers.values())):
        raise ValueError(
            f"a finite number is expected for {', '.join(n for n in numbers if not math.isfinite(numbers[n]))}"
        )
    return numbers


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} where a finite number is expected")
    return number


def _current(files: Sequence[RecordsFile]) -> tuple[tuple[RecordsFile, ...], list[RecordsFile]]:
    """Part files of the newest sweep version, newest file first, from those of older versions."""
    newest_first = sorted(files, key=lambda file: file.age, reverse=True)
    versions = [(file.header.get("sweep") or {}).get("sweep_version") for file in newest_first]
    known = [version for version in versions if version is not None]
    latest = max(known) if known else None
    pairs = list(zip(newest_first, versions, strict=True))
    return (
        tuple(file for file, version in pairs if version in (None, latest)),
        [file for file, version in pairs if version not in (None, latest)],
    )


def _newest_rows(run: Run) -> list[dict[str, Any]]:
    """One row for each (kind, policy, other, thresholding, a, exit); an oracle's curve has one key and comes whole."""
    owner: dict[tuple[Any, ...], RecordsFile] = {}
    rows = []
    about = {"run": run.identity, **{name: run.spec[name] for name in ("dataset", "method", "preset", "seed")}}
    for file in run.files:
        for row in file.rows:
            # A grid of 11 budgets meets every other point of one of 21, but for the last digits of the root.
            key = (
                *(row[name] for name in ("kind", "policy", "other", "thresholding")),
                f"{row['a']:.9g}",
                row["exit_name"],
            )
            if owner.setdefault(key, file) is file:
                rows.append({**about, **row})
    return rows
