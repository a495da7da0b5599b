"""Search studies, and searches of large galleries, as the report reads them: what its tables can be made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.files import SCHEMA_VERSION, check_name
from bench.findings.studies import study_name
from bench.measurements import MeasurementKind
from bench.report.tables.scale import scale_tables
from bench.report.tables.search import study_tables
from bench.runs.upgrade import upgrade_record


def _check_study(path: Path, study: dict[str, Any]) -> None:
    """Give a study the names of today; raise as a kind's ``check`` does."""
    _check_schema(study)
    # Studies that were made under earlier names of the records read as those of today.
    study["chains"] = [upgrade_record(chain, 1) for chain in study["chains"]]
    # Tables read nearly all of a study: one that they can be made of can be drawn.
    study_name(study), study["dataset"]["fingerprint"], study["evaluation"]
    for table in study_tables(study):
        table.markdown()
    _check_folder(path, study)


def _check_scale(path: Path, scale: dict[str, Any]) -> None:
    _check_schema(scale)
    for table in scale_tables(scale):
        table.markdown()
    _check_folder(path, scale)


def _check_schema(record: dict[str, Any]) -> None:
    if record["schema"] != SCHEMA_VERSION:
        raise ValueError(f"schema {record['schema']}, this suite reads {SCHEMA_VERSION}")


def _check_folder(path: Path, record: dict[str, Any]) -> None:
    """Compare the folder that a measurement lies in with its key, which measurements of before do not have."""
    if "key" in record:
        check_name(path, path.parent.name, f"{path.parent.name[:-8]}{str(record['key'])[:8]}")


STUDIES = MeasurementKind("search study of this suite", ("search/*/*/study.json",), _check_study)
"""What ``bench search`` kept."""
SCALES = MeasurementKind("search of large galleries of this suite", ("scale/*/*/scale.json",), _check_scale)
"""What ``bench gallery scale`` kept."""
