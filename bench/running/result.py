"""What a run came to, found under its name or made and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.budget.policy import LearnedPolicy, Policy
from bench.progress import SILENT, Reporter
from bench.running.keep import find, saving
from bench.runs.folder import RunFolder
from bench.runs.records import read_records, write_records
from bench.runs.rows import check_header, flat_rows
from bench.spec import EvaluationSpec, SweepSpec, digest

Scored = tuple[dict[str, Any], list[dict[str, Any]]]
"""Header and records of one sweep."""


@dataclass(frozen=True)
class RunResult:
    """Result of a run: its folder, its records, whether they were there already, and the file that they are in."""

    folder: RunFolder
    header: Mapping[str, Any]
    records: list[dict[str, Any]]
    cached: bool
    path: Path


def records_path(
    folder: RunFolder,
    evaluation: EvaluationSpec,
    sweep: SweepSpec,
    policies: Sequence[Policy | LearnedPolicy],
    told: Sequence[str] = (),
) -> Path:
    """Name the records of a sweep in a run's folder by all that they depend on; ``told`` is what else there is."""
    # A first version says nothing, so that what was kept before policies had versions stays valid.
    later = {name: version for name, version in policy_versions(policies).items() if version > 1}
    return folder.records(digest([evaluation.key, sweep.key, *told, *([later] if later else [])]))


def policy_versions(policies: Sequence[Policy | LearnedPolicy]) -> dict[str, int]:
    """Give the version of each policy that learns, by its name; records made under another are not found again."""
    return {policy.name: policy.version for policy in policies if isinstance(policy, LearnedPolicy)}


def obtain_result(
    folder: RunFolder,
    path: Path,
    make: Callable[[], Scored],
    reporter: Reporter,
    *,
    fresh: bool = False,
    lacks: Callable[[RunResult], bool] = lambda kept: False,
    add: Callable[[RunResult], Scored] | None = None,
) -> RunResult:
    """Read the records at ``path`` in a run's folder, or make them with the folder held, and write them there.

    Results that are found are read without a lock, and nothing is written. ``fresh`` clears the folder first. What an
    earlier version of the suite did not record yet, ``add`` adds where the results ``lack`` it. Raises
    BenchError where another process holds the folder, or nothing can be written.
    """
    kept = None if fresh else _kept(folder, path, reporter)
    if kept is not None and not (add and lacks(kept)):
        return kept
    with folder.alone():
        if fresh:
            folder.clear()
        # Another process may have been at work in the meantime.
        kept = _kept(folder, path, SILENT) if path.exists() else None
        if kept is not None and not (add and lacks(kept)):
            return kept
        if kept is not None and add:
            header, records = add(kept)
            with saving(path):
                write_records(path, header, records)
            return replace(kept, header=header, records=records)
        header, records = make()
        with saving(path):
            write_records(path, header, records)
        return RunResult(folder, header, records, cached=False, path=path)


def _kept(folder: RunFolder, path: Path, reporter: Reporter) -> RunResult | None:
    """Read the results that are there already; None where there are none, or where they are damaged."""
    return find(path, lambda path: read_result(folder, path), reporter, found=f"results found in {path}")


def read_result(folder: RunFolder, path: Path) -> RunResult:
    """Read the records at ``path`` in a run's folder.

    Raises DamagedFile where they are not what was written or tell of another run or training than the one kept beside
    them, or what reading another form ends in.
    """
    header, records = read_records(path)
    folder.check_records(path, header)
    check_header(header)
    flat_rows(records, [exit_["name"] for exit_ in header["exits"]])
    return RunResult(folder, header, records, cached=True, path=path)
