"""Work on large (Q, G) arrays a few query rows at a time, on all cores and in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from bench.threads import usable_cores

Result = TypeVar("Result")


def row_slices(total: int, size: int) -> list[slice]:
    """Cut ``total`` rows into slices of at most ``size``, in order."""
    return [slice(first, min(first + size, total)) for first in range(0, total, size)]


def map_rows(function: Callable[[slice], Result], total: int, size: int) -> list[Result]:
    """Call ``function`` on every slice of rows, in threads, and return the results in order.

    Threads rather than processes: NumPy lets go of the interpreter lock in sorts, products and elementwise loops,
    and the arrays need no copying.
    """
    return list(in_threads(function, row_slices(total, size)))


def in_threads(function: Callable[[slice], Result], slices: Iterable[slice]) -> Iterator[Result]:
    """Call ``function`` on every slice, in threads, and yield the results in order; few wait to be taken at a time."""
    slices = list(slices)
    workers = min(len(slices), usable_cores())
    if workers <= 1:
        yield from map(function, slices)
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Result]] = deque()
        for rows in slices:
            if len(waiting) == 2 * workers:
                yield waiting.popleft().result()
            waiting.append(pool.submit(function, rows))
        while waiting:
            yield waiting.popleft().result()
