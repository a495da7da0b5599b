"""Scenarios on a clock of our own: what waits for what, and which rate is kept."""

from types import SimpleNamespace

import numpy as np
import pytest
from clock import Clock

from bench.cost.energy import EnergyMeter, find_meter
from bench.errors import BenchError
from bench.inference import scenarios
from bench.inference.scenarios import batch_size, highest_rate, run_pass, serve


class Worker:
    """Takes ten milliseconds a batch, whatever its size."""

    def __init__(self, clock):
        self.clock, self.sizes = clock, []

    def restart(self):
        self.sizes = []

    def answer(self, images, camids, numbers=None):
        self.sizes.append(len(camids))
        self.clock.now += 0.010
        return SimpleNamespace(milliseconds=np.full(len(camids), 10.0))


class Queries:
    camids = np.ones(40, dtype=np.int64)

    def __len__(self):
        return 40

    def decoded(self, rows):
        return rows, 0.0


EVERY = np.arange(40)


@pytest.fixture
def worker(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(scenarios, "time", clock)
    return Worker(clock)


def test_who_comes_while_others_are_answered_waits(worker):
    arrivals = np.array([0.0, 0.001, 0.002, 0.004, 0.100])
    waited = serve(worker, Queries(), arrivals, np.arange(5), batch=2)
    # 0 alone till 10; 1 and 2 till 20; 3 till 30; the last finds nobody.
    np.testing.assert_allclose(waited, [10, 19, 18, 26, 10])
    assert worker.sizes == [1, 2, 1, 1]


def test_the_highest_rate_is_between_one_that_is_kept_and_one_that_is_not(worker):
    served = highest_rate(worker, Queries(), EVERY, 4, 25.0, 4000.0, np.random.default_rng(0))
    kept = [rate for rate, tail in served.probes if tail <= 25.0]
    lost = [rate for rate, tail in served.probes if tail > 25.0]
    assert served.rate == max(kept) < min(lost)
    assert min(lost) - served.rate < 4000 / 2**6
    # A bound that even the fastest keeps is not searched further.
    assert highest_rate(worker, Queries(), EVERY, 4, 1e6, 400.0, np.random.default_rng(0)).rate == 400.0
    assert highest_rate(worker, Queries(), EVERY, 4, 5.0, 4000.0, np.random.default_rng(0)).rate == 0.0
    with pytest.raises(BenchError, match="above 0"):
        highest_rate(worker, Queries(), EVERY, 4, 0.0, 400.0, np.random.default_rng(0))


def test_a_server_asks_the_chosen_queries_alone(worker, monkeypatch):
    asked = []
    monkeypatch.setattr(Queries, "decoded", lambda self, rows: (asked.extend(rows.tolist()), 0.0))
    order = np.array([3, 17, 5, 30, 8])
    served = highest_rate(worker, Queries(), order, 4, 1e6, 400.0, np.random.default_rng(0))
    assert len(served.probes) == 1
    assert len(asked) == len(order)
    assert set(asked) <= set(order.tolist())


def test_batches_of_a_scenario():
    assert [batch_size(name, 32) for name in scenarios.SCENARIOS] == [1, 8, 32, 32]
    with pytest.raises(BenchError, match="1 image or more"):
        batch_size("offline", 0)


def test_a_pass_asks_everybody_once(deployed_of):
    deployed = deployed_of("hashreid", "gs")
    engine = deployed.engine(deployed.replay(), deployed.decider(deployed.budget(0.5), "calibrated"))
    inputs = SimpleNamespace(camids=deployed.table.signals.query_camids, decoded=lambda rows: (rows, 1.0))
    order = np.random.default_rng(0).permutation(len(deployed.table))
    apart = run_pass(engine, inputs, order, 8)
    together = run_pass(engine, inputs, order, 8, together=True)
    assert len(apart.latencies) == len(order)
    assert len(together.latencies) == -(-len(order) // 8)
    assert np.array_equal(apart.answers.exits, together.answers.exits)
    assert apart.decoding == len(together.latencies)
    assert (apart.latencies > apart.network_latencies).all()


def test_joules_come_from_a_counter_or_not_at_all(monkeypatch):
    readings = iter([100.0, 103.0])
    meter = EnergyMeter("a counter", lambda: next(readings))
    window = meter.window()
    window.started -= 4.0
    assert not window.too_short
    counted = window.end(passes=2)
    assert (counted.joules, counted.counter, counted.passes) == (3.0, "a counter", 2)
    assert EnergyMeter("a counter", lambda: 1.0).window().too_short
    assert not EnergyMeter("no counter", None).window().too_short, "without a counter nobody waits for it"
    short = EnergyMeter("a counter", lambda: 1.0).window().end()
    assert short.joules is None
    assert "too short" in short.counter
    nothing = EnergyMeter("no counter", None)
    nothing.measure_idle()
    assert (nothing.window().end().joules, nothing.idle_watts) == (None, None)
    idle = iter([0.0, 5.0])
    meter = EnergyMeter("a counter", lambda: next(idle))
    monkeypatch.setattr("bench.cost.energy.time", Clock())
    meter.measure_idle(0.01)
    assert meter.idle_watts == pytest.approx(500)
    monkeypatch.setitem(__import__("sys").modules, "zeus.device.cpu", None)
    assert find_meter("cpu").counter.startswith("no counter")
