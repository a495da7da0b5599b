"""The ``bench`` command: its parts, and how errors leave it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.markup import escape

from bench import __version__
from bench.cli import cost, data, listing, report, run
from bench.cli.terminal import ERR, OUT
from bench.errors import BenchError

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""

app = typer.Typer(
    name="bench",
    help="Budgeted inference in person re-identification: train multi-exit networks, sweep budgets, report.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run_command)
app.command("report")(report.report_command)
app.command("list")(listing.list_command)
app.command("cost")(cost.cost_command)
app.add_typer(data.app, name="data")


def _version(wanted: bool) -> None:
    if wanted:
        OUT.print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; what a user can mend ends in one message and status 1, Ctrl-C in status 130."""
    try:
        app(standalone_mode=True)
    except BenchError as problem:
        ERR.print(f"[bold red]error:[/bold red] {escape(str(problem))}", soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        ERR.print("interrupted", style="bold yellow")
        sys.exit(INTERRUPTED)
