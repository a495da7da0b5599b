"""Processes that another one starts: they leave interrupts to it, and end when it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Any

from bench.errors import BenchError


@contextmanager
def helpers(
    count: int, what: str, begin: Callable[..., None] | None = None, *about: Any
) -> Iterator[ProcessPoolExecutor]:
    """Start up to ``count`` processes that help this one, as they are needed; ``begin(*about)`` is called in each.

    They are started afresh, never forked from this one, which may run threads: what they are given has to be picklable,
    and a script that asks for some has to be importable (``if __name__ == "__main__":``). With a count of 0 nothing may
    be submitted. At the end what has not begun is dropped. Raises BenchError where one was ended from outside: ``what``
    says what it does.
    """
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(max(count, 1), mp_context=context, initializer=_begin, initargs=(begin, about))
    try:
        yield pool
    except BrokenProcessPool as problem:
        raise BenchError(
            f"a process that {what} was ended from outside, perhaps for lack of memory; run the command again"
        ) from problem
    finally:
        pool.shutdown(cancel_futures=True)


def follow_parent() -> None:
    """Ignore Ctrl-C, which goes to the parent as well, and end when the parent ends, however that happens."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _begin(begin: Callable[..., None] | None, about: tuple[Any, ...]) -> None:
    follow_parent()
    if begin is not None:
        begin(*about)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
