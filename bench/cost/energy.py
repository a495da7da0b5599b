"""Joules, from counters alone: RAPL of the processor, NVML of a GPU, both read by zeus.

Where there is no counter there is no number: an estimate would not be a measurement.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

LEAST_SECONDS = 2.0
"""A window shorter than this is a few updates of a counter long, and tells nothing."""
IDLE_SECONDS = 5.0
MILLIJOULES = 1e-3


@dataclass(frozen=True)
class Energy:
    """What a counter counted in a window; None without a counter, or in too short a window."""

    counter: str
    """Name of the counter, or why there is no number."""
    seconds: float
    joules: float | None = None
    idle_watts: float | None = None
    """Power of the same counter while nothing ran, measured before."""
    passes: int = 1
    """How often the same work was done meanwhile."""


class EnergyMeter:
    """Reads one counter, ``read()`` in joules since some start; None for a machine without."""

    def __init__(self, counter: str, read: Callable[[], float] | None) -> None:
        self.counter, self.read = counter, read
        self.idle_watts: float | None = None

    def measure_idle(self, seconds: float = IDLE_SECONDS) -> None:
        """Measure the power while nothing runs."""
        if self.read is not None:
            started, before = time.perf_counter(), self.read()
            time.sleep(seconds)
            self.idle_watts = (self.read() - before) / (time.perf_counter() - started)

    def window(self) -> Window:
        """Begin to count."""
        return Window(self)


class Window:
    """The time between two readings."""

    def __init__(self, meter: EnergyMeter) -> None:
        self.meter = meter
        self.before = meter.read() if meter.read else 0.0
        self.started = time.perf_counter()

    @property
    def too_short(self) -> bool:
        """Whether a counter would tell nothing yet."""
        return self.meter.read is not None and time.perf_counter() - self.started < LEAST_SECONDS

    def end(self, passes: int = 1) -> Energy:
        """Stop counting, after so many passes."""
        seconds = time.perf_counter() - self.started
        if self.meter.read is None:
            return Energy(self.meter.counter, seconds, passes=passes)
        joules = self.meter.read() - self.before
        if seconds < LEAST_SECONDS:
            return Energy(f"window of {seconds:.1f} s is too short", seconds, passes=passes)
        return Energy(self.meter.counter, seconds, joules, self.meter.idle_watts, passes)


def find_meter(device: str) -> EnergyMeter:
    """Find the counter of a device, ``cpu`` or ``cuda``; for others none is read."""
    if device not in ("cpu", "cuda"):
        return EnergyMeter(f"no counter of {device} is read", None)
    try:
        return _nvml() if device == "cuda" else _rapl()
    except ImportError:
        return EnergyMeter("no counter: zeus is not installed (the extra energy)", None)
    except Exception as problem:  # zeus's errors share no base, and all mean that nothing can be read
        return EnergyMeter(f"no counter that zeus can read ({type(problem).__name__})", None)


def _rapl() -> EnergyMeter:
    from zeus.device.cpu import get_cpus

    cpus = get_cpus()

    def read() -> float:
        return MILLIJOULES * sum(cpus.get_total_energy_consumption(index).cpu_mj for index in range(len(cpus)))

    read()
    return EnergyMeter(f"RAPL, {len(cpus)} package(s)", read)


def _nvml() -> EnergyMeter:
    import torch
    from zeus.device.gpu import get_gpus

    gpus, index = get_gpus(), torch.cuda.current_device()

    def read() -> float:
        return MILLIJOULES * gpus.get_total_energy_consumption(index)

    read()
    return EnergyMeter(f"NVML, {gpus.get_name(index)}", read)
