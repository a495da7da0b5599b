"""Search studies under a results folder, and the section of the report that each belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.errors import BenchError
from bench.files import SCHEMA_VERSION, read_json
from bench.report.sections import Section
from bench.report.tables.search import Study, search_tables, study_name

PLACES = "search/*/*/study.json"


def read_studies(results: Path) -> tuple[tuple[tuple[str, Study], ...], tuple[str, ...]]:
    """Read all studies, each with the name of its folder, and remarks on files that cannot be used."""
    studies, remarks = [], []
    for path in sorted(results.glob(PLACES)):
        place = path.relative_to(results).as_posix()
        try:
            study = read_json(path)
            if study["schema"] != SCHEMA_VERSION:
                raise ValueError(f"schema {study['schema']}, this suite reads {SCHEMA_VERSION}")
            # Tables read nearly all of a study: one that they can be made of can be drawn.
            study_name(study), study["dataset"]["fingerprint"], study["evaluation"], search_tables(study, "")
        except BenchError as problem:
            remarks.append(f"left out: {str(problem).replace(str(path), place)}")
        except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as problem:
            remarks.append(f"left out: {place} is no search study of this suite ({type(problem).__name__}: {problem})")
        else:
            studies.append((path.parent.name, study))
    return tuple(studies), tuple(remarks)


def studies_of(section: Section, studies: Sequence[tuple[str, Study]]) -> list[tuple[str, Study]]:
    """Choose the studies on a section's data under its evaluation, each with a slug for its files."""
    return [
        (f"{section.slug}-search-{name}", study)
        for name, study in studies
        if (study["dataset"]["fingerprint"], study["evaluation"]) == (section.fingerprint, dict(section.evaluation))
    ]
