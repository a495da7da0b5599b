"""How long work reports on itself without printing.

Only :mod:`bench.cli` draws on the terminal. Everything else is handed a :class:`Reporter`; the default
says nothing, so that library use and tests stay quiet.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One bar: a known amount of work, done bit by bit."""

    def advance(self, amount: int = 1, *, status: str = "") -> None:
        """Move on by ``amount`` units; ``status`` is a short text beside the bar (losses, a file name)."""


class Reporter(Protocol):
    """Where progress and remarks go."""

    def note(self, message: str) -> None:
        """Say one line: a step begun, a cached part found, a choice made."""

    def task(self, title: str, total: int, *, unit: str = "") -> AbstractContextManager[Task]:
        """Open a bar of ``total`` units as a context manager that yields a :class:`Task`."""


class _SilentTask:
    def advance(self, amount: int = 1, *, status: str = "") -> None:
        """Say nothing."""


class SilentReporter:
    """Reports to nobody."""

    def note(self, message: str) -> None:
        """Say nothing."""

    @contextmanager
    def task(self, title: str, total: int, *, unit: str = "") -> Iterator[Task]:
        """Open a bar that is never drawn."""
        yield _SilentTask()


SILENT = SilentReporter()
