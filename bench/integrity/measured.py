"""Whether measurements beside the runs are still what was written, and agree with the runs that they name.

Measurements are latencies (``bench latency``), early exits (``bench infer``), search studies (``bench search``) and
searches of large galleries (``bench gallery scale``), which name no run.
Checked are digest, form, and what follows from the runs' records: exits, exit fractions, mAP and rank-1 where nothing
but the time was measured anew. Times themselves cannot be checked.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from bench.budget.query_scores import CURVE_METRICS
from bench.cost.profiles import LATENCIES, network_key
from bench.digests import verify
from bench.errors import WRONG_FORM, BenchError
from bench.files import read_json
from bench.inference.records import INFERENCES
from bench.integrity.checks import SAME, Finding, Verification, checked, is_hidden, no_digest
from bench.measurements import MeasurementKind
from bench.progress import SILENT, Reporter
from bench.report.studies import SCALES, STUDIES
from bench.runs.records import cost_of, read_header, read_records, records_under

AGAIN = "put a whole copy in its place, or measure again; --repair leaves it, as times cannot be made again"
Record = Mapping[str, Any]


class Disagreement(BenchError):
    """A measurement says otherwise than the records of the run that it names."""


@dataclass(frozen=True)
class _Sweep:
    """One records file of a run, read when it is asked for."""

    path: Path
    header: Record

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """Its records; none where they cannot be read, which is told of the file itself."""
        try:
            return read_records(self.path)[1]
        except BenchError:
            return []

    @property
    def exits(self) -> list[dict[str, Any]]:
        """Records of the exits, first to last."""
        return sorted((one for one in self.records if one["kind"] == "exit"), key=lambda one: int(one["exit"]))


Runs = Mapping[str, list[_Sweep]]
"""Sweeps under a results folder by the key of their run."""


def verify_measurements(results: Path, verification: Verification, reporter: Reporter = SILENT) -> None:
    """Check every measurement under a results folder, and add what is found."""
    kinds: tuple[tuple[MeasurementKind, Callable[[Any, Runs], Sequence[str]]], ...] = (
        (LATENCIES, _latency),
        (INFERENCES, _inference),
        (STUDIES, _study),
        (SCALES, lambda *_: ()),
    )
    found = [
        (path, path.parents[place.count("/")], kind, compare)
        for kind, compare in kinds
        for place in kind.places
        for path in sorted(results.glob(f"**/{place}"))
        if not is_hidden(path, results)
    ]
    everywhere = _runs(results) if found else {}
    with reporter.task("verify measurements", len(found), unit="files") as task:
        for path, folder, kind, compare in found:
            verification.files += 1
            # The same run may have been trained on two machines: a measurement is of the one that it lies beside.
            beside = {
                key: here
                for key, sweeps in everywhere.items()
                if (here := [sweep for sweep in sweeps if sweep.path.is_relative_to(folder / "runs")])
            }
            of_kind = partial(_remarks, kind=kind, compare=compare, runs=ChainMap(beside, everywhere))
            verification.findings += checked(path, of_kind, AGAIN)
            task.advance()


def _runs(results: Path) -> dict[str, list[_Sweep]]:
    sweeps: dict[str, list[_Sweep]] = {}
    for path in chain.from_iterable(records_under(folder) for folder in sorted(results.glob("**/runs/*/*"))):
        try:
            header = read_header(path)
            sweeps.setdefault(str(header["run"]), []).append(_Sweep(path, header))
        except (BenchError, *WRONG_FORM):  # told of the file itself
            continue
    return sweeps


def _remarks(
    path: Path, kind: MeasurementKind, compare: Callable[[Any, Runs], Sequence[str]], runs: Runs
) -> Iterator[Finding]:
    digested = verify(path)
    record = read_json(path)
    kind.check(path, record)
    absent = compare(record, runs)
    if not digested:
        yield no_digest(path)
    for what in absent:
        yield Finding(path, f"{what} is not here", "nothing, or bring the run's records", wrong=False)


def _latency(record: Record, runs: Runs) -> list[str]:
    """Compare the exits with those of the runs of the same network."""
    for sweep in chain.from_iterable(runs.values()):
        spec = sweep.header["spec"]
        size = (spec.get("recipe") or {}).get("input_size")
        if size and network_key(str(spec["method"]), spec.get("network") or {}, size) == record["network"]:
            names = [exit_["name"] for exit_ in sweep.header["exits"]]
            if names != list(record["exits"]):
                raise Disagreement(f"times the exits {', '.join(record['exits'])}, {_named(sweep)} has {names}")
            return []
    return [f"a run of the network that it times ({record['method']} {record['preset']})"]


def _inference(record: Record, runs: Runs) -> list[str]:
    """Compare each contestant with its own answers, and with the records of its run."""
    absent = []
    for one in record["contestants"]:
        name, fractions = one["name"], np.array(one["exit_fractions"], dtype=float)
        taken = np.bincount(np.array(one["values"]["exits"], dtype=int), minlength=len(fractions))
        _agree(f"exit fractions of {name}", fractions, taken / max(taken.sum(), 1), "by its own queries")
        key = str(one.get("run", record["run"]))
        sweep = _swept(runs.get(key, ()), record["evaluation"])
        if sweep is None:
            absent.append(f"run {key[:8]} under that evaluation, which {name} is of,")
            continue
        counts = sweep.header["dataset"]["counts"]
        whole = (record["queries"], record["gallery"]) == (counts.get("query images"), counts.get("gallery images"))
        exact = whole and not record.get("kept_gallery") and one.get("bits_compared") and not one["bits_changed"]
        expected = _recorded(one, record, sweep) if exact else None
        if expected is not None:
            _agree(f"exit fractions of {name}", fractions, expected["fractions"], f"by {_named(sweep)}")
            for metric in CURVE_METRICS:
                _agree(f"{metric} of {name}", one[metric], expected[metric], f"by {_named(sweep)}")
    return list(dict.fromkeys(absent))


def _recorded(one: Record, record: Record, sweep: _Sweep) -> dict[str, Any] | None:
    """What a run's records have of a contestant: an exit alone, or the same policy at the same budget."""
    names = [exit_["name"] for exit_ in sweep.header["exits"]]
    if one.get("exit") in names:
        row = sweep.exits[names.index(one["exit"])]
        fractions = np.zeros(len(one["exit_fractions"]))
        fractions[names.index(one["exit"]) if len(fractions) == len(names) else -1] = 1
        return {**row, "fractions": fractions}
    if one["kind"] != "engine" or record["thresholding"] != "calibrated" or one["decisions_changed"]:
        return None
    for row in sweep.records:
        same = row["kind"] == "policy" and (row["policy"], row["thresholding"]) == (one["policy"], "calibrated")
        if same and row["a"] is not None and f"{row['a']:.9g}" == f"{one['a']:.9g}":
            return {**row, "fractions": np.array(row["exit_fractions"], dtype=float)}
    return None


