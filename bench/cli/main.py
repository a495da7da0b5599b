"""The ``bench`` command: its parts, and how errors leave it."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Annotated, Any

import typer
from rich.markup import escape

from bench import __version__
from bench.cli import (
    compare,
    cost,
    data,
    data_show,
    data_split,
    data_statistics,
    data_verify,
    embed,
    evaluate,
    export,
    gallery,
    infer,
    latency,
    listing,
    model,
    new,
    policies,
    report,
    run,
    search,
    show,
    verify,
)
from bench.cli.terminal import ERR, OUT
from bench.errors import BenchError
from bench.threads import wait_passively

INTERRUPTED, TERMINATED = 130, 143
"""Exit status after Ctrl-C and after SIGTERM, as shells have it."""


class Terminated(KeyboardInterrupt):
    """The process was asked to end by SIGTERM: it ends as after Ctrl-C."""


app = typer.Typer(
    name="bench",
    help="Budgeted inference in person re-identification: train multi-exit networks, sweep budgets, report.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="Make, check and look at datasets.", no_args_is_help=True)
app.add_typer(data_app, name="data")
model_app = typer.Typer(help="Export trained networks, and check the exports.", no_args_is_help=True)
app.add_typer(model_app, name="model")
gallery_app = typer.Typer(help="Build, change and look at galleries that are kept.", no_args_is_help=True)
app.add_typer(gallery_app, name="gallery")


def _ends_plainly(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command end in one message: status 1 for what a user can mend, 130 after Ctrl-C.

    Around each command and not around them all: the parser has an answer of its own to Ctrl-C, a plain status 1.
    """

    @wraps(command)
    def wrapped(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except BenchError as problem:
            ERR.print(f"[bold red]error:[/bold red] {escape(str(problem))}", soft_wrap=True)
            raise typer.Exit(1) from None
        except OSError as problem:
            # A full disk, a closed pipe, a path that is too long: no defect of the suite.
            what = f"{problem.strerror or problem}" + (f": {str(problem.filename)[:200]}" if problem.filename else "")
            _last_word(f"[bold red]error:[/bold red] {escape(what)}")
            raise typer.Exit(1) from None
        except Terminated:
            _last_word("[bold yellow]terminated[/bold yellow]")
            raise typer.Exit(TERMINATED) from None
        except KeyboardInterrupt:
            ERR.print("interrupted", style="bold yellow")
            raise typer.Exit(INTERRUPTED) from None

    return wrapped


app.command("run")(_ends_plainly(run.run_command))
app.command("evaluate")(_ends_plainly(evaluate.evaluate_command))
app.command("embeddings")(_ends_plainly(evaluate.embeddings_command))
app.command("embed")(_ends_plainly(embed.embed_command))
app.command("new")(_ends_plainly(new.new_command))
app.command("policies")(_ends_plainly(policies.policies_command))
app.command("search")(_ends_plainly(search.search_command))
app.command("show")(_ends_plainly(show.show_command))
app.command("compare")(_ends_plainly(compare.compare_command))
app.command("verify")(_ends_plainly(verify.verify_command))
app.command("report")(_ends_plainly(report.report_command))
app.command("export")(_ends_plainly(export.export_command))
app.command("list")(_ends_plainly(listing.list_command))
app.command("latency")(_ends_plainly(latency.latency_command))
app.command("infer")(_ends_plainly(infer.infer_command))
app.command("cost")(_ends_plainly(cost.cost_command))
data_app.command("make")(_ends_plainly(data.make_command))
data_app.command("verify")(_ends_plainly(data_verify.verify_command))
data_app.command("stats")(_ends_plainly(data_statistics.statistics_command))
data_app.command("show")(_ends_plainly(data_show.show_command))
data_app.command("split")(_ends_plainly(data_split.split_command))
model_app.command("export")(_ends_plainly(model.export_command))
model_app.command("check")(_ends_plainly(model.check_command))
model_app.command("show")(_ends_plainly(model.show_command))
gallery_app.command("build")(_ends_plainly(gallery.build_command))
gallery_app.command("add")(_ends_plainly(gallery.add_command))
gallery_app.command("remove")(_ends_plainly(gallery.remove_command))
gallery_app.command("show")(_ends_plainly(gallery.show_command))


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


def _last_word(message: str) -> None:
    """Say how the command ended, where standard error can still be written."""
    with suppress(OSError, ValueError):
        ERR.print(message, soft_wrap=True)


def _terminate(*_: object) -> None:
    raise Terminated


def main() -> None:
    """Run the command line."""
    wait_passively()
    before = signal.signal(signal.SIGTERM, _terminate)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Where a stream cannot hold a character, its number is better than no output.
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    finally:
        signal.signal(signal.SIGTERM, before)
        _close_output()


def _close_output() -> None:
    """Write out what is left; where that fails, say so once and end with status 1."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError) as problem:
        if isinstance(problem, OSError):
            # The interpreter flushes once more when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            _last_word(f"[bold red]error:[/bold red] cannot write the output: {problem.strerror or problem}")
        raise SystemExit(1) from None
