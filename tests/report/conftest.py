"""Invented runs, written as the suite writes them, for the report to read."""

import copy
from dataclasses import asdict

import numpy as np
import pytest
from once import once

from bench import registry
from bench.budget.sweep import SweepSpec, exit_records, sweep
from bench.report.write import write_report
from bench.retrieval.table import ExitTable, Outcomes, Signals
from bench.runs.records import write_records
from bench.spec import digest

COSTS = (20e6, 28e6, 35e6, 65e6)
PROVENANCE = {
    "code": {"package": "0.1.0", "commit": "c0ffee", "dirty": True},
    "versions": {"training": 1},
    "packages": {"numpy": "2.0"},
    "device": "cpu",
    "argv": ["bench", "run", "--method", "<b>bold</b>"],
    "at": "2026-01-01T00:00:00+00:00",
}


def _table(seed, exits, queries=60):
    generator = np.random.default_rng(seed)
    right = generator.random((queries, 1)) + 0.2 * generator.standard_normal((queries, exits)) < 0.7
    precision = np.clip(0.5 * right + 0.4 * generator.random((queries, exits)), 0, 1)
    margin = np.where(right, generator.gamma(4, 5, right.shape), generator.gamma(1, 3, right.shape))
    nearest = generator.gamma(9, 5, (queries, exits, 1)) + np.arange(5)
    unknown = np.zeros((queries, exits, 5), dtype=np.int64)
    hits = np.repeat(right[..., None], 3, axis=2).astype(float)
    return ExitTable(
        tuple(f"exit {index + 1}" for index in range(exits)),
        Signals(
            nearest_distances=nearest,
            nearest_indices=unknown,
            nearest_pids=unknown,
            identity_margin=margin,
            previous_identity_distance=np.full(right.shape, np.inf),
            query_camids=np.ones(queries, dtype=np.int64),
            dims=np.full(exits, 256),
            class_entropy=np.full(right.shape, np.nan),
            classes=0,
        ),
        Outcomes(precision, precision / 2, hits, np.stack([precision] * 2, axis=2), np.arange(queries) // 3),
    )


@pytest.fixture(scope="session")
def sweeps():
    """Records by (seed, number of exits, swept or not): costly enough to be made once."""
    made = {}

    def make(seed, exits, swept, budgets=5):
        key = (seed, exits, swept, budgets)
        if key not in made:
            spec = SweepSpec(("random", "gs"), budgets=budgets, shuffles=2, resamples=20)
            table, costs = _table(seed, exits), np.array(COSTS[:exits])
            policies = [registry.policy(name) for name in spec.policies]
            records = sweep(table, costs, spec, policies) if swept else exit_records(table, costs, 20, 0)
            made[key] = ({**asdict(spec), "a_values": []} if swept else None, records)
        return copy.deepcopy(made[key])

    return make


@pytest.fixture(scope="session")
def writer(sweeps):
    """Gives a function that writes runs under a folder."""
    return lambda folder: _writer(folder, sweeps)


@pytest.fixture(scope="session")
def whole_report(shared_folder, writer):
    """A report with every kind of figure and table, in every format: drawn once for all test processes."""

    def untold(header, _):
        del header["training"]

    def make():
        write_run = writer(shared_folder / "report")
        write_run()
        write_run(method="dare", preset="<i>", swept=False, change=untold)
        for seed in (0, 1):
            write_run(method="msdnet", seed=seed, exits=3, change=untold)
        write_run(method="single", exits=1, swept=False, change=untold)
        return write_report(write_run.results, shared_folder / "report" / "report")

    return once(shared_folder / "report" / "report.pickle", make)


@pytest.fixture
def write_run(tmp_path, writer):
    """Writes a run: ``write_run(method="dare", seed=1, ...)`` gives its header, records and path."""
    return writer(tmp_path)


def _writer(folder, sweeps):
    def write(
        dataset="invented",
        method="hashreid",
        preset="demo",
        seed=0,
        exits=4,
        swept=True,
        budgets=5,
        ap="step",
        fingerprint="ab" * 32,
        network=None,
        at=PROVENANCE["at"],
        file="records-00000000.jsonl",
        change=None,
    ):
        sweep_spec, records = sweeps(seed, exits, swept, budgets)
        spec = {"dataset": dataset, "fingerprint": fingerprint, "method": method, "preset": preset, "seed": seed}
        spec |= {"network": network or {}, "recipe": {"epochs": 2}}
        header = {
            "run": digest(spec),
            "spec": spec,
            "evaluation": {"ap": ap, "signals": "deployed", "evaluation_version": 1},
            "sweep": sweep_spec,
            "dataset": {"name": dataset, "rendered": dataset == "invented", "counts": {"query images": 60}},
            "method": {"name": method, "summary": "a <script> & more"},
            "exits": [
                {"name": f"exit {index + 1}", "code": "binary", "dim": 256, "cumulative_macs": int(COSTS[index])}
                for index in range(exits)
            ],
            "training": {"epochs": 2, "seconds": 60.0, "history": [{"epoch": e, "loss": 1 / e} for e in (1, 2)]},
            "calibration": None,
            "provenance": {**PROVENANCE, "at": at},
        }
        if change:
            change(header, records)
        name = f"{method}-{preset}-seed{seed}-{header['run'][:8]}"
        path = folder / "results" / "runs" / dataset / name / file
        write_records(path, header, records)
        return header, records, path

    write.results = folder / "results"
    return write
