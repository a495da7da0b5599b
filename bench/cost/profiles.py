"""Measured latencies as they are kept: which network, on what, how long to each exit."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import registry
from bench.counts import count_of
from bench.errors import BenchError
from bench.files import SCHEMA_VERSION, check_name, write_json, writing
from bench.measurements import MeasurementKind
from bench.spec import digest, identifying_options

if TYPE_CHECKING:
    from bench.cost.axes.contract import PricedNetwork

FOLDER = "latency"


def network_key(method: str, network: Mapping[str, Any], input_size: tuple[int, int] | list[int]) -> str:
    """Identify what is timed: a method's network with its options, at an input size; weights take no time.

    An option that was added at its default leaves the key of kept latencies as it is.
    """
    options = identifying_options(network, registry.option_defaults(method))
    options.pop("weights", None)
    return digest([method, options, list(input_size)])


def write_latency(results: Path, record: Mapping[str, Any]) -> Path:
    """Keep one record, with ``network`` (its key), ``method``, ``preset``, ``batch`` and provenance, under results.

    Raises :class:`BenchError` where the file cannot be written.
    """
    path = results / FOLDER / f"{latency_name(record)}.json"
    with writing(f"under {results}"):
        write_json(path, {"schema": SCHEMA_VERSION, **record})
    return path


def latency_name(record: Mapping[str, Any]) -> str:
    """Name the file of a record, without its ending: one for each network, batch size and machine."""
    where = [record["network"], record["batch"], *_where(record)]
    return f"{record['method']}-{record['preset']}-{digest(where)[:8]}"


def _check(path: Path, record: Mapping[str, Any]) -> None:
    """Raise as a kind's ``check`` does, for what is no latency of this suite, or one of another network."""
    lengths = {len(record[name]) for name in ("exits", "milliseconds", "low", "high")}
    if record["schema"] != SCHEMA_VERSION or len(lengths) != 1 or not all(_where(record)):
        raise ValueError("another schema, or exits without times")
    texts = [record[name] for name in ("network", "method", "preset")] + list(record["exits"])
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("expected texts as network, method, preset and exits")
    for name, absent in (("batch", None), ("runs", 1), ("views", 1)):
        if type(number := record.get(name, absent)) is not int or number < 1:
            raise ValueError(f"expected a whole number from 1 as {name}, found {number}")
    columns = ["milliseconds", "low", "high", *(["joules"] if "joules" in record else [])]
    for value in chain.from_iterable(record[name] for name in columns):
        if type(value) not in (int, float) or not math.isfinite(value) or value < 0:
            raise ValueError(f"expected numbers from 0 as {', '.join(columns)}, found {value}")
    check_name(path, path.stem, latency_name(record))


LATENCIES = MeasurementKind("latency of this suite", (f"{FOLDER}/*.json",), _check)
"""What :func:`write_latency` kept."""


def machine(record: Mapping[str, Any]) -> str:
    """Name where a latency was measured: the accelerator, or the processor with its threads, and the precision.

    So it stands on record in the costs of sweeps, which are told apart by it; :func:`machine_in_words` is for captions.
    """
    return _machine(record, f"{record['provenance']['threads']} threads")


def machine_in_words(record: Mapping[str, Any]) -> str:
    """Say where a latency was measured, for people to read."""
    return _machine(record, count_of(record["provenance"]["threads"], "thread"))


def _machine(record: Mapping[str, Any], threads: str) -> str:
    provenance = record["provenance"]
    device = f"{provenance['processor']}, {threads}" if provenance["device"] == "cpu" else provenance["device"]
    return f"{device}, {provenance['precision']}"


def described(record: Mapping[str, Any]) -> dict[str, Any]:
    """Tell what a measurement was made with: device, precision, backend, batch, and when."""
    provenance = record["provenance"]
    found = {name: provenance[name] for name in ("device", "processor", "threads", "precision")}
    found |= {"backend": str(record.get("backend", "torch")), "batch": record["batch"]}
    return found | {"measured_at": str(provenance.get("at", "")), "views": record.get("views", 1)}


def choose(network: PricedNetwork, column: str) -> Mapping[str, Any]:
    """Choose the one profile of a network that has ``column`` (``milliseconds``, ``joules``) for each exit.

    ``network.which`` is any part of "MACHINE, PRECISION, BACKEND, batch B", capitals or not, numbers whole. Of
    profiles that differ in the batch alone the smallest is taken. Raises BenchError where there is none, where several
    machines are left, and where its values do not rise.
    """
    profiles, remarks = LATENCIES.records(network.results)
    key = network_key(network.method, network.options, network.input_size)
    timed = [one for one in profiles if one["network"] == key]
    own = [one for one in timed if len(one.get(column, ())) == len(one["exits"])]
    if not own:
        raise BenchError(_nothing_kept(network, column, len(timed), remarks))
    meant = [one for one in own if _is_part(network.which, _batched(one))]
    if len({_named(one) for one in meant}) != 1:
        listed = "".join(f"\n  {_batched(one)}" for one in own)
        found = f"{len(meant)} profiles" if meant else "no profile"
        raise BenchError(
            f"expected one profile of {network.method} for --cost {column}, found {found}"
            f"{f' with {network.which!r}' if network.which else ''}; name a part of the one that is meant, as in "
            f"--cost '{column}:{_named(own[0])}'; kept under {network.results / FOLDER}:{listed}"
        )
    chosen = min(meant, key=lambda one: int(one["batch"]))
    if any(before >= after for before, after in pairwise(chosen[column])):
        raise BenchError(
            f"a budget needs costs that rise from exit to exit, and the {column} of {_batched(chosen)} do not: "
            f"{', '.join(f'{value:.4g}' for value in chosen[column])}; measure again on a quiet machine, for longer: "
            f"{_command(network)} --seconds 30"
        )
    return chosen


def _nothing_kept(network: PricedNetwork, column: str, timed: int, remarks: list[str]) -> str:
    """Say why there is nothing to choose, and what would make it."""
    if timed:
        return (
            f"no kept profile of {network.method} has {column} (there are {timed} with times): no counter was read "
            "when it was made; take --cost milliseconds or --cost macs"
        )
    left_out = "".join(f"\n  {remark}" for remark in remarks)
    return (
        f"--cost {column} is read from a measured profile, and none of this network is kept under "
        f"{network.results / FOLDER}; measure it: {_command(network)} (with the --set and --backbone of the "
        f"run){left_out}"
    )


def _command(network: PricedNetwork) -> str:
    where = "" if network.results == Path("results") else f" --results {network.results}"
    return f"bench latency --method {network.method} --preset {network.preset}{where}"


def _is_part(part: str, text: str) -> bool:
    """Whether a part is in a text, capitals or not; numbers at its ends are whole: "batch 1" is not in "batch 16"."""
    before = r"(?<!\d)" if part[:1].isdigit() else ""
    after = r"(?!\d)" if part[-1:].isdigit() else ""
    return re.search(before + re.escape(part) + after, text, re.IGNORECASE) is not None


def _named(record: Mapping[str, Any]) -> str:
    return f"{machine(record)}, {record.get('backend', 'torch')}"


def _batched(record: Mapping[str, Any]) -> str:
    return f"{_named(record)}, batch {record['batch']}"


def _where(record: Mapping[str, Any]) -> list[str]:
    provenance = record["provenance"]
    return [str(provenance[name]) for name in ("processor", "device", "precision", "threads")]
