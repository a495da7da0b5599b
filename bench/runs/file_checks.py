"""Checks of single files of a run's folder: digest, form and schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from safetensors import SafetensorError, safe_open

from bench.digests import DamagedFile, verify
from bench.errors import WRONG_FORM, BenchError
from bench.files import SCHEMA_VERSION, check_source, read_arrays, read_json
from bench.retrieval.table_file import load_table
from bench.runs.finding import NEEDED
from bench.runs.folder import RunFolder
from bench.runs.records import read_records
from bench.runs.rows import check_header, flat_rows

FOLLOWS = (
    "embeddings*.npz",
    "features*.npz",
    "pairs*.npz",
    "cost.json",
    "table-*.npz",
    "extra*-*.npz",
    "policy-*.npz",
    "records-*.jsonl*",
)
"""Files that the same ``bench run`` makes again from the trained network."""


class UnreadableFile(BenchError):
    """A file cannot be read at all, which says nothing about its content."""


def check_file(path: Path) -> tuple[bool, Any]:
    """Check one file of a run; gives whether it carries a digest, and what its check read, for who goes on with it.

    Raises DamagedFile where it is not what was written, UnreadableFile where it cannot be read, and BenchError where
    this version of the suite does not read it.
    """
    try:
        found = verify(path)
    except OSError as problem:
        if problem.errno is None:  # no answer of the system, but an archive that is cut or broken
            raise DamagedFile(str(problem)) from problem
        raise UnreadableFile(problem.strerror or str(problem)) from problem
    content = None
    check = next((check for pattern, check in CHECKS.items() if fnmatch(path.name, pattern)), None)
    if check is not None:
        try:
            content = check(path)
        except WRONG_FORM as problem:
            raise DamagedFile(f"not of the form that this suite writes ({problem!r})") from problem
    return bool(found), content


def check_of_run(path: Path) -> tuple[bool, Any]:
    """Check one file in the folder of its run.

    Gives and raises as :func:`check_file`; raises ForeignFile where it is of another run or training.
    """
    folder = RunFolder(path.parent)
    digested, content = check_file(path)
    if path == folder.weights:
        folder.check_weights()
    else:
        check_source(path, folder.source)
    if path.name.startswith("records-"):
        folder.check_records(path, content[0])
    return digested, content


def follows(path: Path) -> bool:
    """Whether a file is made again from the trained network."""
    return any(fnmatch(path.name, pattern) for pattern in FOLLOWS)


def read_sweep(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Read the records of one sweep with all checks of form.

    Raises BenchError or one of :data:`~bench.errors.WRONG_FORM` where they do not hold.
    """
    header, records = read_records(path)
    check_header(header)
    flat_rows(records, [exit_["name"] for exit_ in header["exits"]])
    return header, records


def _check_spec(path: Path) -> None:
    spec = read_json(path)
    absent = [name for name in NEEDED if name not in spec]
    if absent:
        raise ValueError(f"it lacks {', '.join(absent)}")
    if spec.get("schema", SCHEMA_VERSION) != SCHEMA_VERSION:
        raise BenchError(f"schema {spec['schema']}, this suite reads {SCHEMA_VERSION}")
    if not path.parent.name.endswith(str(spec.get("key", ""))[:8]):
        raise ValueError(f"its key {str(spec['key'])[:8]} is not the one that the folder's name ends with")


def _check_training(path: Path) -> None:
    training = read_json(path)
    for name in ("history", "images", "identities", "provenance"):
        training[name]


def _check_cost(path: Path) -> None:
    # Here, not at the top: counting needs torch, which is slow to import.
    from bench.cost.ledger import CostLedger

    CostLedger.from_json(read_json(path)["ledger"])


def _check_weights(path: Path) -> None:
    try:
        with safe_open(path, framework="numpy") as stored:
            if not stored.keys():
                raise ValueError("it holds no parameters")
    except SafetensorError as problem:
        raise DamagedFile(str(problem)) from problem


def _check_checkpoint(path: Path) -> None:
    try:
        with ZipFile(path) as archive:
            cut = archive.testzip()
    except (BadZipFile, EOFError) as problem:
        raise DamagedFile(str(problem)) from problem
    if cut:
        raise DamagedFile(f"{cut} in it is damaged")


CHECKS: Mapping[str, Callable[[Path], object]] = {
    "spec.json": _check_spec,
    "training.json": _check_training,
    "cost.json": _check_cost,
    "*.json": read_json,
    "*.json.[gx]z": read_json,
    "table-*.npz": load_table,
    "extra*-*.npz": load_table,
    "*.npz": read_arrays,
    "*.safetensors": _check_weights,
    "checkpoint.pt": _check_checkpoint,
    "records-*.jsonl*": read_sweep,
}
"""How each kind of file is checked, by the first pattern that its name fits."""
