"""``bench verify``: whether results and cache are still what was written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from bench.cli.options import CacheOption
from bench.cli.terminal import ERR, OUT, TerminalReporter, printable, show_table
from bench.counts import count_of
from bench.data.cache import default_cache
from bench.errors import BenchError

if TYPE_CHECKING:
    from bench.integrity.checks import Finding, Verification

COLUMNS = ("file", "", "problem", "what to do")


def verify_command(
    results: Annotated[Path, typer.Argument(help="Results folder, or one that holds several.")] = Path("results"),
    cache: CacheOption = None,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Remove what can be made again, and files that killed processes left behind."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all findings as JSON.")] = False,
) -> None:
    """Check every file of a results folder and of the cache; ends with status 1 where something is wrong.

    Digests, forms and schemas are checked, the records of the exits against the exit tables that they came from, and
    measurements (latencies, early exits, search studies) against the records of the runs that they name. Exports,
    galleries (*.gallery) and searched architectures under the folder are checked as well. A table beside the search
    study that it was made of is held to it; tables without runs have their form checked: they carry no digest.
    Without --repair nothing is written.
    """
    # Here, not at the top: help should not wait for pandas.
    from bench.integrity.cache import verify_cache
    from bench.integrity.exported import verify_exported
    from bench.integrity.measured import verify_measurements
    from bench.integrity.repair import repair as remove
    from bench.integrity.runs import verify_results
    from bench.integrity.tables import verify_beside, verify_tables

    reporter = TerminalReporter()
    verification = verify_results(results, reporter)
    verify_measurements(results, verification, reporter)
    verify_beside(results, verification)
    verify_exported(results, verification, reporter)
    if not verification.files and not verification.runs:
        verify_tables(results, verification)
    if not verification.files and not verification.runs:
        raise BenchError(
            f"expected runs/<dataset>/<run>/, measurements, exports, galleries or tables in or under {results}, found "
            "none; name another folder"
        )
    where = cache or default_cache()
    if where.exists() and not where.is_dir():
        raise BenchError(f"{where} is no folder: name the cache with --cache")
    verify_cache(where, verification, reporter)
    removed, left = remove(verification.findings) if repair else ([], [])
    checked = (
        f"{count_of(verification.files, 'file')} of {count_of(verification.runs, 'run')} and the cache checked, "
        f"{count_of(verification.recomputed, 'sweep')} computed again from their exit tables"
    )
    if as_json:
        OUT.file.write(json.dumps(_plain(verification, removed), indent=1) + "\n")
    else:
        if verification.findings:
            show_table("Findings", COLUMNS, _rows(verification.findings), texts=COLUMNS)
        OUT.print(checked, soft_wrap=True)
        for path in removed:
            OUT.print(f"removed {escape(printable(path))}", soft_wrap=True)
    for remark in left:
        ERR.print(f"[yellow]remark:[/yellow] {escape(printable(remark))}", soft_wrap=True)
    gone = set(removed)
    still = [
        finding for finding in verification.wrong if not finding.removable or not gone.issuperset(finding.removable)
    ]
    if still:
        raise BenchError(
            f"not as it should be: {len(still):,} of {count_of(verification.files, 'file')}; the first is "
            f"{still[0].path}: {still[0].problem}"
        )


def _plain(verification: Verification, removed: Sequence[Path]) -> dict[str, Any]:
    return {
        "files": verification.files,
        "runs": verification.runs,
        "recomputed": verification.recomputed,
        "findings": [
            {
                "file": printable(finding.path),
                "wrong": finding.wrong,
                "problem": printable(finding.problem),
                "what to do": finding.advice,
            }
            for finding in verification.findings
        ],
        "removed": [printable(path) for path in removed],
    }


def _rows(findings: Sequence[Finding]) -> list[list[str]]:
    """One row for each wrong file; remarks of one kind share a row."""
    rows = [[_place(finding), "wrong", finding.problem, finding.advice] for finding in findings if finding.wrong]
    alike: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        if not finding.wrong:
            alike.setdefault((finding.problem, finding.advice), []).append(finding)
    for (problem, advice), kind in alike.items():
        first = _place(kind[0]) if len(kind) == 1 else f"{len(kind):,} files, as {_place(kind[0])}"
        rows.append([first, "remark", problem, advice])
    return [[printable(cell) for cell in row] for row in rows]


def _place(finding: Finding) -> str:
    """Name a file with the folder it lies in."""
    return "/\n".join(finding.path.parts[-2:])
