"""When to take the queries that left out of a batch: what a step and a copy cost on this machine, at each batch size.

Taking rows out of a state copies others, into their places or elsewhere. Where few leave, or a step takes as long for
fewer images, the copy costs more than it saves, and those who left are carried along; they are not looked at again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError

if TYPE_CHECKING:
    from bench.inference.backends.backend import Backend

Pays = Callable[[int, int, int], bool]
"""``pays(exit_index, carried, staying)``: whether to keep ``staying`` of ``carried`` rows after an exit's step."""
SIZES = (1, 2, 4, 8, 16, 32)
PRACTICE_RUNS = 2
LEAST_RUNS = 5


def in_place(rows: NDArray[np.integer]) -> NDArray[np.int64]:
    """Order the rising ``rows`` (K,) of a state for :meth:`bench.inference.backends.backend.Backend.select`, (K,).

    Rows below K stay where they lie, and the others fill the places between: a backend moves these alone.
    """
    order = np.arange(len(rows))
    holes = np.setdiff1d(order, rows, assume_unique=True)
    order[holes] = rows[len(rows) - len(holes) :]
    return order


def always(exit_index: int, carried: int, staying: int) -> bool:
    """Take out everybody who left, after every step."""
    return True


@dataclass(frozen=True)
class StepProfile:
    """Milliseconds of each of S steps, and of copying rows of the state after it, at B batch sizes.

    The first step includes ``start``. Between sizes times are interpolated; beyond the last they grow in proportion.
    """

    sizes: tuple[int, ...]
    steps: tuple[tuple[float, ...], ...]
    """(S, B)"""
    selects: tuple[tuple[float, ...], ...]
    """(S − 1, B): copying that many rows."""
    runs: int
    """How often each was run: the times are medians."""

    def step(self, exit_index: int, size: int) -> float:
        """Milliseconds of a step for a batch of ``size``."""
        return self._at(self.steps[exit_index], size)

    def select(self, exit_index: int, size: int) -> float:
        """Milliseconds of copying ``size`` rows after a step."""
        return self._at(self.selects[exit_index], size)

    def pays(self, exit_index: int, carried: int, staying: int) -> bool:
        """Whether the next step saves more, for ``staying`` rows in place of ``carried``, than the copies cost.

        Of the rows that stay, :func:`in_place` moves those alone whose place is not kept. Wherever the ones who leave
        lie, that is the share of them in ``carried``, on average.
        """
        following = exit_index + 1
        saved = self.step(following, carried) - self.step(following, staying)
        return saved > self.select(exit_index, staying) * (1 - staying / carried)

    def total(self, runs: Mapping[tuple[int, int], int]) -> float:
        """Milliseconds of steps that ran so often each, by (exit, batch size)."""
        return sum(count * self.step(*at) for at, count in runs.items())

    def joined(self, other: StepProfile) -> StepProfile:
        """Join with the same steps at other sizes; where both have one, this profile's times stand."""
        source = {size: (one, at) for one in (other, self) for at, size in enumerate(one.sizes)}
        chosen = [source[size] for size in sorted(source)]
        return StepProfile(
            tuple(sorted(source)),
            tuple(tuple(one.steps[step][at] for one, at in chosen) for step in range(len(self.steps))),
            tuple(tuple(one.selects[step][at] for one, at in chosen) for step in range(len(self.selects))),
            min(self.runs, other.runs),
        )

    def to_json(self) -> dict[str, Any]:
        """Give the profile as plain values."""
        return asdict(self)

    def _at(self, times: Sequence[float], size: int) -> float:
        if size > self.sizes[-1]:
            return times[-1] * size / self.sizes[-1]
        return float(np.interp(size, self.sizes, times))


def measure_steps(
    backend: Backend,
    images: NDArray[np.float32],
    sizes: Sequence[int] = SIZES,
    seconds: float = 1.0,
    clock: Callable[[], float] = time.perf_counter,
) -> StepProfile:
    """Time each step of a backend on the first of ``images`` (N, 3, H, W), at batch sizes up to N.

    Each size is run for ``seconds`` of the ``clock``, :data:`LEAST_RUNS` times at least, after :data:`PRACTICE_RUNS`.
    Raises :class:`BenchError` where there is no image.
    """
    sizes = tuple(sorted({size for size in sizes if size <= len(images)}))
    if not sizes:
        raise BenchError("a step profile needs at least one image")
    steps, selects, least = [], [], 0
    for size in sizes:
        batch = images[:size]
        reversed_rows = np.arange(size)[::-1]  # all are copied, as no backend moves rows that change places
        taken: list[list[float]] = []
        copied: list[list[float]] = []
        until = clock() + seconds
        while len(taken) < PRACTICE_RUNS + LEAST_RUNS or clock() < until:
            here, copies = [], []
            before = clock()
            state = backend.start(batch)
            for index in range(len(backend.exits)):
                state, _ = backend.step(state, index)
                after = clock()
                here.append(after - before)
                if index + 1 < len(backend.exits):
                    state = backend.select(state, reversed_rows)
                    before = clock()
                    copies.append(before - after)
            taken.append(here)
            copied.append(copies)
        steps.append(1e3 * np.median(taken[PRACTICE_RUNS:], axis=0))
        selects.append(1e3 * np.median(copied[PRACTICE_RUNS:], axis=0))
        least = len(taken) - PRACTICE_RUNS if not least else min(least, len(taken) - PRACTICE_RUNS)
    return StepProfile(sizes, _rows(steps), _rows(selects), least)


def _rows(columns: list[NDArray[np.float64]]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(value) for value in row) for row in np.stack(columns, axis=1))
