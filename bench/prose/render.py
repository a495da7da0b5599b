"""Render a page from its template and the tables and records beside it."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import StrictUndefined, TemplateError, Undefined
from jinja2.sandbox import SandboxedEnvironment

from bench.errors import BenchError
from bench.prose.cells import Cells, read_table
from bench.prose.formats import Formats, Reference, Written
from bench.prose.rules import check_prose, names_of
from bench.prose.wrapping import wrapped
from bench.runs.load import each_run, newest_rows

SUFFIX = ".template.md"
REMARK = "<!-- Rendered from {template} by `bench render`: change that file, not this one. -->\n\n"


@dataclass(frozen=True)
class Page:
    """A rendered page, where it belongs, and the references that its numbers are."""

    path: Path
    text: str
    references: tuple[Reference, ...]


def render_page(template: Path) -> Page:
    """Render ``NAME.template.md`` to ``NAME.md`` beside it; paths in it are below its folder.

    A template refers to ``table("demo/tables/x.csv")``; to ``records("demo")``, all records of the results folder
    ``demo``, or of the runs whose folder's name matches, as in ``records("demo", "hashreid-*")``; to
    ``reported("hashreid")``, a paper's accuracies, and ``reported_lengths()``. All give
    :class:`~bench.prose.cells.Cells`.
    ``holds(condition, sentence)`` writes the sentence, which says in words what the condition says in numbers.

    Raises BenchError where the template cannot be read or states a number itself, where a reference leads nowhere, and
    where a condition no longer holds.
    """
    if not template.name.endswith(SUFFIX):
        raise BenchError(f"expected a template NAME{SUFFIX}, found {template.name}")
    try:
        source = template.read_text(encoding="utf-8")
    except (OSError, ValueError) as problem:
        raise BenchError(f"cannot read the template {template}: {problem}") from problem
    check_prose(source, template.name)
    formats = Formats()
    environment = SandboxedEnvironment(
        undefined=StrictUndefined,
        finalize=_finished(names_of(source)),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(formats.filters())
    root = template.parent
    environment.globals.update(
        table=cache(lambda file: read_table(root, file)),
        records=cache(lambda folder, runs="*": _records(root, folder, runs)),
        reported=cache(lambda paper: _reported(f"accuracies/{paper}.csv")),
        reported_lengths=cache(lambda: _reported("code_lengths.csv")),
        holds=_holds,
    )
    try:
        text = environment.from_string(source).render()
    except TemplateError as problem:
        line = getattr(problem, "lineno", None)
        raise BenchError(f"{template}{f', line {line}' if line else ''}: {problem}") from problem
    remark = REMARK.format(template=template.name)
    path = template.with_name(template.name.removesuffix(SUFFIX) + ".md")
    return Page(path, remark + wrapped(text.lstrip("\n")), tuple(formats.references))


def _records(root: Path, folder: str, runs: str) -> Cells:
    remarks: list[str] = []
    rows: list[Mapping[str, Any]] = []
    for run in each_run(root / folder, remarks, f"runs/*/{runs}"):
        rows += newest_rows(run)
    if remarks:
        raise BenchError("\n".join([f"records under {root / folder} cannot all be read:", *remarks]))
    return Cells(pd.DataFrame(rows), f"{folder}/runs/*/{runs}/records-*")


def _reported(name: str) -> Cells:
    file = files("bench.findings.reported").joinpath(name)
    if not file.is_file():
        raise BenchError(f"no paper's numbers are kept as {name}")
    return Cells(pd.read_csv(io.StringIO(file.read_text(encoding="utf-8"))), f"bench/findings/reported/{name}")


def _holds(condition: bool, sentence: str) -> str:
    if not condition:
        raise BenchError(f"no longer true: {sentence}")
    return sentence


def _finished(names: Collection[str]) -> Callable[[Any], Any]:
    """Let nothing into the page that a format did not write, except words and declared names."""

    def check(value: Any) -> Any:
        """Raises BenchError for a number without a format, and for text with digits."""
        if isinstance(value, (Written, Undefined)) or value in names:
            return value
        if not isinstance(value, str) or any(sign.isdigit() for sign in value):
            raise BenchError(
                f"expected a formatted reference to a cell, found {value!r}: give it a filter such as percent"
            )
        return value

    return check
