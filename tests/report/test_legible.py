"""Every kind of figure of setups and sections: no text hides another, and none is cut off at the paper's edge."""

from itertools import combinations
from pkgutil import resolve_name

import pytest
from matplotlib.text import Text

from bench.report.figures import kinds
from bench.report.figures.drawing import canvas
from bench.report.sections import sections
from bench.runs.load import load


def texts(figure):
    """Texts that are seen, with their outlines in points; the figure has been drawn."""
    ruler = figure.canvas.get_renderer()
    parts = [part for part in (figure._suptitle, figure._supxlabel, figure._supylabel) if part]
    parts += [text for legend in figure.legends for text in legend.get_texts()]
    for axes in figure.axes:
        parts += [axes.title, *axes.texts]
        for axis in (axes.xaxis, axes.yaxis) if axes.axison else ():
            parts += [axis.label, *(tick.label1 for tick in axis._update_ticks())]
    seen = [part for part in parts if part.get_visible() and part.get_text().strip()]
    # Of a name with a leader, the name alone: the leader may pass under another.
    return [(part.get_text(), Text.get_window_extent(part, ruler)) for part in seen]


def off(figure):
    """What is wrong with the texts of a figure."""
    width, height = figure.canvas.get_renderer().get_canvas_width_height()
    found = texts(figure)
    cut = [text for text, box in found if min(*box.min, width - box.x1, height - box.y1) < -0.5]
    pairs = combinations([(text, box.padded(-0.4)) for text, box in found], 2)
    return cut + [(one, other) for (one, first), (other, second) in pairs if first.overlaps(second)]


@pytest.fixture(scope="module", params=["dare", "a-method-with-a-name-of-some-length"])
def section(writer, tmp_path_factory, request):
    """Setups with one, three and four exits, with one seed and two, all with short names or one with a long one."""
    write_run = writer(tmp_path_factory.mktemp("legible"))
    for seed in (0, 1):
        write_run(seed=seed)
    write_run(method="msdnet", exits=3)
    write_run(method="hashreid-noexit", exits=1, swept=False)
    write_run(method=request.param)
    (found,) = sections(load(write_run.results))
    return found


@pytest.mark.parametrize("kind", [*kinds.SECTION_FIGURES, *kinds.SETUP_FIGURES])
def test_no_text_hides_another_or_is_cut_off(section, kind):
    draw = resolve_name(kind)
    about = [(section,)] if kind in kinds.SECTION_FIGURES else [(section, setup) for setup in section.setups]
    drawings = [drawing for drawing in (draw(*one) for one in about) if drawing]
    if "outcome" not in kind:
        assert drawings
    for drawing in drawings:
        drawing.files()
        assert off(drawing.figure) == []


def test_names_that_would_hide_one_another_are_moved():
    with canvas(4, 3) as figure:
        axes = figure.subplots()
        axes.set(xlim=(0, 10), ylim=(0, 10))
        for place, name in ((5, "the first"), (5.3, "the second"), (5.6, "the third"), (0.1, "alone")):
            axes.annotate(name, (place, 5), xytext=(4, -11), textcoords="offset points")
    *crowd, alone = axes.texts
    ruler, frame = figure.canvas.get_renderer(), axes.get_window_extent()
    boxes = [text.get_window_extent(ruler) for text in crowd]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    assert all(frame.contains(*box.min) and frame.contains(*box.max) for box in boxes)
    assert (crowd[0].xyann, alone.xyann) == ((4, -11), (4, -11))


def test_a_name_without_a_free_corner_stays():
    with canvas(0.8, 0.8) as figure:
        axes = figure.subplots()
        axes.set(xlim=(0, 1), ylim=(0, 1))
        for name in ("the first", "the second"):
            axes.annotate(name, (0.5, 0.5), xytext=(4, -11), textcoords="offset points")
    assert {(text.xyann, text.get_horizontalalignment()) for text in axes.texts} == {((4, -11), "left")}
