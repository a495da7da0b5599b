"""``bench list``: what is registered."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, get_args

import typer

from bench import registry
from bench.cli.terminal import show_table
from bench.registry import Kind


class Listing(StrEnum):
    """What can be listed."""

    METHODS = "methods"
    DATASETS = "datasets"
    POLICIES = "policies"


def list_command(
    what: Annotated[Listing | None, typer.Argument(help="Only these.", show_default="everything")] = None,
) -> None:
    """List the methods, datasets and exit policies that are installed."""
    plural = dict(zip(get_args(Kind), Listing, strict=True))
    for kind, listing in plural.items():
        if what not in (None, listing):
            continue
        rows = []
        for name in registry.names(kind):
            value = registry.load(kind, name)
            row = [name, value.summary]
            if kind == "method":
                row.append(", ".join(value.presets))
            rows.append(row)
        columns = ["name", "what it is", *(["presets"] if kind == "method" else [])]
        show_table(listing.value, columns, rows, texts=columns[1:])
