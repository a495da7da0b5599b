"""Tables that lie beside the measurement that they were made of: a measurement has a digest, and a CSV has none."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bench.errors import WRONG_FORM, BenchError
from bench.files import read_json
from bench.findings.table import Table
from bench.report.studies import SCALES, STUDIES
from bench.report.tables.scale import scale_tables
from bench.report.tables.search import study_tables

MEASURED: Mapping[str, tuple[Any, Callable[[Any], Sequence[Table]]]] = {
    "scale.json": (SCALES, scale_tables),
    "study.json": (STUDIES, study_tables),
}
"""Kinds of measurements by the name of their file, and what makes their tables."""


def measured_beside(path: Path) -> list[Path]:
    """Measurements that lie beside a table."""
    return [source for name in MEASURED if (source := path.with_name(name)).is_file()]


def check_beside(path: Path, frame: pd.DataFrame) -> None:
    """Hold a table that was read to the measurement beside it, column by column; does nothing where there is none.

    Raises :class:`BenchError` where the measurement is damaged, or gives other values.
    """
    for source in measured_beside(path):
        kind, make = MEASURED[source.name]
        record = read_json(source)
        try:
            kind.check(source, record)
        except WRONG_FORM as problem:
            raise BenchError(f"{source} is no {kind.what} ({type(problem).__name__}: {problem})") from None
        for table in make(record):
            if table.name == path.stem:
                again = pd.read_csv(io.StringIO(table.csv()))
                if not frame.columns.isin(again.columns).all() or not again[list(frame)].equals(frame):
                    raise BenchError(
                        f"{path} does not hold what {source.name} beside it says: it was damaged or changed, or is of "
                        "an earlier form; bench report draws it again from there"
                    )
