"""Measured latencies as they are kept: which network, on what, how long to each exit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.files import SCHEMA_VERSION, read_json, write_json
from bench.spec import digest

FOLDER = "latency"


def network_key(method: str, network: Mapping[str, Any], input_size: tuple[int, int] | list[int]) -> str:
    """Identify what is timed: a method's network with its options, at an input size; weights take no time."""
    options = {name: value for name, value in network.items() if name != "weights"}
    return digest([method, options, list(input_size)])


def write_latency(results: Path, record: Mapping[str, Any]) -> Path:
    """Keep one record, with ``network`` (its key), ``method``, ``preset``, ``batch`` and provenance, under results."""
    where = [record["network"], record["batch"], *_where(record)]
    path = results / FOLDER / f"{record['method']}-{record['preset']}-{digest(where)[:8]}.json"
    try:
        write_json(path, {"schema": SCHEMA_VERSION, **record})
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise BenchError(f"cannot write under {results}: {reason}; choose other --results") from problem
    return path


def read_latencies(results: Path) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Read what was kept, in the order of the files' names, and remarks on files that cannot be used."""
    records, remarks = [], []
    for path in sorted((results / FOLDER).glob("*.json")):
        place = path.relative_to(results).as_posix()
        try:
            record = read_json(path)
            lengths = {len(record[name]) for name in ("exits", "milliseconds", "low", "high")}
            if record["schema"] != SCHEMA_VERSION or len(lengths) != 1 or not all(_where(record)):
                raise ValueError("another schema, or exits without times")
        except (BenchError, ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as problem:
            remarks.append(f"left out: {place} is no latency of this suite ({type(problem).__name__}: {problem})")
        else:
            records.append(record)
    return records, remarks


def machine(record: Mapping[str, Any]) -> str:
    """Say where a latency was measured: the accelerator, or the processor with its threads, and the precision."""
    provenance = record["provenance"]
    cpu = f"{provenance['processor']}, {provenance['threads']} threads"
    return f"{cpu if provenance['device'] == 'cpu' else provenance['device']}, {provenance['precision']}"


def _where(record: Mapping[str, Any]) -> list[str]:
    provenance = record["provenance"]
    return [str(provenance[name]) for name in ("processor", "device", "precision", "threads")]
