"""Kinds of figures by where the functions are that draw them: to name them loads nothing that drawing needs.

Who only reads records and writes tables is done with the reading before all of matplotlib would be loaded.
"""

from __future__ import annotations

SECTION_FIGURES = (
    "bench.report.comparison:comparison_figure",
    "bench.report.anytime_figure:anytime_figure",
    "bench.report.exit_figure:exit_figure",
)
"""Functions of a section."""
SETUP_FIGURES = (
    "bench.report.budget_figure:budget_figure",
    "bench.report.outcome_figure:outcome_figure",
    "bench.report.shares_figure:shares_figure",
    "bench.report.cost_figure:cost_figure",
    "bench.report.training_figure:training_figure",
)
"""Functions of a section and one of its setups."""
LATENCY_FIGURE = "bench.report.latency_figure:latency_figure"
SEARCH_FIGURE = "bench.report.search_figure:search_figure"
ENDINGS = ("svg", "png", "pdf")
"""Of the files that each figure comes in."""


def modules() -> tuple[str, ...]:
    """Modules of all these functions."""
    every = (*SECTION_FIGURES, *SETUP_FIGURES, LATENCY_FIGURE, SEARCH_FIGURE)
    return tuple(sorted({name.partition(":")[0] for name in every}))
