"""Whether what is kept is still what was written: a whole results folder, file by file and against each other.

Nothing is written and nothing is locked, so that a folder can be checked anywhere and while runs go on.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.budget.query_scores import METRICS, per_query_scores
from bench.digests import DamagedFile
from bench.errors import BenchError
from bench.files import read_json
from bench.progress import SILENT, Reporter
from bench.retrieval.table import ExitTable
from bench.runs.file_checks import WRONG_FORM, UnreadableFile, check_file, follows
from bench.runs.folder import RunFolder
from bench.runs.known_files import is_known
from bench.runs.records import evaluation_key, records_under
from bench.spec import EVALUATION_VERSION

SAME = 1e-9
"""How near the recorded metric the one must come that is computed again from the exit table."""
RECOMPUTED = ("mAP", "rank-1")
"""Metrics of the exits that are computed again."""
ABANDONED_SECONDS = 3600
"""A temporary file that is older was left by a process that was killed."""
TEMPORARY = re.compile(r"\..+(\.\w+)\.[a-z0-9_]{8}\1|\.(?:report|merge)-[a-z0-9_]{8}|\..+\.npy\.[0-9a-f]{32}\.partial")
"""Names of files and folders that are renamed, or vanish, when the process that writes them ends well."""
NO_DIGEST = "carries no digest, an earlier version wrote it: only its form is checked"
NO_NETWORK = (
    "put a whole copy in its place; the trained network that it was made from (weights.safetensors) is not here, or "
    "not whole: bench run would train again"
)
AS_IT_IS = "nothing; what is written from now on has one"


@dataclass(frozen=True)
class Finding:
    """Something about one file: ``wrong``, or else only to be known."""

    path: Path
    problem: str
    advice: str
    wrong: bool = True
    removable: tuple[Path, ...] = ()
    """What is in the way and can go: it is made again, or it was left by a process that has ended."""


@dataclass
class Verification:
    """What was checked, and what was found."""

    files: int = 0
    runs: int = 0
    recomputed: int = 0
    """Records files whose exits were computed again from the exit table."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def wrong(self) -> list[Finding]:
        """Findings that are no mere remarks."""
        return [finding for finding in self.findings if finding.wrong]


def verify_results(results: Path, reporter: Reporter = SILENT) -> Verification:
    """Check every run under a results folder, also where several results folders lie under it.

    Raises BenchError where there is no such folder, or no run in it.
    """
    found = (path for path in results.glob("**/runs/*/*") if path.is_dir())
    folders = sorted(path for path in found if not any(map(hidden, path.relative_to(results).parts)))
    if not folders:
        raise BenchError(f"expected runs/<dataset>/<run>/ in or under {results}, found none; name another folder")
    verification = Verification(runs=len(folders))
    with reporter.task("verify runs", len(folders), unit="runs") as task:
        for path in folders:
            _verify_run(RunFolder(path), verification)
            task.advance()
    verification.findings += temporary_files(results)
    return verification


def hidden(name: str) -> bool:
    """Whether a file or folder is nobody's business but its process's."""
    return name.startswith(".")


def temporary_files(folder: Path) -> Iterator[Finding]:
    """Find temporary files that were not renamed; those of an hour or more can go."""
    for path in sorted(folder.rglob(".*")):
        if not TEMPORARY.fullmatch(path.name):
            continue
        try:
            old = time.time() - path.stat().st_mtime > ABANDONED_SECONDS
        except OSError:  # its process has renamed or removed it
            continue
        yield Finding(
            path,
            "temporary file of a process that was killed" if old else "temporary file, perhaps of a process at work",
            "remove it (--repair does)" if old else "wait for the process; --repair removes it once it has ended",
            wrong=False,
            removable=(path,),
        )


