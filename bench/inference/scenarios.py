"""How queries come, named after MLPerf Inference's scenarios: one at a time, eight, all at once, or as they will.

``single-stream``  one query; the next when it is answered. Judged by the 90th percentile of latency.
``multi-stream``   eight queries at a time; the next eight when all are answered. Judged by the 99th.
``offline``        all are there, and are taken in batches. Judged by throughput.
``server``         queries arrive at random (Poisson). Judged by the highest rate whose 99th percentile keeps a bound.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.inference.answers import Answers
from bench.inference.engine import Engine
from bench.inference.inputs import Inputs
from bench.retrieval.table import FloatArray, IntArray

Scenario = Literal["single-stream", "multi-stream", "offline", "server"]
SCENARIOS: tuple[Scenario, ...] = ("single-stream", "multi-stream", "offline", "server")
AT_ONCE = {"single-stream": 1, "multi-stream": 8}
"""Queries of a batch where the scenario says so; else ``--batch`` does."""
PROBES = 8
"""Rates that are tried for the highest."""


class Answering(Protocol):
    """What is asked: an engine, or a network that runs to one exit."""

    def answer(self, images: Any, camids: IntArray, numbers: IntArray | None = None) -> Answers:
        """Answer a batch."""

    def restart(self) -> None:
        """Forget the queries that came before."""


@dataclass(frozen=True)
class Pass:
    """One pass over all queries: what was answered, and how long it took.

    ``latencies`` are those of MLPerf's queries, which in multi-stream are eight images, done when all are.
    """

    answers: Answers
    latencies: FloatArray
    """(L,) milliseconds from files to answers."""
    network_latencies: FloatArray
    """(L,) of these in the network's steps and in compaction."""
    decoding: float
    """Milliseconds in all of reading, decoding and preparing."""
    seconds: float
    """From the first file to the last answer."""

    @property
    def network_milliseconds(self) -> float:
        """Milliseconds in all of the network's steps and compaction."""
        return self.answers.parts["network"] + self.answers.parts["compaction"]


@dataclass(frozen=True)
class Served:
    """The server scenario, on one draw of arrivals: the highest rate (queries a second), and all tried with their p99.

    ``rate`` is 0 where even the lowest did not keep the bound.
    """

    rate: float
    bound: float
    """Milliseconds that the 99th percentile must keep."""
    probes: tuple[tuple[float, float], ...]


def batch_size(scenario: str, batch: int) -> int:
    """Queries at once in a scenario. Raises :class:`BenchError` for a batch of none."""
    if batch < 1:
        raise BenchError(f"a batch holds 1 image or more; found {batch}")
    return AT_ONCE.get(scenario, batch)


def run_pass(
    asked: Answering, inputs: Inputs, order: IntArray, batch: int, *, together: bool = False, rebatch: bool = False
) -> Pass:
    """Ask all queries (N,) of ``order``, ``batch`` at a time, each batch when the one before is answered.

    ``together`` counts a batch as one query of MLPerf's, which is answered when all of it is (multi-stream).
    With ``rebatch``, who goes on in an engine waits for others (:meth:`bench.inference.engine.Engine.answer_all`).
    """
    if rebatch and isinstance(asked, Engine):
        return _rebatched(asked, inputs, order, batch)
    asked.restart()
    parts, latencies, network, decoding = [], [], [], 0.0
    started = time.perf_counter()
    for first in range(0, len(order), batch):
        rows = order[first : first + batch]
        images, waited = inputs.decoded(rows)
        answers = asked.answer(images, inputs.camids[rows], rows)
        parts.append(answers)
        pick = np.argmax(answers.milliseconds, keepdims=True) if together else slice(None)
        latencies.append(waited + answers.milliseconds[pick])
        network.append(answers.network_milliseconds[pick])
        decoding += waited
    seconds = time.perf_counter() - started
    return Pass(Answers.joined(parts), np.concatenate(latencies), np.concatenate(network), decoding, seconds)


def _rebatched(engine: Engine, inputs: Inputs, order: IntArray, batch: int) -> Pass:
    engine.restart()
    waited = np.empty(len(order))

    def batches() -> Iterator[NDArray[np.float32]]:
        for first in range(0, len(order), batch):
            part = slice(first, first + batch)
            images, waited[part] = inputs.decoded(order[part])
            decoding.append(float(waited[first]))
            yield images

    decoding: list[float] = []
    started = time.perf_counter()
    answers = engine.answer_all(batches(), inputs.camids[order], order, batch=batch)
    seconds = time.perf_counter() - started
    return Pass(answers, waited + answers.milliseconds, answers.network_milliseconds, sum(decoding), seconds)


def serve(asked: Answering, inputs: Inputs, arrivals: FloatArray, rows: IntArray, batch: int) -> FloatArray:
    """Answer queries ``rows`` (Q,) that arrive at these seconds (Q,), rising: milliseconds (Q,) from arrival to answer.

    Queries that wait when the engine is free go in, up to ``batch`` at once. The clock between batches is the engine's
    own: all work is done and timed, and the time in which no query waits is passed over.
    """
    asked.restart()
    waited = np.empty(len(rows))
    now, first = 0.0, 0
    while first < len(rows):
        now = max(now, float(arrivals[first]))
        last = min(int(np.searchsorted(arrivals, now, side="right")), first + batch)
        part = slice(first, max(last, first + 1))
        started = time.perf_counter()
        images, decoding = inputs.decoded(rows[part])
        answers = asked.answer(images, inputs.camids[rows[part]], rows[part])
        waited[part] = 1e3 * (now - arrivals[part]) + decoding + answers.milliseconds
        now += time.perf_counter() - started
        first = part.stop
    return waited


def highest_rate(
    asked: Answering,
    inputs: Inputs,
    order: IntArray,
    batch: int,
    bound: float,
    fastest: float,
    generator: np.random.Generator,
    probes: int = PROBES,
) -> Served:
    """Find the highest rate of arrivals (queries a second) at which the 99th percentile stays within ``bound`` ms.

    By bisection up to ``fastest``. Gaps between arrivals are drawn once, exponentially, and stretched to each rate.
    With them as many queries are drawn from ``order`` (N,) as it has, with replacement. Raises :class:`BenchError` for
    a ``bound`` of 0 or less.
    """
    if not bound > 0:
        raise BenchError(f"a latency bound is a number of milliseconds above 0, not {bound:g}")
    gaps = generator.exponential(size=len(order)).cumsum()
    rows = order[generator.integers(0, len(order), size=len(order))]
    low, high, tried = 0.0, fastest, []
    for probe in range(probes):
        rate = high if not probe else (low + high) / 2
        tail = float(np.percentile(serve(asked, inputs, gaps / rate, rows, batch), 99))
        tried.append((rate, tail))
        if tail <= bound:
            low = rate
            if not probe:
                break
        else:
            high = rate
    return Served(low, bound, tuple(tried))
