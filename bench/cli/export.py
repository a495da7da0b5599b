"""``bench export``: all records of all runs as one flat CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from bench.cli.options import ResultsOption
from bench.cli.terminal import ERR, OUT


def export_command(
    out: Annotated[Path, typer.Argument(help="CSV file to write, compressed if it ends with .gz; - prints it.")],
    results: ResultsOption = Path("results"),
) -> None:
    """Write all records of all runs, in full, as one flat CSV: a row for each exit, policy and budget of each run."""
    # Here, not at the top: help should not wait for pandas.
    from bench.report.export import export_csv, write_export
    from bench.runs.load import load

    found = load(results)
    for remark in found.remarks:
        ERR.print(f"[yellow]remark:[/yellow] {escape(remark)}", soft_wrap=True)
    text = export_csv(found)
    if str(out) == "-":
        typer.echo(text, nl=False)
        return
    write_export(text, out)
    OUT.print(
        f"{len(found.table):,} records of {len(found.runs)} runs in [bold]{escape(str(out))}[/bold]", soft_wrap=True
    )