def _verify_run(folder: RunFolder, verification: Verification) -> None:
    whole: dict[Path, Any] = {}
    findings = verification.findings
    kept = sorted(path for path in folder.path.iterdir() if path.is_file() and not path.name.startswith("."))
    trained = folder.weights.exists() and not _problem(folder.weights)
    for path in kept:
        verification.files += 1
        if not is_known(path.name):
            findings.append(Finding(path, "is not of this suite", "nothing, it is not read", wrong=False))
            continue
        try:
            digested, content = check_file(path)
        except BenchError as problem:
            if path.exists():
                findings.append(_judged(path, problem, trained))
            continue
        # Sweeps and tables are gone on with; embeddings may be large.
        whole[path] = content if path.name.startswith(("records-", "table-")) else None
        if not digested:
            findings.append(Finding(path, NO_DIGEST, AS_IT_IS, wrong=False))
    if kept and not folder.spec.exists():
        findings.append(
            Finding(folder.path, "has no spec.json: nothing says which run this is", "remove the folder, or run again")
        )
    if folder.checkpoint in whole and {folder.weights, folder.training} <= whole.keys():
        findings.append(
            Finding(folder.checkpoint, "is left of a training that has ended", "remove it", False, (folder.checkpoint,))
        )
    _verify_records(folder, whole, trained, verification)


def _problem(path: Path) -> BenchError | None:
    try:
        check_file(path)
    except BenchError as problem:
        return problem
    return None


def _judged(path: Path, problem: BenchError, trained: bool) -> Finding:
    """Say what to do about a file that did not pass."""
    what = str(problem).replace(f"{path}", path.name).split("; ")[0]
    if isinstance(problem, UnreadableFile):
        return Finding(path, f"cannot be read ({what})", "make it readable, and check again")
    if not isinstance(problem, DamagedFile):
        return Finding(path, what, "read it with the version of the suite that wrote it, or run again")
    if follows(path) and trained:
        return Finding(path, what, "remove it (--repair does); bench run makes it again", removable=(path,))
    if follows(path):
        return Finding(path, what, NO_NETWORK)
    if path.name == "spec.json":
        return Finding(path, what, "the same bench run writes it again")
    return Finding(path, what, "put a whole copy in its place, or bench run --fresh, which trains again")


def _verify_records(folder: RunFolder, whole: Mapping[Path, Any], trained: bool, verification: Verification) -> None:
    """Check each sweep against the spec, and its exits against the table that they came from."""
    key = read_json(folder.spec).get("key") if folder.spec in whole else None
    named: set[Path] = set()
    swept = sorted(path for path in whole if path.name.startswith("records-"))
    for path in swept:
        header, records = whole[path]
        if key is not None and header["run"] != key:
            verification.findings.append(
                Finding(path, "tells of another run than the spec.json beside it", "move it to the folder of its run")
            )
            continue
        table = folder.table("test", evaluation_key(header))
        named |= {table, folder.table("calibration", evaluation_key(header))}
        if table not in whole:
            continue
        verification.recomputed += 1
        difference = _difference(table, whole[table], header, records)
        if difference:
            advice = "remove both (--repair does); bench run makes them again" if trained else "run again"
            verification.findings.append(Finding(path, difference, advice, removable=(path, table) if trained else ()))
    if len(swept) < len(records_under(folder.path)):
        return  # a sweep that cannot be read may name any table
    orphans = sorted(path for path in whole if path.name.startswith("table-") and path not in named)
    verification.findings += [
        Finding(path, "no sweep here was made from it", "nothing; the next sweep uses it", wrong=False)
        for path in orphans
    ]


def _difference(path: Path, table: ExitTable, header: Mapping[str, Any], records: list[dict[str, Any]]) -> str:
    """Say where the exits on record are not those of the table; nothing where all is well."""
    if header["evaluation"].get("evaluation_version") != EVALUATION_VERSION:
        return ""
    try:
        again = per_query_scores(table.outcomes).mean(axis=0)
        rows = sorted((row for row in records if row["kind"] == "exit"), key=lambda row: row["exit"])
        if len(rows) != len(table.exits):
            return f"has {len(rows)} exits, {path.name} has {len(table.exits)}"
        for row, scores in zip(rows, again, strict=True):
            for name in RECOMPUTED:
                found = scores[METRICS.index(name)]
                if not np.isclose(row[name], found, rtol=0, atol=SAME):
                    exit_name = table.exits[row["exit"]]
                    return f"{name} of {exit_name} is {row[name]:.9f}, by {path.name} it is {found:.9f}"
    except (BenchError, *WRONG_FORM) as problem:
        return f"cannot be checked against {path.name} ({problem})"
    return ""
