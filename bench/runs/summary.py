"""All that is kept of one run, as plain values: what was run, where, its results, and which files hold it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.runs.fields import grouped
from bench.runs.finding import KeptRun
from bench.runs.finished import NO_LOSSES, RecordsFile
from bench.runs.known_files import meaning
from bench.runs.records import cost_of


def summarise_run(run: KeptRun) -> dict[str, Any]:
    """Lay a run out as plain values that JSON can hold."""
    scored = run.scored[0] if run.scored else None
    file = scored.shown if scored else None
    header = file.header if file else {}
    spec: dict[str, Any] = grouped(run.spec)
    spec["data"] |= {name: header["dataset"].get(name) for name in ("rendered", "counts") if file}
    spec["evaluation"] = dict(header.get("evaluation") or {}) | {"sweep": header.get("sweep") or {}}
    rows = [_plain(row) for row in file.records] if file else []
    exits = sorted((row for row in rows if row["kind"] == "exit"), key=lambda row: row["exit"])
    return {
        "name": run.name,
        "folder": str(run.folder.path),
        "key": run.key,
        "about": dict(header.get("method") or {}),
        "spec": spec,
        "provenance": {
            "training": dict((run.training or {}).get("provenance") or {}),
            "results": dict(header.get("provenance") or {}),
        },
        "training": _training(run),
        "cost": dict(scored.cost) if scored else {},
        "learned": dict(scored.learned) if scored else {},
        "exits": [
            {"code": part["code"], "dim": part["dim"], **row}
            for part, row in zip(header.get("exits") or (), exits, strict=bool(exits))
        ],
        "policies": [row for row in rows if row["kind"] == "curve"],
        "points": [row for row in rows if row["kind"] == "policy"],
        "comparisons": [row for row in rows if row["kind"] == "comparison"],
        "shown": file.name if file else None,
        "sweeps": [_sweep(file) for scored in run.scored for file in scored.files],
        "files": files(run),
        "missing": missing(run),
        "remarks": list(run.remarks),
    }


def files(run: KeptRun) -> list[dict[str, Any]]:
    """List the files of a run's folder: name, size and what each is."""
    kept = sorted(path for path in run.folder.path.iterdir() if path.is_file() and not path.name.startswith("."))
    return [{"name": path.name, "bytes": path.stat().st_size, "what": meaning(path.name)} for path in kept]


def missing(run: KeptRun) -> list[str]:
    """Say what a whole run would have and this one has not, and what that means."""
    folder, found = run.folder, []
    brought = "content" in run.spec  # embeddings from elsewhere: nothing was to be trained here
    if not folder.weights.exists() and not brought:
        if folder.checkpoint.exists():
            found.append("weights: training has not ended; the same bench run goes on from checkpoint.pt")
        elif run.training:
            found.append("weights: results are here without the trained network; the same bench run trains it again")
        else:
            found.append("weights: never trained")
    if folder.weights.exists() and run.training is None:
        found.append("training.json: nothing says how training went; the same bench run trains again")
    if run.training and not folder.retrieval_history.exists():
        found.append("retrieval_history.npz: policies that learn from the course of training cannot be fitted")
    if run.training and not folder.cost.exists():
        found.append("cost.json: the same bench run counts the multiply-adds again")
    if run.training and not run.scored:
        found.append("results: never scored, or no records that can be used; the same bench run scores it")
    several = [scored for scored in run.scored if len(scored.exits) > 1]
    if several and not any(file.swept for scored in several for file in scored.files):
        found.append("policies: never swept; the same bench run with --budget-sweep does it")
    for scored in run.scored[:1]:
        path = folder.table("test", scored.evaluation_key)
        if not path.exists():
            found.append(
                f"{path.name}: without every query's outcomes bench compare cannot test; the same bench run makes them"
            )
    return found


def _training(run: KeptRun) -> dict[str, Any]:
    """Epochs, time, images, and what training noted of its last epoch; empty where it has not ended."""
    if not run.training:
        return {}
    training = run.training
    found = {name: training.get(name) for name in ("epochs", "seconds", "images", "identities") if name in training}
    history = training.get("history") or ()
    found["last_losses"] = {
        name: value for name, value in (history[-1] if history else {}).items() if name not in NO_LOSSES
    }
    found["validation"] = list(training.get("validation") or ())
    return found


def _sweep(file: RecordsFile) -> dict[str, Any]:
    sweep = file.header.get("sweep") or {}
    return {
        "file": file.name,
        "at": file.header["provenance"].get("at"),
        "evaluation": dict(file.header["evaluation"]),
        "cost": dict(cost_of(file.header)),
        "policies": list(dict.fromkeys(row["policy"] for row in file.records if row["kind"] == "policy")),
        "thresholdings": list(sweep.get("thresholdings") or ()),
    }


def _plain(record: Mapping[str, Any]) -> dict[str, Any]:
    """One record without what it leaves empty."""
    return {name: value for name, value in record.items() if value not in ("", None)}
