"""Search studies under a results folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.files import SCHEMA_VERSION, read_json
from bench.report.tables.search import study_tables
from bench.report.tables.study import Study, study_name
from bench.runs.upgrade import upgrade_record

PLACES = "search/*/*/study.json"


def read_studies(results: Path) -> tuple[tuple[tuple[str, Study], ...], tuple[str, ...]]:
    """Read all studies, each with the name of its folder, and remarks on files that cannot be used."""
    studies, remarks = [], []
    for path in sorted(results.glob(PLACES)):
        name = path.relative_to(results).as_posix()
        try:
            study = read_json(path)
            check_study(study)
        except BenchError as problem:
            remarks.append(f"left out: {str(problem).replace(str(path), name)}")
        except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as problem:
            remarks.append(f"left out: {name} is no search study of this suite ({type(problem).__name__}: {problem})")
        else:
            studies.append((path.parent.name, study))
    return tuple(studies), tuple(remarks)


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
