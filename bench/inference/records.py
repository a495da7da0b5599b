"""Records of ``bench infer`` as they are kept: written, and read back without the engine that made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.files import SCHEMA_VERSION, check_name, write_json, writing
from bench.measurements import MeasurementKind
from bench.spec import digest

FOLDER = "inference"
PATTERNS = ("*.json", "*.json.gz", "*.json.xz")
"""A record as it is written, and packed by hand (``gzip`` or ``xz``) to be kept."""
NUMBERS = (
    *("mAP", "rank-1", "macs", "milliseconds", "throughput", "latency_p50", "latency_p90", "latency_p99"),
    *("promised_by_macs", "promised_by_steps", "saved_network", "saved_end_to_end"),
)
"""What every contestant of a record has."""


def write_record(results: Path, record: dict[str, Any]) -> Path:
    """Keep a record under ``results/inference``, one file for each :func:`inference_name`. Raises BenchError."""
    path = results / FOLDER / f"{inference_name(record)}.json"
    with writing(path):
        write_json(path, record)
    return path


IDENTIFYING = ("run", "scenario", "batch", "policy", "thresholding", "queries", "kept_gallery", "engine")
"""What tells records apart beside their contestants; who kept no gallery said nothing of one before there were any."""
ALSO = ("seed", "rounds", "evaluation")
"""What names leave out that were given before a second seed or machine had a file of its own."""
ASKED = ("latency_bound",)
"""What names tell where it was asked for; a bound that followed from measured times is another each time."""


def inference_name(record: Mapping[str, Any]) -> str:
    """Name the file of a record, without its ending: one for each way of asking, and each machine."""
    asked = [record[name] for name in ASKED if name in record]
    return _name(record, [record.get(name) for name in ALSO] + [record["provenance"]["processor"], *asked])


def _name(record: Mapping[str, Any], also: Sequence[Any]) -> str:
    contestants = [one["name"] for one in record["contestants"]]
    key = digest([*(record.get(name) for name in IDENTIFYING), contestants, *also])
    return f"{record['name']}-{record['scenario']}-{record['engine']['backend']}-{key[:8]}"


def _check(path: Path, record: Mapping[str, Any]) -> None:
    """Raise as a kind's ``check`` does, for what the report could not be made of, and where it is another record."""
    if record["schema"] != SCHEMA_VERSION:
        raise ValueError(f"schema {record['schema']}, this suite reads {SCHEMA_VERSION}")
    texts = ("run", "name", "scenario", "policy", "thresholding", "dataset", "counter")
    if not all(isinstance(record[name], str) for name in texts):
        raise ValueError(f"expected texts as {', '.join(texts)}")
    for name in ("batch", "queries", "rounds", "gallery"):
        int(record[name])
    record["evaluation"].items()
    engine, provenance = record["engine"], record["provenance"]
    _ = [engine[name] for name in ("backend", "precision", "threads", "device")], provenance["processor"]
    if record["contestants"][0]["kind"] != "full":
        raise ValueError("the first contestant is not the full network")
    for one in record["contestants"]:
        _ = one["kind"], one["name"], [float(one[name] or 0) for name in ("decisions_changed", "joules")]
        float(one.get("idle_joules") or 0)
        for name in (*NUMBERS, *(("rate", "latency_bound") if record["scenario"] == "server" else ())):
            float(one[name])
        sum(map(float, one["exit_fractions"]))
        times, exits = one["values"]["milliseconds"], one["values"]["exits"]
        if any(len(of_pass) != len(exits) for of_pass in times):
            raise ValueError("expected a time and an exit for every query")
    found = path.name.partition(".json")[0]
    if found != _name(record, []):
        check_name(path, found, inference_name(record))


INFERENCES = MeasurementKind("record of bench infer", tuple(f"{FOLDER}/{name}" for name in PATTERNS), _check)
"""What :func:`write_record` kept."""
