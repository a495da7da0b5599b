"""Files of embeddings: arrays by name and one JSON text, as ``.npz`` or ``.safetensors`` (docs/bring-your-own.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from bench.digests import FIELD, DamagedFile, stamp, verify
from bench.errors import BenchError
from bench.evaluation.checks import checked
from bench.evaluation.embeddings import Embeddings
from bench.evaluation.toolkits import toolkit_of
from bench.files import DIGEST, read_arrays, replacing, write_arrays

ABOUT = "about"
"""Name of the JSON text: an array of one string, or a value of the metadata of safetensors."""
ENDINGS = (".npz", ".safetensors")
AGAIN = "write it again (docs/bring-your-own.md has a script that does)"


def read_embeddings(path: Path) -> Embeddings:
    """Read a file of embeddings and check all that it holds. Nothing in it is run.

    Raises BenchError, naming what was expected and what was found, where it is not as docs/bring-your-own.md has it.
    """
    check_ending(path)
    if not path.is_file():
        raise BenchError(f"{path}: expected a file of embeddings, found none; check the path")
    arrays, about = _read_npz(path) if path.suffix == ".npz" else _read_safetensors(path)
    try:
        return checked(arrays, about)
    except BenchError as problem:
        raise BenchError(f"{path}: {problem}") from problem


def write_embeddings(path: Path, arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> None:
    """Write arrays and their description.

    Raises BenchError where the file cannot be written.
    """
    check_ending(path)
    text = json.dumps(about, sort_keys=True, allow_nan=False)
    try:
        if path.suffix == ".npz":
            write_arrays(path, {**arrays, ABOUT: np.array(text)})
            return
        with replacing(path) as beside:
            whole = {name: np.ascontiguousarray(values) for name, values in arrays.items()}
            save_file(whole, beside, metadata={DIGEST: FIELD, ABOUT: text})
            stamp(beside)
    except (OSError, SafetensorError) as problem:
        raise BenchError(f"cannot write {path} ({problem}); choose another --out") from problem


def check_ending(path: Path) -> None:
    """Refuse a file of another format by its name. Raises BenchError."""
    if path.suffix not in ENDINGS:
        raise BenchError(f"{path}: a file of embeddings ends in {' or '.join(ENDINGS)}, found {path.suffix or 'none'}")


def _read_npz(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    arrays = read_arrays(path, AGAIN)
    about = arrays.pop(ABOUT, None)
    if about is not None and (about.size != 1 or about.dtype.kind != "U"):
        raise BenchError(f"{path}: {ABOUT} holds one text, found {about.dtype} {about.shape}")
    return arrays, _parsed(path, None if about is None else str(about.reshape(-1)[0]), arrays)


def _read_safetensors(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    try:
        verify(path)
        with safe_open(path, framework="numpy") as stored:
            arrays = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 (no mapping)
            metadata = stored.metadata() or {}
    except (OSError, TypeError, ValueError, AttributeError, SafetensorError, DamagedFile) as problem:
        raise DamagedFile(f"cannot read {path} ({problem}); {AGAIN}") from problem
    return arrays, _parsed(path, metadata.get(ABOUT), arrays)


def _parsed(path: Path, text: str | None, arrays: Mapping[str, Any]) -> dict[str, Any]:
    if text is None and toolkit_of(arrays):
        return {}  # a toolkit's dump says enough by its names
    if text is None:
        raise BenchError(
            f'{path}: {ABOUT} is missing, a JSON text that says at least what costs are in: {{"cost": {{"unit": '
            '"multiply-adds"}}'
        )
    try:
        about = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise BenchError(f"{path}: {ABOUT} is no JSON text ({problem})") from problem
    if not isinstance(about, dict):
        raise BenchError(f"{path}: {ABOUT} is a JSON object, found {type(about).__name__}")
    return about
