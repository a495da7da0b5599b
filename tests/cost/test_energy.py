"""Counters of energy as zeus shows them, in its units and with its faults: what is made of them."""

import itertools
import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from clock import Clock

from bench.cost import energy
from bench.cost.energy import EnergyMeter, find_meter

RANGE = 262_143_328_850
"""Microjoules after which the counter of a package begins again at 0: that of most processors."""


class NotPermitted(Exception):
    """Stands for what zeus raises where the files are root's."""


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(energy, "time", clock)
    return clock


@pytest.fixture
def zeus(monkeypatch):
    """Stand in for zeus: ``zeus("cpu", get_cpus=…)`` gives one of its modules these names."""

    def stand_in(device, **names):
        for name in ("zeus", "zeus.device", f"zeus.device.{device}", "zeus.device.cpu.common"):
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
        vars(sys.modules[f"zeus.device.{device}"]).update(names)
        vars(sys.modules["zeus.device.cpu.common"])["ZeusCPUNoPermissionError"] = NotPermitted

    return stand_in


class Processor:
    """A package that takes ``watts`` from ``start`` microjoules on, as zeus reads it: millijoules, ranges added late.

    zeus looks once a second for a counter that has begun again, at ``phase`` seconds and every second after.
    """

    def __init__(self, clock, watts, start=0, phase=0.5, name="package-0"):
        self.clock, self.watts, self.start, self.phase = clock, watts, start, phase
        self.rapl_file = SimpleNamespace(max_energy_range_uj=float(RANGE), name=name)

    def spent(self, at):
        return self.start + 1e6 * self.watts * at

    def get_total_energy_consumption(self):
        now = self.clock.now
        looked = max((now - self.phase) // 1 + self.phase, 0.0)
        seen = self.spent(looked) // RANGE
        return SimpleNamespace(cpu_mj=(self.spent(now) % RANGE + seen * RANGE) / 1000, dram_mj=1e9)


def windows(meter, clock, lengths, pauses):
    """Measure windows of these seconds with pauses between them: joules of each."""
    for length, pause in zip(lengths, pauses, strict=True):
        window = meter.window()
        clock.now += length
        yield window.end().joules
        clock.now += pause


def test_joules_are_those_of_all_sockets(zeus, clock):
    processors = [Processor(clock, 65.0), Processor(clock, 40.0, start=10**9)]
    zeus("cpu", get_cpus=lambda: SimpleNamespace(cpus=processors))
    meter = find_meter("cpu")
    assert meter.counter == "RAPL, 2 package(s)"
    assert list(windows(meter, clock, [2.5, 5.0], [0.3, 0.0])) == pytest.approx([262.5, 525.0], rel=1e-6)
    meter.measure_idle(4.0)
    assert meter.idle_watts == pytest.approx(105.0, rel=1e-6)


def test_what_holds_the_packages_is_not_counted_beside_them(zeus, clock, tmp_path):
    """A laptop's ``psys``: read by zeus itself, and by its daemon, which tells no names."""
    processors = [Processor(clock, 65.0), Processor(clock, 130.0, name="psys")]
    zeus("cpu", get_cpus=lambda: SimpleNamespace(cpus=processors))
    meter = find_meter("cpu")
    assert meter.counter == "RAPL, 1 package(s)"
    assert list(windows(meter, clock, [2.5], [0.0])) == pytest.approx([162.5], rel=1e-6)
    for index, processor in enumerate(processors):
        (tmp_path / f"intel-rapl:{index}").mkdir()
        (tmp_path / f"intel-rapl:{index}" / "name").write_text(f"{processor.rapl_file.name}\n")
        processor.cpu_index = index
        del processor.rapl_file
    zeus("cpu", get_cpus=lambda: SimpleNamespace(cpus=processors, rapl_dir=str(tmp_path)))
    assert find_meter("cpu").counter == "RAPL, 1 package(s)"


def test_idle_power_that_no_machine_takes_is_no_number(clock):
    readings = iter([262_143.0, 200.0, 300.0, 400.0])
    meter = EnergyMeter("a counter", lambda: next(readings))
    meter.measure_idle()
    assert meter.idle_watts is None
    meter.measure_idle()
    assert meter.idle_watts == pytest.approx(20.0)


@pytest.mark.parametrize("phase", [0.0, 0.2, 0.4, 0.6, 0.8])
@pytest.mark.parametrize("watts", [40.0, 250.0, 900.0])
def test_a_counter_that_begins_again_changes_no_number(clock, phase, watts):
    """Wherever that falls, in a window or between two, and however late zeus sees it."""
    pauses, seen = itertools.cycle([0.1, 0.7]), []
    for before in (3.05, 4.2, 5.0, 6.15, 7.3):
        clock.now = 0.0
        package = energy.Package(Processor(clock, watts, start=RANGE - int(1e6 * watts * before), phase=phase))
        package.read()
        seen += list(windows(EnergyMeter("a package", package.read), clock, [2.1] * 6, itertools.islice(pauses, 6)))
    assert seen == pytest.approx([2.1 * watts] * 30, rel=1e-6)


def test_what_no_machine_takes_is_no_number(clock):
    """Zeus's daemon tells no range: the second window begins before it has seen the counter begin again."""
    processor = Processor(clock, 250.0, start=RANGE - 10**9, phase=0.9)
    del processor.rapl_file
    package = energy.Package(processor)
    package.read()
    first, second, third = windows(EnergyMeter("a package", package.read), clock, [2.05] * 3, [2.1, 0.0, 0.0])
    assert (first, second, third) == (pytest.approx(512.5), None, pytest.approx(512.5))
    readings = iter([262_143.0, 200.0])
    window = EnergyMeter("a counter", lambda: next(readings)).window()
    clock.now += 2.0
    counted = window.end()
    assert (counted.joules, counted.counter) == (None, "the counter went by -2.619e+05 J in 2.0 s")


def test_a_counter_that_stands_still_is_none(zeus, clock):
    zeus("cpu", get_cpus=lambda: SimpleNamespace(cpus=[Processor(clock, 0.0)]))
    meter = find_meter("cpu")
    assert (meter.read, meter.counter) == (None, "no counter: RAPL, 1 package(s) stands still")
    assert clock.now == pytest.approx(energy.STILL_SECONDS, abs=0.05)


def test_why_a_processor_has_no_counter(zeus):
    def refuse():
        raise NotPermitted

    def fail():
        raise ValueError("something of zeus's own")

    for get_cpus, said in (
        (lambda: SimpleNamespace(cpus=[]), "no counter: RAPL has no package here"),
        (refuse, "no counter: RAPL is for root alone (energy_uj under /sys/class/powercap)"),
        (fail, "no counter that zeus can read (ValueError)"),
    ):
        zeus("cpu", get_cpus=get_cpus)
        meter = find_meter("cpu")
        assert (meter.read, meter.counter) == (None, said)


def test_a_package_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "zeus", None)
    assert find_meter("cpu").counter == "no counter: zeus is not installed (the extra energy)"


def test_the_gpu_is_the_one_that_runs(zeus, monkeypatch):
    spent = itertools.count(5000, 250)
    cards = SimpleNamespace(
        get_name=lambda index: ("Small", "Large")[index], get_total_energy_consumption=lambda index: next(spent)
    )
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    zeus("gpu", get_gpus=lambda: cards)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "Small")
    meter = find_meter("cuda")
    assert meter.counter == "NVML, Small"
    before = meter.read()
    assert meter.read() - before == pytest.approx(0.25)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "Large")
    meter = find_meter("cuda")
    assert meter.read is None
    assert meter.counter.startswith("no counter: device 0 is Large to CUDA and Small to NVML; try CUDA_DEVICE_ORDER")


def test_other_devices_are_not_read():
    assert find_meter("mps").counter == "no counter of mps is read"
