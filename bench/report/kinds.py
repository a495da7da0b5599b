"""What a report shows. A new figure or table is a file and a line here; another package's is a line of its metadata.

``make`` is ``module:function``. A figure's function takes all sections (a kind of the report), a section, or a section
and one of its setups, and gives a :class:`~bench.report.figures.drawing.Drawing`, several, or None where there is
nothing to draw. A table's takes all sections (a kind of the report) or a section, and gives a
:class:`~bench.findings.table.Table`, or several.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Literal

from bench.errors import BenchError

if TYPE_CHECKING:
    from bench.findings.sections import Section
    from bench.findings.table import Table

MAKING = ".report-"
"""Prefix of the folder in which files are made before any takes its place."""
FIGURE_FORMATS = ("svg", "png", "pdf")
FORMATS = (*FIGURE_FORMATS, "tex")
"""Formats of the files beside the page, which has all figures in it; tables are CSV and Markdown in any case."""


@dataclass(frozen=True)
class Kind:
    """One kind of figure or table: ``name`` ends the names of its files, ``of`` says where on the page it stands.

    A table of setups is cut into the rows of each setup on the page. ``latex`` has a table written as LaTeX as well.
    """

    name: str
    of: Literal["report", "section", "setup"]
    make: str
    latex: bool = False

    def __call__(self, *about: Any) -> tuple[Any, ...]:
        """Make all figures or tables of this kind."""
        made = resolve_name(self.make)(*about)
        if made is None:
            return ()
        return tuple(made) if isinstance(made, Iterable) else (made,)


FIGURES = (
    Kind("comparison", "section", "bench.report.figures.comparison:comparison_figure"),
    Kind("anytime", "section", "bench.report.figures.anytime:anytime_figure"),
    Kind("exits", "section", "bench.report.figures.exits:exit_figure"),
    Kind("latency", "section", "bench.report.figures.latency:latency_figures"),
    Kind("search", "section", "bench.report.figures.search:search_figures"),
    Kind("coarse-to-fine", "section", "bench.report.figures.coarse_to_fine:coarse_to_fine_figures"),
    Kind("scale", "section", "bench.report.figures.scale:scale_figures"),
    Kind("as-run", "section", "bench.report.figures.as_run:as_run_figures"),
    Kind("energy", "section", "bench.report.figures.as_run:energy_figures"),
    Kind("server", "section", "bench.report.figures.as_run:server_figures"),
    Kind("savings", "section", "bench.report.figures.savings:savings_figures"),
    Kind("latencies", "section", "bench.report.figures.latencies:latencies_figures"),
    Kind("budget", "setup", "bench.report.figures.budget:budget_figure"),
    Kind("outcomes", "setup", "bench.report.figures.outcomes:outcome_figure"),
    Kind("auc", "setup", "bench.report.figures.auc:auc_figure"),
    Kind("exit-fractions", "setup", "bench.report.figures.exit_fractions:exit_fraction_figure"),
    Kind("verification", "setup", "bench.report.figures.verification:verification_figure"),
    Kind("cost", "setup", "bench.report.figures.cost:cost_figure"),
    Kind("training", "setup", "bench.report.figures.training:training_figure"),
    Kind("sizes", "report", "bench.report.figures.sizes:sizes_figures"),
)
"""In the order of the page."""
TABLES = (
    Kind("methods", "section", "bench.report.tables.methods:method_table", latex=True),
    Kind("reported", "section", "bench.report.tables.reported:reported_table"),
    Kind("claims", "section", "bench.report.tables.claims:claim_table"),
    Kind("ahead", "section", "bench.report.tables.ahead:ahead_table"),
    Kind("pareto", "section", "bench.report.tables.pareto:pareto_table"),
    Kind("search", "section", "bench.report.tables.search:search_tables"),
    Kind("scale", "section", "bench.report.tables.scale:section_tables"),
    Kind("as-run", "section", "bench.report.tables.as_run:as_run_tables"),
    Kind("exits", "setup", "bench.report.tables.exits:exit_table", latex=True),
    Kind("areas", "setup", "bench.report.tables.areas:area_table"),
    Kind("budgets", "setup", "bench.report.tables.budgets:budget_table", latex=True),
    Kind("comparisons", "setup", "bench.report.tables.comparisons:comparison_table"),
    Kind("outcomes", "setup", "bench.report.tables.outcomes:outcome_table"),
    Kind("auc", "setup", "bench.report.tables.auc:auc_table"),
    Kind("verification", "setup", "bench.report.tables.verification:verification_table"),
    Kind("latency", "setup", "bench.report.tables.latency:latency_table"),
    Kind("sizes", "report", "bench.report.tables.sizes:sizes_tables"),
)
"""In the order of the page."""


def figures() -> tuple[Kind, ...]:
    """Kinds of figures: the report's own, then those of other packages."""
    return FIGURES + _others("bench.figures")[0]


def tables() -> tuple[Kind, ...]:
    """Kinds of tables: the report's own, then those of other packages."""
    return TABLES + _others("bench.tables")[0]


def broken_kinds() -> list[str]:
    """Name the figures and tables of other packages that cannot be loaded, and why."""
    return [remark for group in ("bench.figures", "bench.tables") for remark in _others(group)[1]]


def tables_of(kind: Kind, section: Section) -> tuple[Table, ...]:
    """Make the tables of a kind, once for each section."""
    if kind not in section.made:
        section.made[kind] = kind(section)
    return section.made[kind]


@contextmanager
def leaving_out(what: str, remarks: list[str]) -> Iterator[None]:
    """Turn an error into a remark that names ``what``: what cannot be made takes nothing else with it.

    Figures and tables of other packages run code that nobody here has seen, and what was measured elsewhere may be of
    a form that none of ours can draw. A full disk or memory and the suite's own errors are raised.
    """
    try:
        yield
    except (BenchError, OSError, MemoryError):
        raise
    except Exception as problem:
        remarks.append(f"left out: {what}, which cannot be made ({type(problem).__name__}: {problem})")


def _others(group: str) -> tuple[tuple[Kind, ...], list[str]]:
    """Load other packages' kinds; gives those that are some, and remarks on what is none."""
    found: list[Kind] = []
    remarks = []
    for entry in sorted(entry_points(group=group), key=lambda entry: entry.name):
        try:
            kind = entry.load()
        except Exception as problem:  # importing runs a stranger's code
            reason = f"cannot be loaded ({problem or type(problem).__name__})"
        else:
            if isinstance(kind, Kind):
                found.append(kind)
                continue
            reason = f"is a {type(kind).__name__}, no bench.report.kinds.Kind"
        remarks.append(
            f"left out: {group} {entry.name!r} stands for {entry.value}, which {reason}; mend or uninstall it"
        )
    return tuple(found), remarks
