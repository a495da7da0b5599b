"""How finished runs are read from a results folder.

:func:`each_run` reads one run after the other, for those who need one at a time; :func:`load` holds them all in memory,
and :func:`bench.runs.load_filed.load_filed` in files.

A records file that is damaged, or that another program wrote, costs a remark and nothing else: one bad file must not
take the others' results away.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any

from bench.digests import without_digest
from bench.errors import WRONG_FORM, BenchError
from bench.runs.finished import RecordsFile, Results, Run
from bench.runs.folder import trained_weights
from bench.runs.frames import Frames
from bench.runs.records import cost_of, evaluation_key, read_header, read_records, records_under
from bench.runs.rows import Alike, Columns, check_header, columns_of, rows_of
from bench.spec import digest

HINT = "make some with: bench run --method hashreid --budget-sweep"


def load(results: Path, folders: str = "runs/*/*") -> Results:
    """Read the runs under ``results``, all or some, into memory.

    Of several sweeps of a run, the newest wins where they overlap. What is too much for memory reads
    :func:`bench.runs.load_filed.load_filed`. Raises BenchError where there are no records, or none that can be used.
    """
    remarks: list[str] = []
    runs = [run.in_frames(Frames(tables_of_run(run))) for run in uncollected(each_run(results, remarks, folders))]
    return results_of(results, runs, remarks)


def results_of(results: Path, runs: Sequence[Run], remarks: Sequence[str]) -> Results:
    """Put together what was read under ``results``; remarks come in alphabetical order."""
    places = (results / file.place for run in runs for file in run.files)
    return Results(tuple(runs), (*sorted(remarks), *filter(None, [without_digest(places)])))


def each_run(results: Path, remarks: list[str], folders: str = "runs/*/*") -> Iterator[Run]:
    """Give the runs under ``results`` one after the other, each with its records; adds to ``remarks`` what is left out.

    Raises BenchError where there are no records, or, at the end, where none could be used.
    """
    usable = False
    for run in read_runs(results, paths_of_runs(results, remarks, folders), remarks):
        usable = True
        yield run
    if not usable:
        raise none_usable(results, remarks)


def paths_of_runs(results: Path, remarks: list[str], folders: str = "runs/*/*") -> dict[str, list[Path]]:
    """Find the records files of each run by its identity, in that order; adds to ``remarks`` what is left out.

    Raises BenchError where there are no records.
    """
    found: dict[str, list[Path]] = {}
    for path in require_records(results, folders):
        with _remarked(path, results, remarks):
            found.setdefault(_identity(path), []).append(path)
    return dict(sorted(found.items()))


def read_runs(results: Path, found: Mapping[str, Sequence[Path]], remarks: list[str]) -> Iterator[Run]:
    """Read runs from their records files, with their records; adds to ``remarks`` what is left out."""
    for identity, paths in found.items():
        files: list[RecordsFile] = []
        for path in paths:
            with _remarked(path, results, remarks):
                files.append(_read(path, results))
        if not files:
            continue
        current, outdated = _current(files)
        remarks += [f"left out: {file.place} is of an older version of the sweep; run it again" for file in outdated]
        current, others = _of_one_training(current)
        remarks += [
            f"left out: {file.place} tells of another training of its run than {current[0].name}; run it again"
            for file in others
        ]
        yield Run(identity, current)


def none_usable(results: Path, remarks: Sequence[str]) -> BenchError:
    """Say that of the records under ``results`` none can be used, and why."""
    return BenchError("\n".join([f"no records under {results / 'runs'} can be used; {HINT}", *sorted(remarks)]))


def uncollected(runs: Iterator[Run]) -> Iterator[Run]:
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


def tables_of_run(run: Run) -> dict[str, Columns]:
    """Lay a run flat: a table for each kind of its records, by its columns. Of each record the newest counts."""
    return {
        kind: {**{name: [value] * len(columns["kind"]) for name, value in _about(run).items()}, **columns}
        for kind, columns in columns_of(_newest(run)).items()
    }


def newest_rows(run: Run) -> list[dict[str, Any]]:
    """Lay a run flat: a row for each of its records, of which the newest counts."""
    about = _about(run)
    return [about | row for row in rows_of(_newest(run))]


def _about(run: Run) -> dict[str, Any]:
    """What each row of a run says of it."""
    return {"run": run.identity, **{name: run.spec[name] for name in ("dataset", "method", "preset", "seed")}}


def _newest(run: Run) -> list[Alike]:
    """Choose the records of one run, newest sweep first: of each key, those of the newest sweep that has it.

    The key is (kind, policy, other, people, thresholding, a, exit); an oracle's curve has one, and comes whole. What an
    earlier version of a policy recorded is left out where a later one did.
    """
    if len(run.files) == 1:
        return run.files[0].alike
    owner: dict[tuple[Any, ...], RecordsFile] = {}
    found: list[Alike] = []
    versioned = {name for file in run.files for name in file.header.get("policy_versions") or ()}
    for file, after in zip(run.files, accumulate((len(file.records) for file in run.files), initial=0), strict=False):
        outdated = {name for name in versioned if file.policy_version(name) < run.policy_version(name)}
        for alike in file.alike:
            columns = alike.columns
            # A grid of 11 budgets meets every other point of one of 21, but for the last digits of the root.
            keys = zip(
                *(columns[name] for name in ("policy", "other", "people", "thresholding")),
                (f"{a:.9g}" for a in columns["a"]),
                columns["exit_name"],
                strict=True,
            )
            current = [
                index
                for index, key in enumerate(keys)
                if outdated.isdisjoint(key[:2]) and owner.setdefault((alike.kind, *key), file) is file
            ]
            if current:
                found.append(alike.chosen(current, after))
    return found


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
    if not file.alike:
        raise ValueError("no records")
    return file


def _of_one_training(files: Sequence[RecordsFile]) -> tuple[tuple[RecordsFile, ...], list[RecordsFile]]:
    """Part files that tell of the same training as the first from those that tell of another."""
    trained = [trained_weights(file.header.get("training")) for file in files]
    alike = [weights == trained[0] for weights in trained]
    pairs = list(zip(files, alike, strict=True))
    return tuple(file for file, same in pairs if same), [file for file, same in pairs if not same]


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
