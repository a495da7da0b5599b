"""Budgets and rivals side by side: run on the same images, in random order, every value kept."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from bench.cost.energy import Energy, EnergyMeter
from bench.inference.compaction import StepProfile
from bench.inference.deployed import Deployed
from bench.inference.inputs import Inputs
from bench.inference.scenarios import Answering, Pass, Served, highest_rate, run_pass
from bench.inference.scoring import answered_scores, changed_bits
from bench.progress import SILENT, Reporter
from bench.retrieval.table import FloatArray, IntArray

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

PERCENTILES = (50, 90, 99)
WARM_UP = 3
"""Batches that each contestant answers before anything is timed."""


@dataclass(frozen=True)
class Contestant:
    """One way of answering: an engine at a budget, or a network that runs to one exit. What it knows, and its images.

    ``label`` holds what identifies it in the record: kind, budget, exit, run.
    """

    name: str
    asked: Answering
    inputs: Inputs
    deployed: Deployed
    profile: StepProfile
    label: dict[str, Any]
    simulated: IntArray | None = None
    """(N,) exits that a sweep gives, in the order of the table; None where nothing is decided."""


@dataclass
class Measured:
    """Measurements of one contestant over all rounds."""

    contestant: Contestant
    passes: list[Pass]
    energies: list[Energy]
    served: list[Served] = field(default_factory=list)
    """Of the server scenario, one a round."""

    @property
    def sizes(self) -> set[int]:
        """Batch sizes that its steps ran on."""
        return {size for _, size in _runs(self.passes)}


def measure(
    contestants: Sequence[Contestant],
    order: IntArray,
    batch: int,
    meter: EnergyMeter,
    *,
    together: bool = False,
    rebatch: bool = False,
    rounds: int = 1,
    seed: int = 0,
    bound: float | None = None,
    reporter: Reporter = SILENT,
) -> list[Measured]:
    """Let every contestant answer all queries (N,) of ``order`` in each round; who comes first is drawn each round.

    Where joules are counted, a contestant answers them again until the counter tells something.

    ``together`` and ``rebatch`` are those of :func:`bench.inference.scenarios.run_pass`. ``bound`` (milliseconds)
    asks for the server scenario too: the highest rate of arrivals that keeps it, in each round on arrivals of its own,
    which are the same for all contestants.
    """
    generator = np.random.default_rng([seed, 1])
    measured = [Measured(contestant, [], []) for contestant in contestants]
    for one in contestants:
        warm = order[: WARM_UP * batch]
        run_pass(one.asked, one.inputs, warm, batch)
    meter.measure_idle()
    total = rounds * len(contestants) * (2 if bound is not None else 1)
    with reporter.task("answering", total, unit="passes") as task:
        for _ in range(rounds):
            for index in generator.permutation(len(measured)):
                one = measured[index]
                task.advance(0, status=one.contestant.name)
                window = meter.window()
                asked, inputs = one.contestant.asked, one.contestant.inputs
                passes = 0
                while not passes or window.too_short:
                    one.passes.append(run_pass(asked, inputs, order, batch, together=together, rebatch=rebatch))
                    passes += 1
                one.energies.append(window.end(passes))
                task.advance()
        for number in range(rounds) if bound is not None else ():
            for index in generator.permutation(len(measured)):
                one = measured[index]
                task.advance(0, status=one.contestant.name)
                fastest = len(order) / min(done.seconds for done in one.passes)
                arrivals = np.random.default_rng([seed, 2, number])
                assert bound is not None
                asked, inputs = one.contestant.asked, one.contestant.inputs
                one.served.append(highest_rate(asked, inputs, order, batch, bound, fastest, arrivals))
                task.advance()
    return measured


def summary(measured: Measured, full: Measured, order: IntArray) -> dict[str, Any]:
    """Lay out the measurements of one contestant as plain values; savings are against the full network.

    ``promised_by_macs`` and ``promised_by_steps`` are what multiply-adds, the policy's own included, and the step
    profile, at the batch sizes that occurred, would save; ``saved_network`` and ``saved_end_to_end`` what was saved in
    time. A policy's own work takes its time at the decision, which is in the latter alone. ``rate`` is a server's
    (queries a second): the median over the rounds, with the least and the greatest.
    """
    one, passes = measured.contestant, measured.passes
    answers = passes[0].answers
    latencies = np.concatenate([done.latencies for done in passes])
    network = np.concatenate([done.network_latencies for done in passes])
    count = len(order)
    changed, compared = changed_bits(answers, one.deployed, order)
    values = {
        **one.label,
        "name": one.name,
        "exit_fractions": answers.fractions.tolist(),
        "macs": float(answers.macs.mean()),
        "searches": float(answers.searches.sum() / count),
        **answered_scores(answers, one.deployed, order),
        **{f"latency_p{p}": float(np.percentile(latencies, p)) for p in PERCENTILES},
        **{f"network_latency_p{p}": float(np.percentile(network, p)) for p in PERCENTILES},
        "milliseconds": _per_query(passes, count),
        "network_milliseconds": _network(passes, count),
        "throughput": 1e3 / _per_query(passes, count),
        "network_throughput": 1e3 / _network(passes, count),
        "promised_by_macs": 1 - float(answers.macs.mean() / full.passes[0].answers.macs.mean()),
        "promised_by_steps": 1 - _steps(measured) / _steps(full),
        "saved_network": 1 - _network(passes, count) / _network(full.passes, count),
        "saved_end_to_end": 1 - _per_query(passes, count) / _per_query(full.passes, count),
        "bits_changed": changed,
        "bits_compared": compared,
        "decisions_changed": None,
        "energy": [asdict(energy) for energy in measured.energies],
        "joules": _joules(measured.energies, count),
        "idle_joules": _idle_joules(measured.energies, count),
        "values": {
            "latencies": [_kept(done.latencies) for done in passes],
            "network_latencies": [_kept(done.network_latencies) for done in passes],
            "milliseconds": [_kept(done.answers.milliseconds) for done in passes],
            "exits": answers.exits.tolist(),
            "searches": answers.searches.tolist(),
            "steps": [[*at, times] for at, times in sorted(_runs(passes).items())],
            "parts": [{**done.answers.parts, "decoding": done.decoding} for done in passes],
        },
    }
    if one.simulated is not None:
        values["decisions_changed"] = int((answers.exits != one.simulated[order]).sum())
    if measured.served:
        rates = [served.rate for served in measured.served]
        values |= {"rate": float(np.median(rates)), "rate_low": min(rates), "rate_high": max(rates)}
        values["latency_bound"] = measured.served[0].bound
        values["values"]["rates"] = [[list(probe) for probe in served.probes] for served in measured.served]
    return values


def _kept(milliseconds: FloatArray) -> list[float]:
    """Single values as a record keeps them: to a tenth of a microsecond, which is what the clock tells apart."""
    return [round(value, 4) for value in milliseconds.tolist()]


def peak_memory_bytes() -> int | None:
    """Most memory that this process has had in use so far; None where the system does not tell (Windows)."""
    if resource is None:
        return None
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else 1024 * used


def _per_query(passes: Sequence[Pass], count: int) -> float:
    """Milliseconds a query, from files to answers: median over the passes."""
    return float(np.median([1e3 * done.seconds / count for done in passes]))


def _network(passes: Sequence[Pass], count: int) -> float:
    """Milliseconds a query in the network's steps and compaction: median over the passes."""
    return float(np.median([done.network_milliseconds / count for done in passes]))


def _runs(passes: Sequence[Pass]) -> Counter[tuple[int, int]]:
    return sum((done.answers.runs for done in passes), Counter())


def _steps(measured: Measured) -> float:
    """Milliseconds of one pass by the step profile."""
    return measured.contestant.profile.total(_runs(measured.passes)) / len(measured.passes)


def _joules(energies: Sequence[Energy], count: int) -> float | None:
    """Joules a query; None unless every window has a number."""
    counted = [energy.joules / energy.passes for energy in energies if energy.joules is not None]
    return float(np.median(counted)) / count if counted and len(counted) == len(energies) else None


def _idle_joules(energies: Sequence[Energy], count: int) -> float | None:
    """Joules that the counter tells of in a query's time where nothing runs; None unless every window has a number."""
    counted = [one.idle_watts * one.seconds / one.passes for one in energies if one.idle_watts is not None]
    return float(np.median(counted)) / count if counted and len(counted) == len(energies) else None
