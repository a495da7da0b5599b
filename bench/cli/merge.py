"""``bench merge``: runs out of archives, put beside those that are there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from bench.cli.options import ResultsOption
from bench.cli.terminal import OUT, printable
from bench.counts import count_of
from bench.errors import BenchError

if TYPE_CHECKING:
    from bench.runs.merging import MergedRun


def merge_command(
    archives: Annotated[list[Path], typer.Argument(help="Archives that bench pack has written.")],
    results: ResultsOption = Path("results"),
) -> None:
    """Put the runs of archives under a results folder: what is new is added, and nothing is replaced.

    An archive is checked to its end before anything is put into place. A run of which a file is there with another
    content is left as it is; the conflict is named, and the status is 1.
    """
    # Here, not at the top: help should not wait for pandas.
    from bench.runs.merging import merge_archive

    conflicts = 0
    for archive in archives:
        for run in merge_archive(archive, results):
            conflicts += bool(run.conflicts)
            OUT.print(escape(printable(f"{run.folder.name}: {_told(run)}")), soft_wrap=True)
    if conflicts:
        raise BenchError(
            f"conflicts in {count_of(conflicts, 'run')}, here with another content and left alone; merge into other "
            "--results to have both"
        )


def _told(run: MergedRun) -> str:
    if run.conflicts:
        return f"conflict, nothing added: {', '.join(run.conflicts)} differ"
    if not run.added:
        return "nothing new"
    return f"{count_of(len(run.added), 'file')} added" + (f", {len(run.same)} were here" if run.same else "")
