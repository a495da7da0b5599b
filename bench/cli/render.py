"""``bench render``: a page of prose whose numbers come from tables and records."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from bench.cli.options import refuse_unused
from bench.cli.terminal import OUT, show_table
from bench.errors import BenchError
from bench.files import replacing


def render_command(
    template: Annotated[Path, typer.Argument(help="Template NAME.template.md; NAME.md beside it is the page.")],
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail where the page is not what the template gives.")
    ] = False,
    trace: Annotated[
        bool, typer.Option("--trace", help="Write nothing; list every number with its file, rows and column.")
    ] = False,
) -> None:
    """Render a page of prose: every number in it is a reference to a cell of a table or a record."""
    # Here, not at the top: help should not wait for pandas.
    from bench.prose.render import render_page

    if trace:
        refuse_unused({"--check": check}, "--trace lists the numbers of a page and compares nothing; leave out one")
    page = render_page(template)
    if trace:
        rows = [
            [reference.text, origin.file, origin.rows, origin.column, origin.how]
            for reference in page.references
            for origin in [reference.origin]
        ]
        columns = ["text", "file", "rows", "column", "how"]
        show_table(f"Numbers of {page.path}", columns, rows, texts=columns[1:])
        return
    if check:
        _check(page.path, page.text, template)
        OUT.print(f"{escape(str(page.path))} is up to date; {len(page.references)} numbers", soft_wrap=True)
        return
    with replacing(page.path) as beside:
        beside.write_text(page.text, encoding="utf-8", newline="\n")
    OUT.print(f"{len(page.references)} numbers; wrote [bold]{escape(str(page.path))}[/bold]", soft_wrap=True)


def _check(path: Path, text: str, template: Path) -> None:
    try:
        kept = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as problem:
        raise BenchError(f"cannot read {path}: {problem}; write it with: bench render {template}") from problem
    if kept != text:
        lines = difflib.unified_diff(kept.splitlines(), text.splitlines(), str(path), "rendered", lineterm="", n=0)
        raise BenchError("\n".join([f"{path} is not what {template} gives; bench render {template} mends it:", *lines]))
