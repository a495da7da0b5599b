"""What a cost counts may change: sweeps of before are not taken for those of today."""

from dataclasses import replace

from bench import registry
from bench.cost.axes.matching import MATCHING
from bench.running.run import run
from bench.runs.load import load
from bench.spec import SweepSpec


def ends(result, policy):
    costs = [row["realised_cost"] for row in result.records if row["kind"] == "policy" and row["policy"] == policy]
    return costs[0], costs[-1]


def test_a_sweep_over_another_version_of_a_cost_is_another_sweep(smoke_request, trained, monkeypatch):
    sweep = SweepSpec(("gs", "random"), thresholdings=("exact",), budgets=3, resamples=5, cost="matching")
    request = trained(smoke_request(sweep=sweep))
    today = run(request)
    exits = [row["realised_cost"] for row in today.records if row["kind"] == "exit"]
    search = [row["matching_word_operations"] for row in today.header["exits"]]
    assert exits == [row["cumulative_macs"] + row["matching_word_operations"] for row in today.header["exits"]]
    assert today.header["cost"]["search"] == search
    assert ends(today, "random") == (exits[0], exits[-1])
    assert ends(today, "gs") == (exits[0], exits[-1] + sum(search[:-1]))
    assert run(request).cached
    monkeypatch.setattr(registry, "cost", lambda name: replace(MATCHING, version=1))
    before = run(request)
    assert not before.cached
    assert before.path != today.path
    assert "version" not in before.header["cost"]
    assert len({one.identity for one in load(request.results).runs}) == 2, "the two are never one run"
