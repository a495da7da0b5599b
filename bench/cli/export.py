"""``bench export``: all records of all runs as one flat CSV."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from bench.cli.options import ResultsOption
from bench.cli.terminal import ERR, OUT
from bench.counts import count_of


def export_command(
    out: Annotated[Path, typer.Argument(help="CSV file to write, compressed if it ends with .gz; - prints it.")],
    results: ResultsOption = Path("results"),
) -> None:
    """Write all records of all runs, in full, as one flat CSV: a row for each exit, policy and budget of each run."""
    # Here, not at the top: help should not wait for pandas.
    from bench.runs.export import export_csv, write_export

    printed = str(out) == "-"
    done = export_csv(results, sys.stdout) if printed else write_export(results, out)
    for remark in done.remarks:
        ERR.print(f"[yellow]remark:[/yellow] {escape(remark)}", soft_wrap=True)
    if not printed:
        OUT.print(
            f"{count_of(done.records, 'record')} of {count_of(done.runs, 'run')} in [bold]{escape(str(out))}[/bold]",
            soft_wrap=True,
        )
