"""Draw figures in several processes: nearly all of a report's time goes into them, and each stands by itself.

Processes are started afresh, never forked from this one, which may run threads; so what is drawn has to be picklable,
and a script that asks for more than one has to be importable (``if __name__ == "__main__":``).
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name
from types import TracebackType
from typing import TYPE_CHECKING, Any

from bench.errors import BenchError
from bench.report.figures.kinds import modules
from bench.report.svg import inline_svg

if TYPE_CHECKING:
    # Not to be loaded with this module: processes are to start before that.
    from bench.report.figures.drawing import Drawing

MOST = 8
"""More processes than that take longer to start than they save."""
OBJECTS_BETWEEN_COLLECTIONS = 1_000_000
"""Several figures' worth."""


@dataclass(frozen=True)
class Drawn:
    """A drawing as an element of a page, its files lying at ``stem`` with the endings of their formats."""

    name: str
    title: str
    caption: str
    element: str
    stem: Path


@dataclass(frozen=True)
class Order:
    """A figure to be drawn: where its function is, as ``module:name``, and what it is called with.

    ``stem`` is the path of its files, less their endings; its last part sets the figure's ids in a page apart.
    """

    kind: str
    about: tuple[Any, ...]
    stem: Path

    def fill(self) -> Drawn | None:
        """Draw the figure and write it beside the stem; None where there is nothing to draw."""
        draw: Callable[..., Drawing | None] = resolve_name(self.kind)
        drawing = draw(*self.about)
        if drawing is None:
            return None
        files = drawing.files()
        files.write(self.stem)
        element = inline_svg(files.svg, f"f{self.stem.name}", drawing.title, drawing.description)
        return Drawn(drawing.name, drawing.title, drawing.caption, element, self.stem)


def processes() -> int:
    """How many processes draw on this machine: one a core, up to a bound."""
    usable = getattr(os, "process_cpu_count", os.cpu_count)() or 1
    return min(usable, MOST)


class Artists:
    """Processes that draw while the context is open, or this process itself where one is enough.

    They start at once, and load what they draw with while this process reads the records.
    """

    def __init__(self, count: int) -> None:
        self._pool: ProcessPoolExecutor | None = None
        if count > 1:
            context = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
            self._pool = ProcessPoolExecutor(count, mp_context=context, initializer=_settle_in)
            with _no_interrupts():
                if sys.platform == "linux":
                    from multiprocessing import forkserver

                    # A server that has loaded matplotlib forks processes at once. To ask for one now would be to wait.
                    context.set_forkserver_preload([__name__, *modules()])
                    forkserver.ensure_running()
                else:
                    for _ in range(count):
                        self._pool.submit(int)

    def __enter__(self) -> Artists:
        """Give the artists."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send them home; what nobody has begun is not drawn any more."""
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def draw(self, orders: Sequence[Order]) -> Iterator[tuple[int, Drawn | None]]:
        """Give each figure with the place of its order as soon as it is drawn; an error is raised as it was there.

        Other processes begin at once, this one with the first figure that is asked for.
        """
        if not self._pool:
            return ((place, order.fill()) for place, order in enumerate(orders))
        return _arriving({self._pool.submit(_fill, order): place for place, order in enumerate(orders)})


ALONE = Artists(1)
"""This process and no other."""


def _arriving(places: Mapping[Future[Drawn | None], int]) -> Iterator[tuple[int, Drawn | None]]:
    try:
        for future in as_completed(places):
            yield places[future], future.result()
    except BrokenProcessPool as problem:
        raise BenchError(
            "a process that draws figures was ended from outside, perhaps for lack of memory; run the report again"
        ) from problem


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Let processes that start meanwhile leave Ctrl-C to this one from their first moment on."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Look for rubbish less often inside: in figures' and tables' many objects it takes a fifth of the time."""
    thresholds = gc.get_threshold()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


def _settle_in() -> None:
    """Leave interrupts to the parent; load what is drawn with, and leave it to the end of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in modules():
        import_module(name)
    gc.freeze()


def _fill(order: Order) -> Drawn | None:
    with seldom_collecting():
        return order.fill()
