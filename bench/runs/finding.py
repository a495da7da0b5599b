"""Runs that are kept under a results folder: found by any part of their name, and read back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path
from typing import Any

from bench.digests import without_digest
from bench.errors import BenchError
from bench.files import read_json
from bench.runs.finished import Run
from bench.runs.folder import RunFolder
from bench.runs.known_files import is_known
from bench.runs.load import each_run
from bench.runs.records import records_under

LISTED = 30
"""How many names an error lists."""
NEEDED = ("dataset", "fingerprint", "method", "preset", "seed")
"""What every spec names."""


@dataclass(frozen=True)
class KeptRun:
    """One training run as its folder keeps it.

    ``training`` is None where training has not ended. ``scored`` holds its records, one
    :class:`~bench.runs.finished.Run` for each evaluation, the newest first; ``remarks`` say which files could not be
    used.
    """

    folder: RunFolder
    key: str
    spec: Mapping[str, Any]
    training: Mapping[str, Any] | None
    scored: tuple[Run, ...]
    remarks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.path.name


def find_run(results: Path, wanted: str) -> RunFolder:
    """Find the one run that ``wanted`` means: a path to its folder, its name, first digits of its key, or a part.

    Whole words of a name count before mere parts, so that seed1 does not also mean seed10. Raises BenchError where
    there is none, or more than one.
    """
    if (Path(wanted) / "spec.json").is_file():
        return RunFolder(Path(wanted).resolve())
    meant = _meant(results, wanted)
    if len(meant) == 1:
        return RunFolder(meant[0])
    raise BenchError(
        f"{wanted!r} is a part of {len(meant)} runs' names under {results}; say more of the one that is meant:"
        f"\n{_listed(meant)}"
    )


def find_runs(results: Path, wanted: str) -> tuple[RunFolder, ...]:
    """Find all runs that ``wanted`` means, which may be several names with commas, and names with * and ?.

    A name that is a part of several runs' names means all of them. Raises BenchError where a name means none.
    """
    found: dict[Path, RunFolder] = {}
    for name in filter(None, map(str.strip, wanted.split(","))):
        is_path = (Path(name) / "spec.json").is_file()
        folders = [Path(name).resolve()] if is_path else _meant(results, name)
        found |= {folder.resolve(): RunFolder(folder) for folder in folders}
    if not found:
        raise BenchError(f"{wanted!r} names no run; name one, or several with commas")
    return tuple(found.values())


def _meant(results: Path, wanted: str) -> list[Path]:
    """Give the folders that a name means: in full, else as whole words, else in part; or those that a pattern fits.

    Of several that have the words, those of the method of that name count first: mine does not also mean mine-wide.
    """
    folders = [folder.path for folder in every_run(results)]
    exact = [folder for folder in folders if wanted in (folder.name, f"{folder.parent.name}/{folder.name}")]
    words = [folder for folder in folders if f"-{wanted}-" in f"-{folder.name}-" or _key_starts(folder, wanted)]
    parts = [folder for folder in folders if wanted in f"{folder.parent.name}/{folder.name}"]
    fitting = [folder for folder in folders if set("*?[") & set(wanted) and _fits(folder, wanted)]
    of_method = [] if exact or len(words) < 2 else [folder for folder in words if _method(folder) == wanted]
    for meant in (exact, of_method, words, parts, fitting) if wanted else ():
        if meant:
            return meant
    raise BenchError(f"no run {wanted!r} under {results}; {_nearest(wanted, folders)}there are:\n{_listed(folders)}")


def _method(folder: Path) -> Any:
    """Method of a run; None where its spec cannot be read, which is told where the run itself is."""
    with suppress(BenchError):
        return read_json(folder / "spec.json").get("method")
    return None


def _fits(folder: Path, pattern: str) -> bool:
    """Whether a pattern fits a folder's name, with its key or without, with the dataset's or without."""
    names = (folder.name, folder.name.rpartition("-")[0])
    return any(fnmatchcase(name, pattern) or fnmatchcase(f"{folder.parent.name}/{name}", pattern) for name in names)


def every_run(results: Path) -> list[RunFolder]:
    """List the folders of all runs, by name. Raises BenchError where there are none."""
    folders = sorted(path.parent for path in results.glob("runs/*/*/spec.json"))
    if not folders:
        raise BenchError(
            f"expected runs/<dataset>/<run>/spec.json under {results}, found none; name another folder with --results, "
            "or make a run with: bench run --method hashreid --budget-sweep"
        )
    return [RunFolder(folder) for folder in folders]


def read_run(folder: RunFolder) -> KeptRun:
    """Read spec, training and records of a run; a damaged file of the latter two costs a remark, and nothing else.

    Raises BenchError where the spec cannot be read or is none.
    """
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
    scored: list[Run] = []
    if records_under(folder.path):
        left_out: list[str] = []
        try:
            scored += each_run(folder.path.parent, left_out, escape(folder.path.name))
        except BenchError as problem:
            remarks.append(str(problem))
        else:
            remarks += sorted(left_out)
    known = sorted(path for path in folder.path.iterdir() if path.is_file() and is_known(path.name))
    # Of a damaged file, its digest is not what there is to say.
    whole = [path for path in known if not any(path.name in remark for remark in remarks)]
    remarks += filter(None, [without_digest(whole)])
    scored.sort(key=lambda run: run.files[0].age, reverse=True)
    key = str(spec.get("key", ""))
    spec = {name: value for name, value in spec.items() if name not in ("schema", "key")}
    return KeptRun(
        folder, key, spec, training if isinstance(training, Mapping) else None, tuple(scored), tuple(remarks)
    )


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
