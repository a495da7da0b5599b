"""The runs of ``bench run``: one after the other here, or by workers, with what is heard of all in one table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.markup import escape

from bench.cli.board import Board
from bench.cli.outcome import show_run
from bench.cli.terminal import ERR, TerminalReporter, show_values
from bench.deadline import Deadline, TimeIsUp
from bench.errors import BenchError
from bench.running.request import RunRequest
from bench.running.workers.asked import WorkersAsked

PANEL = "Workers"
TIME_IS_UP = 75
"""Exit status at the time limit: EX_TEMPFAIL of sysexits.h, to be tried again."""

WorkersOption = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=PANEL,
        metavar="WHERE",
        help="Where runs are executed: local:N (processes here), ray, ray://HOST[:PORT], or slurm.",
    ),
]
ResourcesOption = Annotated[
    str,
    typer.Option(
        rich_help_panel=PANEL,
        metavar="NAME=VALUE,…",
        help="Resources of each run: cpus, gpus, memory (GB); for slurm also time, partition, account, …",
    ),
]


def workers_asked(workers: str | None, resources: str, *, limited: bool, fresh: bool) -> WorkersAsked | None:
    """Read ``--workers`` and ``--resources``. Raises BenchError for what cannot be, or not with the other options."""
    if workers is None:
        if resources.strip():
            raise BenchError("--resources says what a run of --workers is given: name --workers, too")
        return None
    asked = WorkersAsked.read(workers, resources)
    if asked.kind == "slurm" and limited:
        raise BenchError(
            "a job's time limit is --resources time=2h; --time-limit is for runs that are no jobs of Slurm"
        )
    if asked.kind == "slurm" and fresh:
        raise BenchError("a job that is queued again would begin again with --fresh: choose other --results")
    return asked


def show_workers(asked: WorkersAsked, requests: Sequence[RunRequest]) -> None:
    """Print who would do which runs."""
    from bench.running.workers.opening import describe_workers

    lines = {f"run {number}": title_of(request) for number, request in enumerate(requests, start=1)}
    show_values("workers", {**describe_workers(asked, requests), **lines})


def title_of(request: RunRequest) -> str:
    """Name a run for people."""
    return f"{request.method}, preset {request.preset}, seed {request.seed}"


def run_one_by_one(requests: Sequence[RunRequest], deadline: Deadline) -> list[tuple[str, str]]:
    """Run one after the other; gives those that failed. Ends the command where the time is up."""
    # Here, not at the top: help and mistakes in the options should not wait for scipy.
    from bench.running.run import run

    failures: list[tuple[str, str]] = []
    begun = False
    for number, request in enumerate(requests):
        title = title_of(request)
        try:
            # However short a slice is, it gets on with one run.
            if begun:
                deadline.check("it began")
            result = run(request, TerminalReporter(), deadline)
        except TimeIsUp as stopped:
            failed = f", {len(failures)} failed" if failures else ""
            finished = _finished(number - len(failures), len(requests))
            raise _time_is_up(f"{title}, stopped {stopped}{finished}{failed}") from None
        except BenchError as problem:
            if len(requests) == 1 or request.ranks.world_size > 1:
                raise  # processes that may be out of step do no other run
            failures.append((title, str(problem)))
            ERR.print(f"[bold red]failed:[/bold red] {escape(f'{title}: {problem}')}", soft_wrap=True)
        else:
            begun = begun or not result.cached
            show_run(title, result)
    return failures


def run_by_workers(requests: Sequence[RunRequest], asked: WorkersAsked, deadline: Deadline) -> list[tuple[str, str]]:
    """Have workers do the runs, and print them in order; gives those that failed, as :func:`run_one_by_one` does."""
    from bench.running.result import read_result
    from bench.running.workers.grid import run_grid
    from bench.running.workers.opening import open_workers
    from bench.runs.folder import RunFolder

    titles = [title_of(request) for request in requests]
    with open_workers(asked, requests, deadline, TerminalReporter()) as workers, Board(titles) as board:
        outcomes = run_grid(requests, workers, board.saw)
    failures, stopped = [], []
    for request, title, outcome in zip(requests, titles, outcomes, strict=True):
        if outcome.failed:
            failures.append((title, outcome.failed))
        elif outcome.stopped:
            stopped.append(f"{title}, stopped {outcome.stopped}")
        else:
            path = request.results / outcome.records
            show_run(title, read_result(RunFolder(path.parent), path))
    if stopped:
        finished = _finished(len(requests) - len(stopped) - len(failures), len(requests))
        failed = "".join(f", failed: {title} ({problem})" for title, problem in failures)
        raise _time_is_up(f"{'; '.join(stopped)}{finished}{failed}")
    return failures


def _finished(count: int, of: int) -> str:
    """Say how many of several runs are finished."""
    return f"; {count} of {of} runs are finished" if of > 1 else ""


def _time_is_up(what: str) -> typer.Exit:
    ERR.print(
        f"[bold yellow]time is up:[/bold yellow] {escape(what)}; the same command goes on from there "
        f"(status {TIME_IS_UP})",
        soft_wrap=True,
    )
    return typer.Exit(TIME_IS_UP)
