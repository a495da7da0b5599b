"""What every figure of a report must keep: drawn from runs alone, described, labelled, and in the same bytes again."""

from __future__ import annotations

import re

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.findings.sections import Section
from bench.report.figures.drawing import Drawing
from bench.report.figures.style import PAGE_INCHES
from bench.testing.invented_report import check_kind, invented_sections, kind_of, subjects

__all__ = [
    "drawn",
    "invented_sections",
    "test_axes_say_what_they_show",
    "test_figure_is_described",
    "test_figure_is_drawn_in_the_same_bytes_again",
    "test_figure_says_what_it_is",
    "test_numbers_are_no_formulas",
    "test_what_is_written_lies_in_the_figure",
]
NUMBER = re.compile(r"[−-]?[\d.,]+\S?")
"""What is read as a number under a tick: with a sign or a unit of one letter, such as 40%."""
BEYOND_INCHES = 0.02
"""By how much a text may stand beyond the figure's edge: what its last pixel is rounded by."""


@pytest.fixture(scope="module")
def drawn(figure_name: str, invented_sections: tuple[Section, ...]) -> list[list[Drawing]]:
    """Draw a figure of every subject that it has."""
    kind = kind_of("figure", figure_name)
    made = [list(kind(*about)) for about in subjects("figure", kind, invented_sections)]
    if not any(made):
        pytest.skip("draws nothing of exits and sweeps alone")
    return made


def test_figure_says_what_it_is(figure_name: str) -> None:
    """Name, where it stands, and a function that is there."""
    check_kind("figure", figure_name)


def test_figure_is_described(drawn: list[list[Drawing]]) -> None:
    """Title, caption and a description for readers who cannot see it; several of one subject differ by their part."""
    for of_subject in drawn:
        for drawing in of_subject:
            assert isinstance(drawing, Drawing)
            assert drawing.title
            assert drawing.caption
            assert drawing.description
            assert drawing.figure.get_figwidth() <= PAGE_INCHES, "wider than the page"
        parts = [drawing.part for drawing in of_subject]
        assert len(set(parts)) == len(parts)


def test_axes_say_what_they_show(drawn: list[list[Drawing]]) -> None:
    """Each panel's axes have a label, of their own, of a panel that shares them, or of the figure."""
    for drawing in (drawing for of_subject in drawn for drawing in of_subject):
        for axes in drawing.figure.axes:
            assert not axes.axison or _labelled(drawing.figure, axes, "x"), drawing.title
            assert not axes.axison or _labelled(drawing.figure, axes, "y"), drawing.title


def test_numbers_are_no_formulas(drawn: list[list[Drawing]]) -> None:
    """The report reads no formulas in texts, for names may hold dollars: ticks of powers need another formatter."""
    for drawing in (drawing for of_subject in drawn for drawing in of_subject):
        assert "mathdefault" not in drawing.svg(), drawing.title


def test_what_is_written_lies_in_the_figure(drawn: list[list[Drawing]]) -> None:
    """No text is cut off at the edge."""
    for drawing in (drawing for of_subject in drawn for drawing in of_subject):
        bounds = drawing.figure.get_tightbbox()
        width, height = drawing.figure.get_size_inches()
        assert bounds.x0 >= -BEYOND_INCHES, drawing.title
        assert bounds.y0 >= -BEYOND_INCHES, drawing.title
        assert bounds.x1 <= width + BEYOND_INCHES, drawing.title
        assert bounds.y1 <= height + BEYOND_INCHES, drawing.title


def test_figure_is_drawn_in_the_same_bytes_again(
    figure_name: str, drawn: list[list[Drawing]], invented_sections: tuple[Section, ...]
) -> None:
    """The same records give the same picture."""
    kind = kind_of("figure", figure_name)
    which = next(index for index, of_subject in enumerate(drawn) if of_subject)
    again = kind(*subjects("figure", kind, invented_sections)[which])
    assert [drawing.svg() for drawing in again] == [drawing.svg() for drawing in drawn[which]]


def _labelled(figure: Figure, axes: Axes, axis: str) -> bool:
    """Whether an axis has a label, or none but names under its ticks, which say themselves what they are."""
    if (figure.get_supxlabel if axis == "x" else figure.get_supylabel)():
        return True
    shared = axes.get_shared_x_axes() if axis == "x" else axes.get_shared_y_axes()
    alike = [axes, *shared.get_siblings(axes)]
    if any(getattr(other, f"get_{axis}label")() for other in alike):
        return True
    ticks = [text.get_text() for text in getattr(axes, f"get_{axis}ticklabels")() if text.get_visible()]
    return not any(NUMBER.fullmatch(tick) for tick in ticks)
