"""Runs: whether every file of a results folder is what was written, by itself and against the others of its run.

Nothing is written and nothing is locked, so that a folder can be checked anywhere and while runs go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.budget.query_scores import METRICS, per_query_scores
from bench.digests import DamagedFile, ForeignFile
from bench.errors import WRONG_FORM, BenchError
from bench.integrity.checks import MAKE_READABLE, SAME, Finding, Verification, is_hidden, no_digest
from bench.integrity.unfinished import unfinished_files
from bench.progress import SILENT, Reporter
from bench.retrieval.table import ExitTable
from bench.runs.file_checks import UnreadableFile, check_of_run, follows
from bench.runs.folder import RunFolder
from bench.runs.known_files import is_known
from bench.runs.records import evaluation_key, records_under
from bench.spec import EVALUATION_VERSION

RECOMPUTED = ("mAP", "rank-1")
"""Metrics of the exits that are computed again."""
MADE_ANEW = "move it to the folder of its own run if it is to be kept; the same bench run makes this one's in its place"
PUT_ITS_OWN = "put this run's own in its place, or bench run --fresh, which trains again"
NO_NETWORK = (
    "put a whole copy in its place; the trained network that it was made from (weights.safetensors) is not here, or "
    "not whole: bench run would train again"
)


def verify_results(results: Path, reporter: Reporter = SILENT) -> Verification:
    """Check every run under a results folder, also where several results folders lie under it; there may be none."""
    found = (path for path in results.glob("**/runs/*/*") if path.is_dir())
    folders = sorted(path for path in found if not is_hidden(path, results))
    verification = Verification(runs=len(folders))
    with reporter.task("verify runs", len(folders), unit="runs") as task:
        for path in folders:
            _verify_run(RunFolder(path), verification)
            task.advance()
    verification.findings += unfinished_files(results)
    return verification


def _verify_run(folder: RunFolder, verification: Verification) -> None:
    whole: dict[Path, Any] = {}
    findings = verification.findings
    kept = sorted(path for path in folder.path.iterdir() if path.is_file() and not path.name.startswith("."))
    trained = folder.weights.exists() and folder.training.exists() and not _problem(folder)
    for path in kept:
        verification.files += 1
        if not is_known(path.name):
            findings.append(Finding(path, "is not of this suite", "nothing, it is not read", wrong=False))
            continue
        try:
            digested, content = check_of_run(path)
        except BenchError as problem:
            if path.exists():
                findings.append(_judged(path, problem, trained))
            continue
        # Sweeps and tables are gone on with; embeddings may be large.
        whole[path] = content if path.name.startswith(("records-", "table-")) else None
        if not digested:
            findings.append(no_digest(path))
    if kept and not folder.spec.exists():
        findings.append(
            Finding(folder.path, "has no spec.json: nothing says which run this is", "remove the folder, or run again")
        )
    if folder.checkpoint in whole and {folder.weights, folder.training} <= whole.keys():
        findings.append(
            Finding(folder.checkpoint, "is left of a training that has ended", "remove it", False, (folder.checkpoint,))
        )
    _verify_records(folder, whole, trained, verification)


def _problem(folder: RunFolder) -> BenchError | None:
    """What is wrong with the trained network."""
    try:
        check_of_run(folder.weights)
    except BenchError as problem:
        return problem
    return None


def _judged(path: Path, problem: BenchError, trained: bool) -> Finding:
    """Say what to do about a file that did not pass."""
    what = str(problem).replace(f"{path}", path.name).split("; ")[0]
    if isinstance(problem, UnreadableFile):
        return Finding(path, f"cannot be read ({what})", MAKE_READABLE)
    if isinstance(problem, ForeignFile):
        # It may be all that is left of the other: nothing here removes it.
        return Finding(path, what, MADE_ANEW if follows(path) and trained else PUT_ITS_OWN)
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
    """Check the exits of each sweep against the table that they came from."""
    named: set[Path] = set()
    swept = sorted(path for path in whole if path.name.startswith("records-"))
    for path in swept:
        header, records = whole[path]
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
