import os
import subprocess
import sys
import textwrap

import pytest
from invented import invented_table
from profiled import LEDGER

from bench import registry
from bench.budget.sweep import sweep
from bench.errors import BenchError
from bench.running.plan import describe
from bench.running.request import RunRequest
from bench.spec import SweepSpec


def test_what_is_there():
    assert {"hashreid", "hashreid-noexit"} <= set(registry.names("method"))
    assert {"synthped", "market1501", "manifest"} <= set(registry.names("dataset"))
    assert {"random", "qs", "gs"} <= set(registry.names("policy"))


@pytest.mark.parametrize("kind", ["method", "dataset", "policy", "thresholding", "cost", "backend"])
def test_every_entry_loads_under_its_own_name(kind):
    for name in registry.names(kind):
        value = registry.load(kind, name)
        assert value.name == name
        assert value.summary


@pytest.mark.parametrize(
    ("kind", "typo", "meant"), [("method", "hashried", "hashreid"), ("policy", "randon", "random")]
)
def test_did_you_mean(kind, typo, meant):
    with pytest.raises(BenchError, match=f"did you mean '{meant}'"):
        registry.load(kind, typo)


def test_a_name_like_nothing_gets_the_list():
    with pytest.raises(
        BenchError,
        match=r"known: cuhk03, dukemtmc, ltcc, manifest, market1501, mars, msmt17, occluded-duke, prcc, synth",
    ):
        registry.load("dataset", "zzzzzz")


def install(folder, name, group, source):
    """Lay a package out as an installer would: its file and its metadata with one entry point."""
    (folder / f"{name}.py").write_text(textwrap.dedent(source))
    information = folder / f"{name}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[{group}]\n{name} = {name}:{name.upper()}\n")


def found_here(folder, monkeypatch):
    """Let this process, which has imported what a run needs, find the packages that lie in a folder."""
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(registry, "_registered", registry._registered.__wrapped__)


def python(code, path):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_a_plug_in_is_one_file_and_one_line(tmp_path):
    """A package that this suite has never heard of: its policy is listed and swept."""
    source = """
        from bench.budget.policy import Policy

        COIN = Policy("coin", "heads leave", "nobody", lambda signals, generator: signals.identity_margin * 0)
        """
    install(tmp_path, "coin", "bench.policies", source)
    code = "from bench import registry; print(registry.names('policy'), registry.policy('coin').summary)"
    names, summary = python(code, tmp_path).strip().rsplit("] ", 1)
    assert "'coin'" in names
    assert "'random'" in names
    assert summary == "heads leave"


def test_a_thresholding_and_a_cost_are_each_one_file_and_one_line(monkeypatch, tmp_path):
    """Packages that this suite has never heard of: both are planned with, swept with and put on record."""
    thresholding = """
        import numpy as np

        from bench.budget.thresholding.contract import Thresholding

        def last(confidence, fractions, calibration, generator):
            return np.full((len(fractions.p), len(confidence)), confidence.shape[1] - 1)

        PATIENT = Thresholding("patient", "nobody leaves early", "nobody", last, None)
        """
    cost = """
        import numpy as np

        from bench.cost.axes.contract import Cost, Prices

        GALLONS = Cost("gallons", "a gallon an exit", "gallons", "nobody",
                       lambda ledger, measurement: Prices(np.arange(1.0, len(ledger.exits) + 1)))
        """
    install(tmp_path, "patient", "bench.thresholdings", thresholding)
    install(tmp_path, "gallons", "bench.costs", cost)
    found_here(tmp_path, monkeypatch)
    spec = SweepSpec(("gs",), ("patient",), budgets=2, resamples=5, cost="gallons")
    planned = describe(RunRequest("hashreid", "smoke", sweep=spec))["sweep"]
    assert planned == "gs; thresholding patient; 2 budgets in gallons; 5 resamples"
    cost = registry.cost("gallons")
    prices = cost.prices(LEDGER, None)
    assert cost.header(prices) == {"name": "gallons", "unit": "gallons"}
    records = sweep(invented_table(), prices.ladder, spec, [registry.policy("gs")])
    assert {record["realised_cost"] for record in records if record["kind"] == "policy"} == {4.0}


MADE_UP_METHOD = """
    from torch import nn

    from bench.losses import batch_hard_triplet
    from bench.methods import Method, Preset
    from bench.networks import ExitOutput, ExitSpec, MultiExitNetwork
    from bench.training.shared import SHARED_RECIPES


    class Network(MultiExitNetwork):
        exits = (ExitSpec("early", 8, "continuous"), ExitSpec("late", 16, "continuous"))

        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList([nn.Conv2d(3, 8, 3, 2), nn.Conv2d(8, 16, 3, 2)])
            self.heads = nn.ModuleList([nn.AdaptiveAvgPool2d(1), nn.AdaptiveAvgPool2d(1)])

        def start(self, images):
            return images

        def step(self, state, exit_index):
            maps = self.blocks[exit_index](state).relu()
            return maps, self.heads[exit_index](maps).flatten(1)

        def outputs(self, images, num_exits=None):
            return [ExitOutput(embedding, embedding) for embedding in self.embed(images, num_exits)]


    MADEUP = Method(
        "madeup", "two convolutions", "nobody", "nothing", "everything",
        {"smoke": Preset("seconds", {}, SHARED_RECIPES["smoke"])},
        lambda options, num_identities, input_size: Network(),
        lambda outputs, labels, options: {"triplet": batch_hard_triplet(outputs[-1].embedding, labels, 0.3)},
    )
    """


def test_a_made_up_method_is_one_file_and_one_line(bench, cache, monkeypatch, tmp_path):
    """It is listed and run, as a plug-in is that a process of its own finds (above)."""
    install(tmp_path, "madeup", "bench.methods", MADE_UP_METHOD)
    found_here(tmp_path, monkeypatch)
    assert "two convolutions" in bench("list", "methods")[1]
    job = ["run", "-m", "madeup", "--preset", "smoke", "--data", "size=smoke", "--device", "cpu", "--cache", cache]
    job += ["--results", tmp_path / "results", "--budget-sweep", "--policies", "gs,random"]
    status, swept, err = bench(*job, "--budgets", 3, "--resamples", 20)
    assert status == 0, err
    assert "madeup, preset smoke, seed 0" in swept
    assert "gap closed" in swept
    assert "gs" in swept


def test_an_installation_older_than_the_code_is_told_to_install_again(monkeypatch):
    monkeypatch.setattr(registry, "_registered", lambda kind: {})
    with pytest.raises(BenchError, match=r"bench\.thresholdings.*install again"):
        registry.load("thresholding", "stream")
