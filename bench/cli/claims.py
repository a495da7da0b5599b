"""``bench claims``: sentences of the papers, tested, with the cell of a table that every number is from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from bench.cli.options import ResultsOption
from bench.cli.terminal import MILLIONS, OUT, printable, show_table
from bench.counts import NOTHING
from bench.errors import BenchError, unknown_name

if TYPE_CHECKING:
    from bench.findings.claims.contract import Answer, Cell, Claim

KEY_DIGITS = 8


def claims_command(
    name: Annotated[str | None, typer.Argument(help="One claim, by its name (default: all).")] = None,
    results: ResultsOption = Path("results"),
) -> None:
    """Test what the papers say on the results that are kept: run, table, row and column of every number."""
    # Here, not at the top: help should not wait for pandas.
    from bench.findings.claims.known import CLAIMS
    from bench.findings.sections import sections
    from bench.report.studies import STUDIES
    from bench.report.tables.claims import answers, claim_table
    from bench.runs.load import load

    if name is not None and name not in (claim.name for claim in CLAIMS):
        raise unknown_name("claim", name, [claim.name for claim in CLAIMS])
    told = False
    for section in sections(load(results), studies=STUDIES.by_folder(results)[0]):
        if claim_table(section) is None:
            continue
        told = True
        OUT.print(f"[bold]{escape(printable(section.title))}[/bold]")
        for claim, answer in answers(section):
            if name in (None, claim.name):
                _show(claim, answer)
    if not told:
        raise BenchError(
            f"no results under {results} are of a method whose paper's claims are tested, over multiply-adds"
        )


def _show(claim: Claim, answer: Answer) -> None:
    OUT.print()
    OUT.print(f"[bold]{claim.name}[/bold]  {escape(claim.quoted)}", soft_wrap=True)
    for what, text in (("at most", answer.allowed), ("measured", answer.measured), ("verdict", answer.verdict)):
        OUT.print(f"  {what:<9} {escape(text or NOTHING)}", soft_wrap=True)
    if answer.cells:
        columns = ["run", "table", "row", "column", "value"]
        show_table("", columns, [_cell(cell) for cell in answer.cells], texts=columns[1:4])


def _cell(cell: Cell) -> list[str]:
    runs = " ".join(key[:KEY_DIGITS] for key in cell.run.split()) or NOTHING
    row = "; ".join(f"{name}={value}" for name, value in cell.reference.row)
    value = str(cell.value)
    if isinstance(cell.value, float):
        # Shares and differences are small; what is large is a number of multiply-adds.
        value = f"{cell.value / 1e6:,.6g} M" if cell.value >= MILLIONS else f"{cell.value:.6g}"
    return [runs, cell.reference.table, row, cell.reference.column, value]
