"""Invented runs in their folders, as the suite keeps them."""

from dataclasses import asdict, replace

import numpy as np
from invented import COSTS, invented_table
from safetensors.numpy import save_file

from bench import registry
from bench.budget.sweep import exit_records, sweep
from bench.digests import FIELD, stamp
from bench.files import DIGEST, write_json
from bench.retrieval.table_file import save_table
from bench.runs.folder import RunFolder
from bench.runs.records import write_records
from bench.spec import EvaluationSpec, SweepSpec, digest

QUERIES, PEOPLE = 120, 40
MACS = COSTS * 1e6
PROVENANCE = {
    "code": {"package": "0.1.0", "commit": "c0ffee" * 6, "dirty": False},
    "versions": {"training": 1},
    "packages": {"numpy": "2.0", "numkong": None},
    "device": "cpu",
    "precision": "float32",
    "argv": ["bench", "run", "--method", "hash reid"],
    "at": "2026-01-01T00:00:00+00:00",
}


def same_queries(table_seed, exits=4):
    """A table whose queries are those of every other one, whatever its outcomes."""
    table = invented_table(queries=QUERIES, people=PEOPLE, seed=table_seed, exits=exits)
    return replace(table, outcomes=replace(table.outcomes, query_pids=np.arange(QUERIES) % PEOPLE + 1))


def keep_run(
    results,
    method="hashreid",
    seed=0,
    *,
    table=None,
    held_out=None,
    macs=MACS,
    policies=("random", "gs"),
    thresholdings=("stream",),
    resamples=50,
    evaluation=None,
    scored=True,
    tables=True,
    trained=True,
    fingerprint="ab" * 32,
    bits=256,
    epochs=2,
    change=None,
    **provenance,
):
    """Write a run's folder; ``change(header, records)`` may alter what is recorded. Gives the folder."""
    table = same_queries(seed) if table is None else table
    held_out = table if held_out is None else held_out
    evaluation = evaluation or EvaluationSpec()
    spec = {"dataset": "invented", "fingerprint": fingerprint, "method": method, "preset": "demo", "seed": seed}
    spec |= {"network": {"bits": bits}, "recipe": {"epochs": epochs, "optimiser": {"learning_rate": 0.004}}}
    key = digest(spec)
    folder = RunFolder(results / "runs" / "invented" / f"{method}-demo-seed{seed}-{key[:8]}")
    write_json(folder.spec, {"schema": 1, "key": key, **spec})
    training = {
        "epochs": epochs,
        "history": [{"epoch": e + 1, "loss": 3.0 - e, "learning_rate": 0.1, "seconds": 45.0} for e in range(epochs)],
        "validation": [],
        "seconds": 45.0 * epochs,
        "images": 3000,
        "identities": 270,
        # Trained once, whenever it was swept.
        "provenance": PROVENANCE | provenance | {"at": PROVENANCE["at"]},
    }
    if trained:
        write_json(folder.training, training)
        save_file({"weight": np.zeros(2, dtype=np.float32)}, folder.weights, metadata={DIGEST: FIELD})
        stamp(folder.weights)
    if not scored:
        return folder
    swept = SweepSpec(tuple(policies), thresholdings=tuple(thresholdings), budgets=5, shuffles=2, resamples=resamples)
    costs = np.asarray(macs, dtype=float)[: len(table.exits)]
    if policies:
        records = sweep(table, costs, swept, [registry.policy(name) for name in policies], held_out.signals)
    else:
        records = exit_records(table, costs, resamples, 0)
    header = {
        "run": key,
        "spec": spec,
        "evaluation": asdict(evaluation),
        "evaluation_key": evaluation.key,
        "sweep": swept.to_json(),
        "dataset": {"name": "invented", "rendered": True, "counts": {"query images": QUERIES}},
        "method": {"name": method, "summary": "four exits", "paper": "Someone, 2023"},
        "exits": [{"name": name, "code": "binary", "dim": 256} for name in table.exits],
        "training": training,
        "learned": {"ets": {"easy training images": 1200}} if policies else {},
        "provenance": PROVENANCE | provenance,
    }
    if change:
        change(header, records)
    write_records(folder.records(digest([evaluation.key, swept.key])), header, records)
    if tables:
        save_table(table, folder.table("test", evaluation.key))
        save_table(held_out, folder.table("calibration", evaluation.key))
    return folder
