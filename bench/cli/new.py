"""``bench new``: a small package to start a plug-in from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from bench.cli.terminal import OUT, printable


def new_command(
    kind: Annotated[
        str, typer.Argument(help="method, policy, dataset, encoder, thresholding, cost, backend, figure or table.")
    ],
    name: Annotated[str, typer.Argument(help="Its name: small letters, digits and hyphens.")],
    into: Annotated[Path, typer.Option(help="Folder to write the package into.")] = Path(),
) -> None:
    """Write a small package of your own that installs, passes the contract tests, and runs (docs/extending.md)."""
    from bench.kit.make import make_package
    from bench.report import kinds

    drawn = {"figure": kinds.FIGURES, "table": kinds.TABLES}.get(kind, ())
    package = make_package(kind, name, into, [one.name for one in drawn])
    OUT.print(f"{kind} {name} in {escape(printable(package.folder))}; next:", soft_wrap=True)
    for command in (f"cd {package.folder}", *package.commands):
        OUT.print(f"  [bold]{escape(printable(command))}[/bold]", soft_wrap=True)
