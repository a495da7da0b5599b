"""``bench pack``: runs in one file, to be carried to another machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from bench.cli.options import ResultsOption
from bench.cli.show import size_text
from bench.cli.terminal import OUT, printable
from bench.counts import count_of


def pack_command(
    runs: Annotated[
        list[str], typer.Argument(help="Runs, named as for bench show; all for every run of the results folder.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Archive to write (.tar), compressed if it ends with .gz.")],
    results: ResultsOption = Path("results"),
    weights: Annotated[bool, typer.Option(help="Include the networks, and checkpoints of unfinished ones.")] = True,
    embeddings: Annotated[bool, typer.Option(help="Include codes and features.")] = True,
) -> None:
    """Pack runs into one archive, with a digest of every file; bench merge puts them into another results folder."""
    # Here, not at the top: help should not wait for pandas.
    from bench.runs.archive import pack_runs
    from bench.runs.finding import every_run, find_run

    folders = every_run(results) if runs == ["all"] else [find_run(results, run) for run in runs]
    packed = pack_runs(folders, out, weights=weights, embeddings=embeddings)
    bare = [what for what, kept in (("weights", weights), ("embeddings", embeddings)) if not kept]
    without = f", without {' and '.join(bare)}" if bare else ""
    count = len({one.run for one in packed})
    OUT.print(
        f"{count_of(len(packed), 'file')} of {count_of(count, 'run')}, "
        f"{size_text(sum(one.bytes for one in packed))}{without}, in [bold]{escape(printable(out))}[/bold]",
        soft_wrap=True,
    )
