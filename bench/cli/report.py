"""``bench report``: tables, figures and a page from the records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from bench.cli.options import ResultsOption, choice, words
from bench.cli.terminal import ERR, OUT, TerminalReporter, show_table
from bench.counts import count_of


def report_command(
    results: ResultsOption = Path("results"),
    out: Annotated[
        Path | None, typer.Option(help="Folder of the report.", show_default="report/ in the results folder")
    ] = None,
    formats: Annotated[
        str | None,
        typer.Option(
            help="Formats beside the page, comma-separated: svg, png, pdf of figures, tex of tables.",
            show_default="all; svg of single setups where a section has more setups than are drawn",
        ),
    ] = None,
    pictures: Annotated[
        bool,
        typer.Option(help="Include the pictures of bench policies in the page; they show photographs of people."),
    ] = True,
    setups: Annotated[
        int,
        typer.Option(
            min=1, max=10_000, help="Setups of a section that are drawn, the best of them; the tables hold all."
        ),
    ] = 16,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as one JSON object.")] = False,
) -> None:
    """Draw the report of everything that was run: one HTML page, figures, tables."""
    # Here, not at the top: help should not wait for pandas.
    from bench.report.draw import processes
    from bench.report.kinds import FORMATS
    from bench.report.write import write_report

    chosen = None
    if formats is not None:
        chosen = list(dict.fromkeys(choice("--formats", word, FORMATS) for word in words(formats)))
    report = write_report(
        results,
        out or results / "report",
        TerminalReporter(),
        workers=processes(),
        formats=chosen,
        pictures=pictures,
        setups=setups,
    )
    if as_json:
        values = {
            "page": str(report.page),
            "files": [path.relative_to(report.folder).as_posix() for path in report.files],
            "sections": [
                {"title": section.title, "setups": {setup.label: len(setup.runs) for setup in section.setups}}
                for section in report.sections
            ],
            "remarks": list(report.remarks),
        }
        typer.echo(json.dumps(values, indent=1))
        return
    for remark in report.remarks:
        ERR.print(f"[yellow]remark:[/yellow] {escape(remark)}", soft_wrap=True)
    rows = [
        [section.title, str(len(section.setups)), str(sum(len(setup.runs) for setup in section.setups))]
        for section in report.sections
    ]
    counts = [
        count_of(len({path.stem for path in report.files if path.parent.name == f"{what}s"}), what)
        for what in ("figure", "table")
    ]
    caption = f"{' and '.join(counts)}, each in every format, and the page"
    show_table("What is in the report", ["section", "setups", "runs"], rows, caption)
    OUT.print(f"{count_of(len(report.files), 'file')}; open [bold]{escape(str(report.page))}[/bold]", soft_wrap=True)
