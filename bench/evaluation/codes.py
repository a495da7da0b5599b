"""Codes of one exit as a file gives them, and as they are compared: what is binary, how long, by which distance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError, unknown_name
from bench.evaluation.embeddings import METRICS, Metric
from bench.exits import ExitSpec
from bench.retrieval.codes import pack, packed_width

BYTE = 8


@dataclass(frozen=True)
class CodedExit:
    """One exit: its codes' name and length, and how they are compared. ``packed`` codes are bits in bytes.

    ``told`` says whether their length is told, and not taken from the arrays.
    """

    spec: ExitSpec
    metric: Metric
    packed: bool
    told: bool


def coded_exits(
    arrays: Mapping[str, NDArray[Any]], told: Sequence[Mapping[str, Any]] | None, count: int
) -> tuple[CodedExit, ...]:
    """Say what the codes of each exit are, from their types and from what is ``told`` of the exits.

    Raises BenchError where that does not fit the arrays.
    """
    if told is not None and len(told) != count:
        raise BenchError(f"about.exits describes {len(told)} exits, and there are embeddings of {count}")
    found = tuple(_coded(arrays[f"query.{index}"], dict(told[index]) if told else {}, index) for index in range(count))
    names = [exit_.spec.name for exit_ in found]
    if len(set(names)) < count:
        raise BenchError(f"exits have names of their own; found {', '.join(names)}")
    return found


def _coded(values: NDArray[Any], told: dict[str, Any], index: int) -> CodedExit:
    name = str(told.get("name") or f"exit {index + 1}")
    if values.ndim != 2 or not values.shape[1]:
        raise BenchError(f"query.{index} is a row an image, (N, length); found shape {values.shape}")
    bitwise = values.dtype == np.bool_ or values.dtype == np.uint8
    # Floats may be ±1 by chance of their scale; whole numbers have no other reading.
    signs = values.dtype.kind == "i" and bool((np.abs(values) == 1).all())
    metric = told.get("metric", "hamming" if bitwise or signs else "euclidean")
    if metric not in METRICS:
        raise unknown_name(f"metric of {name}", str(metric), METRICS)
    if bitwise and metric != "hamming":
        raise BenchError(f"query.{index} holds bits ({values.dtype}), which the metric {metric} does not compare")
    packed = values.dtype == np.uint8
    length = values.shape[1] * (BYTE if packed else 1)
    dim = told.get("dim", length)
    if type(dim) is not int or (packed_width(dim) if packed else dim) != values.shape[1]:
        raise BenchError(
            f"about.exits says that codes of {name} have a dim of {dim}, and query.{index} has {values.shape[1]} "
            f"{'bytes' if packed else 'places'}"
        )
    spec = ExitSpec(name, dim, "binary" if metric == "hamming" else "continuous")
    return CodedExit(spec, metric, packed, told="dim" in told)


def ready_codes(values: NDArray[Any], exit_: CodedExit, name: str, count: int) -> NDArray[Any]:
    """Make codes (N, …) ready to be compared: packed bits, or floats.

    Raises BenchError where they are not ``count`` rows of the exit's kind of code, or not finite.
    """
    dim = exit_.spec.dim
    width = packed_width(dim) if exit_.packed else dim
    if values.shape != (count, width) or (values.dtype == np.uint8) != exit_.packed:
        kind = f"uint8 ({count}, {width}), packed bits" if exit_.packed else f"({count}, {width})"
        raise BenchError(f"{name} must be {kind}, a row a label; found {values.dtype} {values.shape}")
    if exit_.metric == "hamming":
        return _packed(values, exit_, name) if exit_.packed else _signs(values, name)
    if values.dtype.kind != "f":
        raise BenchError(f"{name} must be floats for the metric {exit_.metric}; found {values.dtype}")
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        raise BenchError(f"{name} must be finite; row {int(np.argmin(finite))} is the first with NaN or infinity")
    return _unit(values, name) if exit_.metric == "cosine" else values


def _packed(values: NDArray[np.uint8], exit_: CodedExit, name: str) -> NDArray[np.uint8]:
    bits = exit_.spec.dim
    # Codes of a length that is told have as many bytes as packed ones: those of a collapsed network may be all zeros.
    if not exit_.told and len(values) and values.shape[1] > 1 and values.max() <= 1:
        raise BenchError(
            f"{name} holds zeros and ones alone, a byte each: give them as booleans, or packed; if they are packed, "
            'say how long they are (about.exits, "dim")'
        )
    spare = BYTE * values.shape[1] - bits
    if spare and (values[:, -1] & ((1 << spare) - 1)).any():
        raise BenchError(f"{name}: places beyond the {bits} bits of a code must be 0, the last bits of its last byte")
    return values


def _signs(values: NDArray[Any], name: str) -> NDArray[np.uint8]:
    try:
        return pack(values)
    except BenchError as problem:
        raise BenchError(f"{name}: {problem}") from problem


def _unit(values: NDArray[Any], name: str) -> NDArray[np.float64]:
    doubles = values.astype(np.float64)
    lengths = np.linalg.norm(doubles, axis=1, keepdims=True)
    if not lengths.all():
        raise BenchError(f"{name}: row {int(np.argmin(lengths))} is all zeros, which has no cosine")
    return doubles / lengths
