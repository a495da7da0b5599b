"""What the terminal shows: bars, remarks, tables, errors."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column, Table
from rich.text import Text

from bench.inert import clean
from bench.progress import Task

PLAIN_SECONDS = 20.0
"""Seconds between two lines about the same work where the output is no terminal."""
PIPED_WIDTH = 140
"""Columns of a table that goes to a file or a pipe, where no terminal says how many fit."""
ANY_WIDTH = 100_000
"""More columns than any table has."""
MILLIONS = 1e6
"""Costs from here on are counts, whatever their unit, and are written in millions."""
WHOLE = 1e4
"""Costs from here on are written without decimals."""
MULTIPLY_ADDS = "multiply-adds"
"""The unit that is written as MACs, in millions."""


class InertConsole(Console):
    """A console on which texts from elsewhere are shown and never carried out: no sequences, no reversed writing."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Turn a text with the suite's own markup into what is printed; every text comes through here."""
        return super().render_str(clean(printable(text)), **{**options, "emoji": False})


def printable(value: object) -> str:
    """Write a path, or a text with one: what is no UTF-8 in a file's name is escaped, as no stream would take it."""
    return str(value).encode(errors="backslashreplace").decode()


def typed_path(path: object) -> str:
    """Write a path as a shell takes it, in a command that is to be typed next."""
    return shlex.quote(printable(path))


def in_results(results: Path) -> str:
    """Name a results folder in a command that is to be typed next; nothing for the usual one."""
    return "" if results == Path("results") else f" --results {typed_path(results)}"


OUT = InertConsole(highlight=False)
"""Results go to standard output."""
ERR = InertConsole(stderr=True, highlight=False)
"""Progress, remarks and errors go to standard error, so that results can be piped."""
if not OUT.is_terminal:
    OUT.width = PIPED_WIDTH


class _RichTask:
    def __init__(self, progress: Progress, identifier: TaskID) -> None:
        self.progress, self.identifier = progress, identifier

    def advance(self, amount: int = 1, *, status: str = "") -> None:
        """Move the bar; an empty status leaves the last one standing."""
        changes = {"status": escape(clean(status))} if status else {}
        self.progress.update(self.identifier, advance=amount, **changes)  # type: ignore[arg-type]


class _PlainTask:
    """Progress in a file or a pipe: a line now and then, instead of a bar that is redrawn."""

    def __init__(self, title: str, total: int, unit: str) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.done = 0
        self.status = ""
        self.started = self.said = time.monotonic()

    def advance(self, amount: int = 1, *, status: str = "") -> None:
        """Count on, and say where things are if that is due."""
        self.done += amount
        self.status = status or self.status
        if time.monotonic() - self.said >= PLAIN_SECONDS:
            self.said = time.monotonic()
            left = (self.said - self.started) / max(self.done, 1) * (self.total - self.done)
            self._say(f"about {timedelta(seconds=round(left))} left")

    def finish(self) -> None:
        """Say how long it took."""
        self._say(f"took {timedelta(seconds=round(time.monotonic() - self.started))}")

    def _say(self, when: str) -> None:
        parts = [f"{self.title}: {self.done:,}/{self.total:,} {self.unit}".rstrip(), when, self.status]
        ERR.print(escape(", ".join(part for part in parts if part)), soft_wrap=True)


class TerminalReporter:
    """Shows bars and remarks on standard error: drawn on a terminal, a line now and then elsewhere."""

    def note(self, message: str) -> None:
        """Say one line."""
        ERR.print(f"[dim]·[/dim] {escape(message)}", soft_wrap=True)

    @contextmanager
    def task(self, title: str, total: int, *, unit: str = "") -> Iterator[Task]:
        """Show how far things are, with an estimate of the time left."""
        if not ERR.is_terminal:
            plain = _PlainTask(title, total, unit)
            yield plain
            plain.finish()
            return
        columns = (
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=12),
            MofNCompleteColumn(),
            TextColumn(unit),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            # The status takes what room is left and is cut, so that the rest never is.
            TextColumn("[dim]{task.fields[status]}", table_column=Column(ratio=1, no_wrap=True)),
        )
        with Progress(*columns, console=ERR, refresh_per_second=4, expand=True) as progress:
            yield _RichTask(progress, progress.add_task(escape(clean(title)), total=total, status=""))


def show_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "", texts: Sequence[str] = ()
) -> None:
    """Print a table: the first column and ``texts`` to the left, numbers to the right. Only texts are wrapped.

    Where the numbers do not fit, headings take a line a word; in a file or a pipe no number is ever cut.
    """
    for word_a_line in (False, True):
        table = Table(
            title=escape(title), title_justify="left", caption=escape(caption) or None, caption_justify="left"
        )
        for index, column in enumerate(columns):
            heading = column.replace(" ", "\n") if word_a_line else column
            cells = [*heading.splitlines(), *(row[index] for row in rows)]
            wrapped = column in texts
            table.add_column(
                escape(heading),
                justify="left" if index == 0 or wrapped else "right",
                no_wrap=not wrapped,
                min_width=None if wrapped else max(map(cell_len, cells)),
            )
        for row in rows:
            table.add_row(*(escape(cell) for cell in row))
        least = OUT.measure(table, options=OUT.options.update(max_width=ANY_WIDTH)).minimum
        if least <= OUT.width:
            break
    if OUT.is_terminal:
        for shrinking in table.columns:
            # A terminal is as wide as it is: a number that is cut ends in dots, and is not taken for another.
            shrinking.min_width = None
        OUT.print(table)
        return
    usual = OUT.width
    OUT.width = max(usual, least)
    OUT.print(table)
    OUT.width = usual


def show_values(title: str, values: Mapping[str, Any]) -> None:
    """Print names and values, one a line."""
    OUT.print(f"[bold]{escape(title)}[/bold]")
    width = max(len(name) for name in values)
    for name, value in values.items():
        OUT.print(f"  {escape(name):<{width}}  {escape(str(value))}", soft_wrap=True)


def percent(share: float) -> str:
    """Write a share from 0 to 1 in per cent."""
    return f"{100 * share:.1f}"


def macs(count: float) -> str:
    """Write a number of multiply-adds in millions."""
    return f"{count / 1e6:,.1f} M"


def amount(value: float, cost: Mapping[str, Any]) -> str:
    """Write a value of a cost, as the records' header states it: counts in millions, others to four digits."""
    if cost["unit"] == MULTIPLY_ADDS or value >= MILLIONS:
        return macs(value)
    return f"{value:,.0f}" if value >= WHOLE else f"{value:,.4g}"


def cost_heading(cost: Mapping[str, Any]) -> str:
    """Head a column of a cost: ``MACs``, ``MACs, matching``, ``milliseconds``."""
    if cost["unit"] != MULTIPLY_ADDS:
        return str(cost["unit"])
    return "MACs" if cost["name"] == "macs" else f"MACs, {cost['name']}"
