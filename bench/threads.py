"""How OpenMP's threads wait for each other, and what helps on a busy machine. No torch here: OpenMP reads its
settings once, when torch is loaded.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

POLICY = "OMP_WAIT_POLICY"
"""Variable by which OpenMP is told how threads wait."""
_set_here: list[str] = []
NAMES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables by which a user chooses a number of threads."""
RUNNING = Path("/proc/loadavg")
"""Where Linux tells how many threads of all processes run or want to, in the fourth field."""
SAMPLES, APART_SECONDS = 5, 0.02


def usable_cores() -> int:
    """Count the cores that this process may run on, which in a container are fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def wait_passively() -> None:
    """Have threads that wait give up their core, unless the user has said how they should wait.

    libgomp, which torch ships on Linux, spins for some milliseconds first. With a core for every thread that is
    quick; as soon as another process wants a core, threads spin while the thread that they wait for stands in line.
    """
    if POLICY not in os.environ:
        os.environ[POLICY] = "passive"
        _set_here.append(POLICY)


def wait_as_openmp_does() -> None:
    """Undo :func:`wait_passively`, before torch is loaded: for what is timed with the machine to itself.

    Waking threads that sleep takes longer than many a layer of a small network on one image.
    """
    while _set_here:
        os.environ.pop(_set_here.pop(), None)


def others_running() -> float:
    """Count the threads of other processes that run or wait for a core just now; 0 where the system does not tell.

    A load average would count what this process did in the last minute, and the command before it.
    """
    counts = []
    for _ in range(SAMPLES):
        try:
            counts.append(int(RUNNING.read_text(encoding="utf-8").split()[3].split("/")[0]))
        except (OSError, ValueError, IndexError):
            return 0.0
        time.sleep(APART_SECONDS)
    return max(sum(counts) / len(counts) - 1, 0.0)


def advice(threads: int, cores: int, others: float, environment: Mapping[str, str]) -> str | None:
    """Say how a training of ``threads`` threads runs faster beside others; None where three in four find a free core.

    ``others`` are threads of other processes that want one of the ``cores``. The number of threads is never changed
    here: with another number sums round otherwise, and a training ends in other weights.
    """
    free = max(round(cores - others), 1)
    if free > 0.75 * threads or any(environment.get(name) for name in NAMES):
        return None
    return (
        f"other work wants {others:.1f} of {cores} cores, and this training uses {threads} threads: "
        f"OMP_NUM_THREADS={free} is faster; with another number of threads sums round otherwise"
    )
