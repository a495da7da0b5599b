"""One HTML page that stands alone: figures and tables inside, nothing fetched from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from bench.findings.sections import Section
from bench.findings.setups import Setup
from bench.findings.table import Table, first_of
from bench.inert import clean
from bench.report.draw import Drawn
from bench.report.page.svg import inline_svg
from bench.report.pictures import Picture

MOST_ROWS = 30
"""A table of more rows is folded up."""
MOST_SHOWN = 200
"""Of a table of more rows the page has the first alone."""


@dataclass(frozen=True, eq=False)
class FigurePart:
    """A figure that was drawn: ``files`` are its links by format, ``origin`` says what it was drawn from."""

    drawn: Drawn
    files: Mapping[str, str]
    origin: str

    def element(self, prefix: str) -> Markup:
        """Give the drawing as an element of the page, its ids begun with ``prefix``."""
        return Markup(inline_svg(self.drawn.svg, prefix, self.drawn.title, self.drawn.description))


@dataclass(frozen=True, eq=False)
class TablePart:
    """A table with the endings of its files; ``of`` cuts it into the rows of a setup."""

    table: Table
    endings: Sequence[str]

    def of(self, setup: Setup | None) -> dict[str, Any]:
        """What the page shows of it: all rows, or those of a setup; of more than the page can hold, the first."""
        if setup is None:
            rows, count, title = self.table.shown.head(MOST_SHOWN), len(self.table), self.table.title
        else:
            rows, count = self.table.of_setup(setup, MOST_SHOWN)
            title = self.table.title_of_setup(setup)
        return {
            "title": title,
            "note": self.table.note + (f" {first_of(len(rows), count)}" if count > len(rows) else ""),
            "count": count,
            "classes": self.table.text_classes(rows),
            "html": Markup(self.table.html(rows)),
        }


@dataclass(frozen=True, eq=False)
class SetupPart:
    """What the page shows on one setup; ``origins`` tell where each run's numbers are from."""

    setup: Setup
    figures: Sequence[FigurePart]
    pictures: Sequence[Picture]
    origins: Sequence[Any]


@dataclass(frozen=True, eq=False)
class SectionPart:
    """What the page shows on one section: its own figures and tables, its setups, and tables of setups to be cut.

    ``remark`` says so where the section has more setups than the page.
    """

    section: Section
    remark: str
    figures: Sequence[FigurePart]
    setups: Sequence[SetupPart] = field(default_factory=tuple)
    tables: Sequence[TablePart] = field(default_factory=tuple)
    setup_tables: Sequence[TablePart] = field(default_factory=tuple)


def page(
    overview: TablePart,
    parts: Sequence[SectionPart],
    remarks: Sequence[str],
    figures: Sequence[FigurePart] = (),
    tables: Sequence[TablePart] = (),
) -> str:
    """Fill the template; ``figures`` and ``tables`` are those of all sections together."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bench.report", "page"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: value if isinstance(value, Markup) else clean(value),
    )
    script = _text("script.js")
    return environment.get_template("template.html").render(
        overview=overview,
        figures=figures,
        tables=tables,
        parts=parts,
        remarks=remarks,
        draws=_draws([part.section for part in parts]),
        costs=sorted({part.section.cost.phrase for part in parts if not part.section.cost.is_default}),
        most_rows=MOST_ROWS,
        style=Markup(_text("style.css")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _draws(sections: Sequence[Section]) -> str:
    """Say how many draws the bootstraps took."""
    runs = [run for section in sections for setup in section.setups for run in setup.runs]
    sweeps = [file.header.get("sweep") or {} for run in runs for file in run.files]
    counts = sorted({sweep["resamples"] for sweep in sweeps if isinstance(sweep.get("resamples"), int)})
    return f" ({' or '.join(f'{count:,}' for count in counts)} draws)" if counts else ""
