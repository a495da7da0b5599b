"""Progress of long work, reported without printing.

Only :mod:`bench.cli` writes to the terminal. All other code is given a :class:`Reporter`; the default is silent, for
use as a library and in tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One progress bar: a known amount of work."""

    def advance(self, amount: int = 1, *, status: str = "") -> None:
        """Advance by ``amount`` units; ``status`` is a short text beside the bar (losses, a file name)."""


class Reporter(Protocol):
    """Where progress and remarks go."""

    def note(self, message: str) -> None:
        """Report one line: a step that begins, a cached part, a choice."""

    def task(self, title: str, total: int, *, unit: str = "") -> AbstractContextManager[Task]:
        """Open a bar of ``total`` units as a context manager that yields a :class:`Task`."""


class _SilentTask:
    def advance(self, amount: int = 1, *, status: str = "") -> None:
        """Do nothing."""


class SilentReporter:
    """A reporter that reports nothing."""

    def note(self, message: str) -> None:
        """Do nothing."""

    @contextmanager
    def task(self, title: str, total: int, *, unit: str = "") -> Iterator[Task]:
        """Open a bar that is never drawn."""
        yield _SilentTask()


SILENT = SilentReporter()
