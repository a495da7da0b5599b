"""One model of finished runs, and how they are read from a results folder.

A :class:`RecordsFile` is one sweep. A :class:`Run` is one trained network under one evaluation, with all of its sweeps.
:class:`Results` are all runs with one table of their records. :func:`each_run` reads one run after the other, for
those who need one at a time; :func:`load` holds them all.

A records file that is damaged, or that another program wrote, costs a remark and nothing else: one bad file must not
take the others' results away.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from bench.digests import without_digest
from bench.errors import BenchError
from bench.runs.frames import Frames, FramesFile
from bench.runs.records import cost_of, evaluation_key, learned_from, read_header, read_records, records_under
from bench.runs.rows import check_header, flat_rows
from bench.spec import digest

HINT = "make some with: bench run --method hashreid --budget-sweep"
WRONG_FORM = (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What reading values of another form than ours ends in."""


@dataclass(frozen=True)
class Exit:
    """One exit as the records' header states it: ``code`` is binary or continuous, ``length`` in bits or numbers."""

    name: str
    code: str
    length: int


@dataclass(frozen=True)
class RecordsFile:
    """One records file: its place under the results folder, its header, and its records.

    Where a table holds the records (:func:`load`), ``records`` is empty.
    """

    place: str
    header: Mapping[str, Any]
    records: tuple[Mapping[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.place.rpartition("/")[2]

    @property
    def age(self) -> tuple[str, str]:
        """Order files from old to new: the date (UTC, ISO) of the sweep, then the name."""
        return str(self.header["provenance"].get("at", "")), self.place

    @property
    def exits(self) -> tuple[Exit, ...]:
        """The exits, first to last."""
        return tuple(Exit(str(part["name"]), str(part["code"]), int(part["dim"])) for part in self.header["exits"])

    @property
    def swept(self) -> bool:
        """Whether there are points of policies."""
        return any(record["kind"] == "policy" for record in self.records)

    def policy_version(self, policy: str) -> int:
        """Version of a policy that this file records; files of before policies had versions record the first."""
        return int((self.header.get("policy_versions") or {}).get(policy, 1))

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """One flat row for each record."""
        return flat_rows(self.records, [exit_.name for exit_ in self.exits])


@dataclass(frozen=True)
class Run:
    """One trained network under one evaluation and cost, with every records file that tells of it, the newest first."""

    identity: str
    """Run key, evaluation and cost in one: what the rows of the table name."""
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
        """AP variant, the gallery that decisions look at, views of the images."""
        return self.header["evaluation"]

    @property
    def cost(self) -> Mapping[str, Any]:
        """What budgets are in: name and unit, and what was measured where."""
        return cost_of(self.header)

    @property
    def evaluation_key(self) -> str:
        """What exit tables and fitted policies are named by."""
        return evaluation_key(self.header)

    @property
    def exits(self) -> tuple[Exit, ...]:
        """The exits, first to last."""
        return self.files[0].exits

    @property
    def learned(self) -> dict[str, Mapping[str, Any]]:
        """What policies learned from, by their names."""
        return learned_from(file.header for file in self.files)

    def policy_version(self, policy: str) -> int:
        """Latest version of a policy among the files; what earlier ones recorded of it counts no more."""
        return max(file.policy_version(policy) for file in self.files)

    @property
    def history(self) -> Sequence[Mapping[str, Any]]:
        """What training noted after every epoch; empty where it noted nothing."""
        return (self.header.get("training") or {}).get("history") or ()

    @property
    def shown(self) -> RecordsFile:
        """The newest sweep, or else the newest records of the exits alone."""
        return next((file for file in self.files if file.swept), self.files[0])


@dataclass(frozen=True, eq=False)
class Results:
    """All runs, the records of each by its identity, and remarks on what was passed over."""

    runs: tuple[Run, ...]
    frames: Mapping[str, Frames]
    remarks: tuple[str, ...]

    @property
    def table(self) -> pd.DataFrame:
        """One row for each record of all runs, made anew: for a few hundred runs it takes a lot of memory."""
        return pd.concat(
            [frame for run in self.runs for frame in self.frames[run.identity].values()], ignore_index=True
        )


def load(results: Path, folders: str = "runs/*/*", kept_in: FramesFile | None = None) -> Results:
    """Read the runs under ``results``, all or some; of several sweeps of a run, the newest wins where they overlap.

    The records are held in memory, or in the file ``kept_in``, which has to stay while they are used.
    Raises BenchError where there are no records, or none that can be used.
    """
    remarks: list[str] = []
    runs: list[Run] = []
    frames: dict[str, Frames] = {}
    places: list[Path] = []
    for run in _uncollected(each_run(results, remarks, folders)):
        places += [results / file.place for file in run.files]
        by_kind: dict[str, list[dict[str, Any]]] = {}
        for row in newest_rows(run):
            by_kind.setdefault(row["kind"], []).append(row)
        if kept_in:
            frames[run.identity] = kept_in.add(by_kind)
        else:
            # Copied, a frame's numbers stand in one block: a small block for each column leaves memory full of holes.
            frames[run.identity] = {kind: pd.DataFrame(rows).copy() for kind, rows in by_kind.items()}
        # From here on the frames have the records, and the run tells where they are from.
        runs.append(Run(run.identity, tuple(replace(file, records=()) for file in run.files)))
    return Results(tuple(runs), frames, (*sorted(remarks), *filter(None, [without_digest(places)])))


def each_run(results: Path, remarks: list[str], folders: str = "runs/*/*") -> Iterator[Run]:
    """Give the runs under ``results`` one after the other, each with its records; adds to ``remarks`` what is left out.

    Raises BenchError where there are no records, or, at the end, where none could be used.
    """
    paths = require_records(results, folders)
    found: dict[str, list[Path]] = {}
    for path in paths:
        with _remarked(path, results, remarks):
            found.setdefault(_identity(path), []).append(path)
    usable = False
    for identity, own in sorted(found.items()):
        files: list[RecordsFile] = []
        for path in own:
            with _remarked(path, results, remarks):
                files.append(_read(path, results))
        if not files:
            continue
        current, outdated = _current(files)
        remarks += [f"left out: {file.place} is of an older version of the sweep; run it again" for file in outdated]
        usable = True
        yield Run(identity, current)
    if not usable:
        raise BenchError("\n".join([f"no records under {results / 'runs'} can be used; {HINT}", *sorted(remarks)]))


def _uncollected(runs: Iterator[Run]) -> Iterator[Run]:
    """Give the runs with the cyclic collector at rest: records hold no cycles, and it takes a third of their time."""
    at_work = gc.isenabled()
    gc.disable()
    try:
        yield from runs
    finally:
        if at_work:
            gc.enable()


def require_records(results: Path, folders: str = "runs/*/*") -> list[Path]:
    """Find the records files under ``results``. Raises BenchError where there are none."""
    paths = records_under(results, folders)
    if not paths:
        raise BenchError(f"expected runs/<dataset>/<run>/records-*.jsonl under {results}, found none; {HINT}")
    return paths


def newest_rows(run: Run) -> list[dict[str, Any]]:
    """Lay a run flat: one row for each key, of the newest sweep that has it.

    The key is (kind, policy, other, people, thresholding, a, exit); an oracle's curve has one, and comes whole. What an
    earlier version of a policy recorded is left out where a later one did.
    """
    owner: dict[tuple[Any, ...], RecordsFile] = {}
    rows = []
    about = {"run": run.identity, **{name: run.spec[name] for name in ("dataset", "method", "preset", "seed")}}
    if len(run.files) == 1:
        return [{**about, **row} for row in run.files[0].rows]
    for file in run.files:
        for row in file.rows:
            if any(file.policy_version(name) < run.policy_version(name) for name in (row["policy"], row["other"])):
                continue
            # A grid of 11 budgets meets every other point of one of 21, but for the last digits of the root.
            key = (
                *(row[name] for name in ("kind", "policy", "other", "people", "thresholding")),
                f"{row['a']:.9g}",
                row["exit_name"],
            )
            if owner.setdefault(key, file) is file:
                rows.append({**about, **row})
    return rows


@contextmanager
def _remarked(path: Path, results: Path, remarks: list[str]) -> Iterator[None]:
    """Remark why a records file is left out, where reading it fails."""
    place = path.relative_to(results).as_posix()
    try:
        yield
    except BenchError as problem:
        remarks.append(f"left out: {str(problem).replace(str(path), place)}")
    except WRONG_FORM as problem:
        remarks.append(f"left out: {place} is no records file of this suite ({type(problem).__name__}: {problem})")


def _identity(path: Path) -> str:
    header = read_header(path)
    return f"{header['run']}:{digest([evaluation_key(header), cost_of(header)])[:8]}"


def _read(path: Path, results: Path) -> RecordsFile:
    header, records = read_records(path)
    check_header(header)
    file = RecordsFile(path.relative_to(results).as_posix(), header, tuple(records))
    if not file.rows:
        raise ValueError("no records")
    return file


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
