"""Measurements beside the runs under a results folder: search studies, and searches of large galleries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.files import SCHEMA_VERSION, check_name, read_json
from bench.report.tables.scale import Scale, check_scale
from bench.report.tables.search import study_tables
from bench.report.tables.study import Study, study_name
from bench.runs.upgrade import upgrade_record

STUDIES = "search/*/*/study.json"
SCALES = "scale/*/*/scale.json"
Named = tuple[str, dict[str, Any]]
"""The name of a measurement's folder, and what it holds."""


def read_studies(results: Path) -> tuple[tuple[tuple[str, Study], ...], tuple[str, ...]]:
    """Read all search studies, each with the name of its folder, and remarks on files that cannot be used."""
    return _read(results, STUDIES, check_study, "search study")


def read_scales(results: Path) -> tuple[tuple[tuple[str, Scale], ...], tuple[str, ...]]:
    """Read all searches of large galleries, each with the name of its folder, and remarks on those of no use."""
    return _read(results, SCALES, check_scale, "search of large galleries")


def _read(
    results: Path, places: str, check: Callable[[dict[str, Any]], None], what: str
) -> tuple[tuple[Named, ...], tuple[str, ...]]:
    found, remarks = [], []
    for path in sorted(results.glob(places)):
        name = path.relative_to(results).as_posix()
        try:
            record = read_json(path)
            check(record)
            check_folder(path, record)
        except BenchError as problem:
            remarks.append(f"left out: {str(problem).replace(str(path), name)}")
        except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as problem:
            remarks.append(f"left out: {name} is no {what} of this suite ({type(problem).__name__}: {problem})")
        else:
            found.append((path.parent.name, record))
    return tuple(found), tuple(remarks)


def check_folder(path: Path, record: dict[str, Any]) -> None:
    """Compare the folder that a measurement lies in with its key, which measurements of before do not have.

    Raises DamagedFile where it was written to another folder.
    """
    if "key" in record:
        check_name(path, path.parent.name, f"{path.parent.name[:-8]}{str(record['key'])[:8]}")


def check_study(study: dict[str, Any]) -> None:
    """Give a study the names of today, and raise ValueError, or what reading another form ends in, for what is none."""
    if study["schema"] != SCHEMA_VERSION:
        raise ValueError(f"schema {study['schema']}, this suite reads {SCHEMA_VERSION}")
    # Studies that were made under earlier names of the records read as those of today.
    study["chains"] = [upgrade_record(chain, 1) for chain in study["chains"]]
    # Tables read nearly all of a study: one that they can be made of can be drawn.
    study_name(study), study["dataset"]["fingerprint"], study["evaluation"]
    for table in study_tables(study):
        table.markdown()
