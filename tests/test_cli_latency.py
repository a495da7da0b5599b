import json
import time

from bench.cost.energy import EnergyMeter
from bench.cost.profiles import LATENCIES, network_key
from bench.running.request import RunRequest


def test_networks_are_timed_without_data(bench, tmp_path, monkeypatch):
    monkeypatch.setattr("bench.cost.energy.LEAST_SECONDS", 0.05)
    meter = EnergyMeter("a counter", lambda: 10 * time.perf_counter())
    monkeypatch.setattr("bench.cost.energy.find_meter", lambda device: meter)
    arguments = ("-m", "hashreid,dare", "--preset", "smoke", "--device", "cpu", "--seconds", 0, "--results", tmp_path)
    status, out, err = bench("latency", *arguments)
    assert status == 0
    assert "milliseconds a batch" in out
    assert "fusion" in out
    assert "networks" in err
    records = [json.loads(path.read_text()) for path in (tmp_path / "latency").iterdir()]
    assert sorted(record["method"] for record in records) == ["dare", "hashreid"]
    for record in records:
        _, options, recipe = RunRequest(method=record["method"], preset="smoke").resolve()
        assert record["network"] == network_key(record["method"], options, recipe.input_size)
        assert record["provenance"]["precision"] in ("float32", "bfloat16")
        assert record["counter"] == "a counter"
        assert len(record["joules"]) == len(record["exits"])
        assert min(record["joules"]) > 0
    found, remarks = LATENCIES.records(tmp_path)
    assert (len(found), remarks) == (2, [])


def test_mistakes(bench, tmp_path):
    for arguments, message in (
        (("-m", "dre"), "did you mean 'dare'"),
        (("-m", "dare", "--device", "tpu"), "device is auto"),
        (("-m", "dare", "--preset", "demi"), "did you mean 'demo'"),
    ):
        status, _, err = bench("latency", *arguments, "--results", tmp_path)
        assert status == 1
        assert message in err