def _study(record: Record, runs: Runs) -> list[str]:
    """Compare the accuracy of every exit with the records of its run."""
    absent = []
    for row in record["accuracy"]:
        sweep = _swept(runs.get(str(row["run"]), ()), record["evaluation"])
        if sweep is None:
            absent.append(f"run {str(row['run'])[:8]} under that evaluation")
            continue
        found = {exit_["name"]: one for exit_, one in zip(sweep.header["exits"], sweep.exits, strict=False)}
        if row["exit"] not in found:
            raise Disagreement(f"has an exit {row['exit']}, which {_named(sweep)} has not")
        for metric in CURVE_METRICS:
            _agree(f"{metric} of {row['exit']}, seed {row['seed']},", row[metric], found[row["exit"]][metric], "")
    return list(dict.fromkeys(absent))


def _swept(sweeps: Sequence[_Sweep], evaluation: Record) -> _Sweep | None:
    """Choose a run's sweep over multiply-adds under an evaluation, the newest."""
    fitting = [
        sweep
        for sweep in sweeps
        if all(sweep.header["evaluation"].get(name) == value for name, value in evaluation.items())
        and cost_of(sweep.header)["name"] == "macs"
        and sweep.exits
    ]
    return max(fitting, key=lambda sweep: str(sweep.header["provenance"].get("at", "")), default=None)


def _agree(what: str, found: Any, expected: Any, by: str) -> None:
    if not np.allclose(found, expected, rtol=0, atol=SAME):
        numbers = [np.array2string(np.asarray(value, dtype=float), precision=9) for value in (found, expected)]
        raise Disagreement(f"{what} is {numbers[0]}, {by or 'by the records of its run'} it is {numbers[1]}")


def _named(sweep: _Sweep) -> str:
    return f"{sweep.path.parent.name}/{sweep.path.name}"
