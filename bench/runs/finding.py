"""Runs that are kept under a results folder: found by any part of their name, and read back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from glob import escape
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.files import read_json
from bench.running.store import RunFolder
from bench.runs.load import load
from bench.runs.records import evaluation_key, learned_from, read_records

LISTED = 30
"""How many names an error lists."""
NEEDED = ("dataset", "fingerprint", "method", "preset", "seed")
"""What every spec names."""


@dataclass(frozen=True)
class Records:
    """One records file: results of one sweep, or of the exits alone."""

    name: str
    header: Mapping[str, Any]
    records: Sequence[Mapping[str, Any]]

    @property
    def swept(self) -> bool:
        """Whether there are points of policies."""
        return any(record["kind"] == "policy" for record in self.records)


@dataclass(frozen=True)
class Scored:
    """All that was recorded of a run under one evaluation, the newest file first."""

    files: tuple[Records, ...]

    @property
    def evaluation(self) -> Mapping[str, Any]:
        """AP variant, the gallery that decisions look at, views of the images."""
        return self.files[0].header["evaluation"]

    @property
    def evaluation_key(self) -> str:
        """What exit tables and fitted policies are named by."""
        return evaluation_key(self.files[0].header)

    @property
    def exits(self) -> tuple[str, ...]:
        """Names of the exits, first to last."""
        return tuple(str(part["name"]) for part in self.files[0].header["exits"])

    @property
    def learned(self) -> Mapping[str, Any]:
        """What policies learned from, by their names."""
        return learned_from(file.header for file in self.files)

    @property
    def shown(self) -> Records:
        """The newest sweep, or else the newest records of the exits alone."""
        return next((file for file in self.files if file.swept), self.files[0])


@dataclass(frozen=True)
class KeptRun:
    """One run as its folder keeps it.

    ``training`` is None where training has not ended. ``scored`` holds the run's records, one entry for each way in
    which it was evaluated, the newest first; ``remarks`` say which files could not be used.
    """

    folder: RunFolder
    key: str
    spec: Mapping[str, Any]
    training: Mapping[str, Any] | None
    scored: tuple[Scored, ...]
    remarks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.path.name


def find_run(results: Path, wanted: str) -> RunFolder:
    """Find the one run that ``wanted`` means: a path to its folder, its name, first digits of its key, or a part.

    Whole words of a name count before mere parts, so that seed1 does not also mean seed10.
    """
    if (Path(wanted) / "spec.json").is_file():
        return RunFolder(Path(wanted).resolve())
    folders = sorted(path.parent for path in results.glob("runs/*/*/spec.json"))
    if not folders:
        raise BenchError(
            f"expected runs/<dataset>/<run>/spec.json under {results}, found none; name another folder with --results, "
            "or make a run with: bench run --method hashreid --budget-sweep"
        )
    exact = [folder for folder in folders if wanted in (folder.name, f"{folder.parent.name}/{folder.name}")]
    words = [folder for folder in folders if f"-{wanted}-" in f"-{folder.name}-" or _key_starts(folder, wanted)]
    parts = [folder for folder in folders if wanted in f"{folder.parent.name}/{folder.name}"]
    for meant in (exact, words, parts) if wanted else ():
        if len(meant) == 1:
            return RunFolder(meant[0])
        if meant:
            raise BenchError(
                f"{wanted!r} is a part of {len(meant)} runs' names under {results}; say more of the one that is meant:"
                f"\n{_listed(meant)}"
            )
    raise BenchError(f"no run {wanted!r} under {results}; {_nearest(wanted, folders)}there are:\n{_listed(folders)}")


def read_run(folder: RunFolder) -> KeptRun:
    """Read spec, training and records of a run; a damaged file of the latter two costs a remark, and nothing else."""
    spec = read_json(folder.spec)
    absent = [name for name in NEEDED if not isinstance(spec, Mapping) or name not in spec]
    if absent:
        raise BenchError(
            f"{folder.spec} is no spec of this suite: it lacks {', '.join(absent)}; remove {folder.path} and run again"
        )
    remarks: list[str] = []
    training = None
    if folder.training.exists():
        try:
            training = read_json(folder.training)
        except BenchError as problem:
            remarks.append(str(problem))
    scored: tuple[Scored, ...] = ()
    if any(folder.path.glob("records-*.jsonl")):
        try:
            scored, left_out = _scored(folder)
        except BenchError as problem:
            remarks.append(str(problem))
        else:
            remarks += left_out
    key = str(spec.get("key", ""))
    spec = {name: value for name, value in spec.items() if name not in ("schema", "key")}
    return KeptRun(folder, key, spec, training if isinstance(training, Mapping) else None, scored, tuple(remarks))


def _scored(folder: RunFolder) -> tuple[tuple[Scored, ...], Sequence[str]]:
    """Read what the report would read of this folder, and what it would remark."""
    found = load(folder.path.parent, escape(folder.path.name))
    runs = sorted(found.runs, key=lambda run: run.files[0].age, reverse=True)
    names = [[file.place.rpartition("/")[2] for file in run.files] for run in runs]
    return tuple(
        Scored(tuple(Records(name, *read_records(folder.path / name)) for name in files)) for files in names
    ), found.remarks


def _key_starts(folder: Path, wanted: str) -> bool:
    """Whether the key, whose first digits end the folder's name, starts with ``wanted``, or is that of more digits."""
    start = folder.name.rpartition("-")[2]
    if not wanted.startswith(start):
        return start.startswith(wanted)
    return str(read_json(folder / "spec.json").get("key", "")).startswith(wanted)


def _nearest(wanted: str, folders: Iterable[Path]) -> str:
    """Ask whether the nearest name was meant, by the name with its key and without."""
    names = {name: folder.name for folder in folders for name in (folder.name, folder.name.rpartition("-")[0])}
    close = get_close_matches(wanted, names, n=1, cutoff=0.5)
    return f"did you mean {names[close[0]]!r}? " if close else ""


def _listed(folders: list[Path]) -> str:
    lines = [f"  {folder.name}" for folder in folders[:LISTED]]
    return "\n".join([*lines, *([f"  and {len(folders) - LISTED} more"] if len(folders) > LISTED else [])])
