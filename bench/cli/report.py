"""``bench report``: tables, figures and a page from the records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from bench.cli.options import ResultsOption
from bench.cli.terminal import ERR, OUT, TerminalReporter


def report_command(
    results: ResultsOption = Path("results"),
    out: Annotated[
        Path | None, typer.Option(help="Folder of the report.", show_default="report/ in the results folder")
    ] = None,
    pictures: Annotated[
        bool,
        typer.Option(help="Put what bench policies drew into the page, photographs of people with it."),
    ] = True,
) -> None:
    """Draw the report of everything that was run: one HTML page, figures, tables."""
    from bench.report.artists import Artists, processes, seldom_collecting

    with seldom_collecting(), Artists(processes()) as artists:
        # Loaded once the artists have begun to load it, too.
        from bench.report.write import write_report

        report = write_report(results, out or results / "report", TerminalReporter(), artists, pictures=pictures)
    for remark in report.remarks:
        ERR.print(f"[yellow]remark:[/yellow] {escape(remark)}", soft_wrap=True)
    OUT.print(f"{len(report.files)} files; open [bold]{escape(str(report.page))}[/bold]", soft_wrap=True)
