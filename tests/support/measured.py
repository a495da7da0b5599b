"""Invented records of what is measured apart from runs: search studies, early exit, large galleries."""

from typing import Any


def accuracy(length: int, seed: int = 0, exit_: str = "last", **more: Any) -> dict[str, Any]:
    """How well codes of one length do, for one seed."""
    value = 0.5 + length / 10_000
    row: dict[str, Any] = {"seed": seed, "run": f"{length}-{seed}", "exit": exit_, "code": "binary", "length": length}
    for metric, offset in (("rank-1", 0.2), ("mAP", 0.0)):
        row |= {metric: value + offset + seed / 100, f"{metric}_low": value - 0.03, f"{metric}_high": value + 0.23}
    return {**row, "mAP_ties_low": value - 0.01, "mAP_ties_high": value + 0.01, **more}


def study(rows: Any, seeds: Any = (0,), chains: Any = ()) -> dict[str, Any]:
    """What ``bench search`` keeps, with rows of :func:`accuracy`."""
    lengths = sorted({row["length"] for row in rows})
    return {
        "dataset": {"name": "synthped-demo", "rendered": True},
        "evaluation": {"ap": "step", "signals": "deployed"},
        "method": {"name": "hashreid-noexit", "preset": "demo"},
        "seeds": list(seeds),
        "gallery_size": 19_732,
        "convention": "Medians.",
        "accuracy": list(rows),
        "times": [
            {"length": length, "binary_ns": length / 100, "continuous_ns": length / 25, "loop_binary_ns": length * 2.0}
            | {"loop_continuous_ns": length * 50.0, "binary_search_ms": length / 1e3}
            | {"continuous_search_ms": length / 1e2, "binary_bytes": length // 8, "continuous_bytes": 4 * length}
            for length in lengths
        ],
        "chains": list(chains),
        "provenance": {"processor": "a processor", "threads": 2},
    }


CHAIN: dict[str, Any] = {
    "seed": 0,
    "codes": "as trained",
    "lengths": [256, 2048],
    "policy": "gs",
    "exit_fractions": [0.7, 0.3],
    "realised_cost": 1e7,
    "steps": [
        {"name": "everybody, floats of the last exit's length", "milliseconds": 8.0},
        {"name": "each query at the exit where it leaves", "milliseconds": 2.0},
    ],
}


def coarse_to_fine(way: str, name: str, bits: float) -> dict[str, Any]:
    """One way of searching by codes of 16 and 64 bits."""
    row = {"way": way, "name": name, "bits": bits, "macs": 1e8, "word_operations": 800, "milliseconds": 0.5}
    row |= {"lengths": [16, 64], "compared": [1.0, 0.5], "thresholds": [4], "seed": 0, "run": "a-run"}
    scores = {"rank-1": 0.5, "mAP": 0.4}
    return row | scores | {f"{metric}_{end}": value for metric, value in scores.items() for end in ("low", "high")}


WAYS = [
    coarse_to_fine("one code", "16 bits", 1600.0),
    coarse_to_fine("one code", "64 bits", 6400.0),
    coarse_to_fine("coarse to fine", "β 2", 3200.0),
    coarse_to_fine("queries leave", "budget 0.5", 4800.0),
]


def contestant(
    kind: str, name: str, step: int, joules: float | None = None, rate: float | None = None
) -> dict[str, Any]:
    """What ``bench infer`` measured of one way of answering."""
    engine = kind == "engine"
    made: dict[str, Any] = {"kind": kind, "name": name, "mAP": 0.5 + step / 50, "rank-1": 0.6 + step / 50}
    made |= {"macs": 1e7 * (step + 1), "milliseconds": 4.0 + step, "throughput": 1e3 / (4.0 + step)}
    made |= {"latency_p50": 4.0, "latency_p90": 6.5, "latency_p99": 9.0, "decisions_changed": 3 if engine else None}
    made |= {"promised_by_macs": 0.4, "promised_by_steps": 0.3, "saved_network": 0.2, "saved_end_to_end": 0.1}
    made |= {"joules": joules, "values": {"milliseconds": [[1.0, 2, 3, 40], [5, 6, 7, 8]], "exits": [0, 1, 1, 1]}}
    made["exit_fractions"] = [0.25, 0.75]
    served = {"rate": rate, "rate_low": rate - 5, "rate_high": rate + 5, "latency_bound": 50.0} if rate else {}
    return made | served


def inference(
    run: str, scenario: str = "single-stream", backend: str = "torch", joules: float | None = None, **changes: Any
) -> dict[str, Any]:
    """What ``bench infer`` keeps of a run."""
    rate = 80.0 if scenario == "server" else None
    kinds = [("full", "full network"), ("engine", "gs, budget 0.75"), ("engine", "gs, budget 0.25")]
    kinds += [("exit", "exit 1 alone"), ("rival", "another-run")]
    record: dict[str, Any] = {"schema": 1, "run": run, "name": f"hashreid-demo-seed0-{run[:8]}", "scenario": scenario}
    record |= {"policy": "gs", "thresholding": "calibrated", "dataset": "invented", "counter": "a counter", "batch": 1}
    record |= {"queries": 4, "gallery": 100, "rounds": 2, "evaluation": {"ap": "step", "signals": "deployed"}}
    record["engine"] = {"backend": backend, "precision": "float32", "threads": 1, "device": "cpu"}
    record["provenance"] = {"processor": "a processor", "device": "cpu", "precision": "float32", "threads": 1}
    steps = zip(kinds, (9, 5, 3, 1, 6), strict=True)
    record["contestants"] = [contestant(*kind, step, joules, rate) for kind, step in steps]
    return {**record, **changes}


def scale() -> dict[str, Any]:
    """What ``bench gallery scale`` keeps."""
    exact = {"exit": "exit 1", "bits": 256, "rank_1": 0.5, "mean_ap": 0.4, "batched_ms": 0.5, "alone_ms": 2.0}
    exact |= {"image_bytes": 32, "derived": False}
    index = {"exit": "exit 1", "index": "hnsw", "images": 100_000, "recall": 0.9, "rank_1": 0.5, "exact_rank_1": 0.5}
    index |= {"mean_ap": 0.4, "exact_mean_ap": 0.4, "build_seconds": 1.0, "batched_ms": 0.1, "alone_ms": 0.2}
    distances = {f"{how}_{who}": 90.0 for how in ("measured", "drawn") for who in ("same", "strangers")}
    distances |= {f"{how}_strangers_nearest": 60.0 for how in ("measured", "drawn")}
    return {
        "schema": 1,
        "name": "hashreid",
        "dataset": {"name": "invented", "rendered": False},
        "queries": 60,
        "listed": 100,
        "exact": [{**exact, "images": images} for images in (10_000, 100_000)],
        "indexes": [{**index, "image_bytes": 300}],
        "distractors": {"exit 1": distances},
        "provenance": {"processor": "a processor", "threads": 2},
    }
