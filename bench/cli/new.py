"""``bench new``: a small package to start a plug-in from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from bench.cli.terminal import OUT, printable, typed_path
from bench.errors import BenchError
from bench.methods import GROUPS

STANDS_FOR_SEVERAL: dict[str, tuple[str, ...]] = {"method": ("all", *GROUPS), "policy": ("all",)}
"""Words that options read as several of a kind."""


def new_command(
    kind: Annotated[
        str, typer.Argument(help="method, policy, dataset, encoder, thresholding, cost, backend, figure or table.")
    ],
    name: Annotated[str, typer.Argument(help="Its name: small letters, digits and hyphens.")],
    into: Annotated[Path, typer.Option(help="Folder to write the package into.")] = Path(),
) -> None:
    """Write a small package of your own that installs, passes the contract tests, and runs (docs/extending.md)."""
    from bench.kit.make import make_package

    if name in STANDS_FOR_SEVERAL.get(kind, ()):
        raise BenchError(f"where a {kind} is named, {name} stands for several: choose another name, as my-{name}")
    package = make_package(kind, name, into, _taken(kind))
    OUT.print(f"{kind} {name} in {escape(printable(package.folder))}; next:", soft_wrap=True)
    for command in (f"cd {typed_path(package.folder)}", *package.commands):
        OUT.print(f"  [bold]{escape(command)}[/bold]", soft_wrap=True)


def _taken(kind: str) -> list[str]:
    """List the names of a kind that are no names of plug-ins: the report's own, and those in a family of encoders."""
    from bench import registry
    from bench.report import kinds

    if kind == "encoder":
        families = [registry.load("encoder", family) for family in registry.names("encoder")]
        return [name for family in families for name in family.names]
    return [one.name for one in {"figure": kinds.FIGURES, "table": kinds.TABLES}.get(kind, ())]
