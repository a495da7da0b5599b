"""Kinds of figures by where the functions are that draw them: to name them loads nothing that drawing needs.

Who only reads records and writes tables is done with the reading before all of matplotlib would be loaded.
"""

from __future__ import annotations

SECTION_FIGURES = (
    "bench.report.figures.comparison:comparison_figure",
    "bench.report.figures.anytime:anytime_figure",
    "bench.report.figures.exits:exit_figure",
)
"""Functions of a section."""
SETUP_FIGURES = (
    "bench.report.figures.budget:budget_figure",
    "bench.report.figures.outcomes:outcome_figure",
    "bench.report.figures.shares:shares_figure",
    "bench.report.figures.cost:cost_figure",
    "bench.report.figures.training:training_figure",
)
"""Functions of a section and one of its setups."""
LATENCY_FIGURE = "bench.report.figures.latency:latency_figure"
SEARCH_FIGURE = "bench.report.figures.search:search_figure"
ENDINGS = ("svg", "png", "pdf")
"""Of the files that each figure comes in."""


def modules() -> tuple[str, ...]:
    """Modules of all these functions."""
    every = (*SECTION_FIGURES, *SETUP_FIGURES, LATENCY_FIGURE, SEARCH_FIGURE)
    return tuple(sorted({name.partition(":")[0] for name in every}))
