"""How far the runs of a grid are: a table that is drawn again on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

from rich.live import Live
from rich.markup import escape
from rich.table import Table

from bench.cli.terminal import ERR, PLAIN_SECONDS
from bench.inert import clean
from bench.running.workers.events import Began, Ended, Event, Lost, Outcome, Said

SHOWN = 30
"""Rows of the table: of very many runs, those at work and the last that ended."""


class Board:
    """Shows what is heard of runs, by their titles, on standard error."""

    def __init__(self, titles: Sequence[str]) -> None:
        self.titles = titles
        self.where = [""] * len(titles)
        self.told = ["waits"] * len(titles)
        self.ended: dict[int, Outcome] = {}
        self._said = [time.monotonic()] * len(titles)
        self._live = Live(console=ERR, refresh_per_second=2, get_renderable=self._table) if ERR.is_terminal else None

    def __enter__(self) -> Board:
        """Begin to draw."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the table as it is."""
        if self._live is not None:
            self._live.stop()

    def saw(self, event: Event) -> None:
        """Take down what was heard."""
        run = event.run
        match event:
            case Began(where=where):
                self.where[run], self.told[run] = where, "began"
                self._say(run, f"began on {where}")
            case Said(text=text, lasting=True):
                self._say(run, text, mark="[dim]·[/dim]")
            case Said(text=text):
                self.told[run] = text
                if self._live is None and time.monotonic() - self._said[run] >= PLAIN_SECONDS:
                    self._say(run, text)
            case Lost(reason=reason, again=again):
                self.told[run] = "tried again" if again else f"lost: {reason}"
                self._say(
                    run, f"{reason}; {'it is tried again' if again else 'it is given up'}", mark="[yellow]lost[/yellow]"
                )
            case Ended(outcome=outcome):
                self.ended[run] = outcome
                self.where[run] = outcome.where
                self.told[run] = _end(outcome)
                mark = "[bold red]failed:[/bold red]" if outcome.failed else "[dim]·[/dim]"
                self._say(run, outcome.failed or f"{_end(outcome)} on {outcome.where} ({self._progress})", mark=mark)

    @property
    def _progress(self) -> str:
        return f"{len(self.ended)} of {len(self.titles)} ended"

    def _say(self, run: int, text: str, mark: str = "[dim]·[/dim]") -> None:
        self._said[run] = time.monotonic()
        ERR.print(f"{mark} {escape(f'{self.titles[run]}: {text}')}", soft_wrap=True)

    def _table(self) -> Table:
        waiting = [run for run, where in enumerate(self.where) if not where]
        at_work = [run for run, where in enumerate(self.where) if where and run not in self.ended]
        room = max(SHOWN - len(at_work), 0)
        rows = sorted([*at_work, *[*reversed(self.ended), *waiting][:room]])
        table = Table(title=f"{self._progress}, {len(waiting)} wait", title_justify="left")
        for name in ("run", "where", "how far"):
            table.add_column(name, no_wrap=True)
        for run in rows:
            table.add_row(*(escape(clean(text)) for text in (self.titles[run], self.where[run], self.told[run])))
        return table


def _end(outcome: Outcome) -> str:
    if outcome.failed:
        return "failed"
    if outcome.stopped:
        return f"stopped {outcome.stopped}"
    return "found done" if outcome.cached else "done"
