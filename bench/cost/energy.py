"""Joules, from counters alone: RAPL of the processor, NVML of a GPU, both read by zeus.

Where there is no counter there is no number: an estimate would not be a measurement.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LEAST_SECONDS = 2.0
"""A window shorter than this is a few updates of a counter long, and tells nothing."""
IDLE_SECONDS = 5.0
STILL_SECONDS = 1.0
"""A counter that is at the same number for so long counts nothing: virtual machines show such ones."""
MOST_WATTS = 10_000.0
"""More than a machine takes: where a counter says so, it did not count but jumped."""
MILLIJOULES, MICROJOULES = 1e-3, 1e-6


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
        """Measure the power while nothing runs; None where the counter says what no machine takes."""
        if self.read is not None:
            started, before = time.perf_counter(), self.read()
            time.sleep(seconds)
            watts = (self.read() - before) / (time.perf_counter() - started)
            self.idle_watts = watts if 0 <= watts <= MOST_WATTS else None

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
        if not 0 < joules <= MOST_WATTS * seconds:
            return Energy(f"the counter went by {joules:.4g} J in {seconds:.1f} s", seconds, passes=passes)
        return Energy(self.meter.counter, seconds, joules, self.meter.idle_watts, passes)


class NoCounter(Exception):
    """Says why a device has no counter that could be read."""


def find_meter(device: str) -> EnergyMeter:
    """Find the counter of a device, ``cpu`` or ``cuda``; for others none is read."""
    if device not in ("cpu", "cuda"):
        return EnergyMeter(f"no counter of {device} is read", None)
    try:
        return _moving(_nvml() if device == "cuda" else _rapl())
    except NoCounter as problem:
        return EnergyMeter(f"no counter: {problem}", None)
    except ImportError as problem:
        package = (problem.name or "zeus").partition(".")[0]
        return EnergyMeter(f"no counter: {package} is not installed (the extra energy)", None)
    except Exception as problem:  # zeus's errors share no base, and all mean that nothing can be read
        return EnergyMeter(f"no counter that zeus can read ({type(problem).__name__})", None)


def _moving(meter: EnergyMeter) -> EnergyMeter:
    """Give a meter whose counter was seen to go on. Raises :class:`NoCounter` for one that stands still."""
    assert meter.read is not None
    before, until = meter.read(), time.perf_counter() + STILL_SECONDS
    while meter.read() == before:
        if time.perf_counter() > until:
            raise NoCounter(f"{meter.counter} stands still")
        time.sleep(0.01)
    return meter


class Package:
    """Joules of one processor package, by its counter in zeus.

    RAPL's counter begins again at 0 after ``max_energy_range_uj``, which is some minutes or an hour of work. zeus adds
    what was counted before, but looks for new beginnings once a second: until then it gives a whole range too little.
    """

    def __init__(self, counter: Any) -> None:
        self.counter = counter
        # zeus's daemon, which reads for those who may not, does not tell the range.
        told = getattr(getattr(counter, "rapl_file", None), "max_energy_range_uj", 0)
        self.range = MICROJOULES * told or float("inf")
        self.last = 0.0

    def read(self) -> float:
        """Read the joules since some start; never less than the last time."""
        joules = MILLIJOULES * self.counter.get_total_energy_consumption().cpu_mj
        # Half a range: no rounding is as large, and no counter goes as far within zeus's second.
        while joules < self.last - self.range / 2:
            joules += self.range
        self.last = joules
        return joules


def _rapl() -> EnergyMeter:
    from zeus.device.cpu import get_cpus
    from zeus.device.cpu.common import ZeusCPUNoPermissionError

    try:
        found = get_cpus()
        packages = [Package(counter) for counter in found.cpus if _zone_name(found, counter).startswith("package")]
    except ZeusCPUNoPermissionError:
        raise NoCounter("RAPL is for root alone (energy_uj under /sys/class/powercap)") from None
    if not packages:
        raise NoCounter("RAPL has no package here")

    def read() -> float:
        return sum(package.read() for package in packages)

    return EnergyMeter(f"RAPL, {len(packages)} package(s)", read)


def _zone_name(found: Any, counter: Any) -> str:
    """Name what one of zeus's processors counts; not all are: on laptops ``psys`` is all that the machine takes."""
    zone = getattr(counter, "rapl_file", None)
    # zeus's daemon does not tell the name; its file may be read by everybody.
    return zone.name if zone else (Path(found.rapl_dir) / f"intel-rapl:{counter.cpu_index}" / "name").read_text()


def _nvml() -> EnergyMeter:
    import torch
    from zeus.device.gpu import get_gpus

    gpus, index = get_gpus(), torch.cuda.current_device()
    name, wanted = gpus.get_name(index), torch.cuda.get_device_name(index)
    # CUDA counts from the fastest GPU on, NVML by slot; and a part of a GPU (MIG) has no counter of its own.
    if name != wanted:
        raise NoCounter(f"device {index} is {wanted} to CUDA and {name} to NVML; try CUDA_DEVICE_ORDER=PCI_BUS_ID")

    def read() -> float:
        return MILLIJOULES * gpus.get_total_energy_consumption(index)

    return EnergyMeter(f"NVML, {name}", read)
