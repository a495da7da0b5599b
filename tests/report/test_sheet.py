"""Places on a sheet: nothing overlaps, nothing is cut off, and the panels keep the shape they were given."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, Locator

from bench.report.figures.drawing import canvas

WIDTH, HEIGHT = 7.0, 6.0


def boxes(sheet):
    """Outlines of what stands on a sheet, in points: of each panel with its numbers, of each text and legend."""
    ruler = sheet.canvas.get_renderer()
    found = {"title": sheet._suptitle, "below": sheet._supxlabel, "left": sheet._supylabel}
    found |= {f"legend {place}": legend for place, legend in enumerate(sheet.legends)}
    found |= {f"panel {place}": axes for place, axes in enumerate(sheet.axes)}
    return {name: part.get_tightbbox(ruler) for name, part in found.items() if part is not None}


def overlapping(sheet):
    outlines = {name: box.padded(-0.5) for name, box in boxes(sheet).items()}
    return [pair for pair in combinations(outlines, 2) if outlines[pair[0]].overlaps(outlines[pair[1]])]


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_nothing_overlaps_or_is_cut_off(data):
    rows, columns = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    shared = data.draw(st.booleans())
    scale = data.draw(st.sampled_from([1e-4, 1.0, 12_345.0]))
    handles = [Line2D([], [], label=f"entry {place}") for place in range(data.draw(st.integers(1, 9)))]
    with canvas(WIDTH, HEIGHT) as sheet:
        grid = sheet.subplots(rows, columns, squeeze=False, sharex=shared, sharey=shared)
        for place, axes in enumerate(grid.flat):
            axes.plot([0, scale * (place + 1)], [-scale, scale * (place + 1)])
            if data.draw(st.booleans()):
                axes.set_title("a title")
            if data.draw(st.booleans()):
                axes.set_xlabel("across")
            if data.draw(st.booleans()):
                axes.set_ylabel("up\nwards")
        if data.draw(st.booleans()):
            sheet.suptitle("over everything")
        if data.draw(st.booleans()):
            sheet.supxlabel("of all panels")
        if data.draw(st.booleans()):
            sheet.supylabel("of all panels")
        if data.draw(st.booleans()):
            sheet.legend_below(handles, 3)
        elif data.draw(st.booleans()):
            sheet.legend_beside(handles)
    assert overlapping(sheet) == []
    for box in boxes(sheet).values():
        assert min(box.x0, box.y0) >= 0
        assert box.x1 <= 72 * WIDTH
        assert box.y1 <= 72 * HEIGHT
    shapes = np.array([axes.get_position().size for axes in sheet.axes])
    assert shapes == pytest.approx(np.broadcast_to(shapes[0], shapes.shape))


def test_panels_share_the_room_by_their_ratios():
    with canvas(WIDTH, HEIGHT) as sheet:
        (wide, narrow), (_, low) = sheet.subplots(2, 2, width_ratios=[3, 1], height_ratios=[5, 2])
    assert wide.get_position().width == pytest.approx(3 * narrow.get_position().width)
    assert narrow.get_position().height == pytest.approx(2.5 * low.get_position().height)


def test_what_stands_beside_a_panel_gets_room():
    with canvas(WIDTH, HEIGHT) as sheet:
        left, right = sheet.subplots(1, 2)
        left.text(1.02, 0.5, "the name of a line", transform=left.transAxes)
        right.text(1.02, 0.5, "the name of another", transform=right.transAxes)
    assert overlapping(sheet) == []
    ruler = sheet.canvas.get_renderer()
    assert right.texts[0].get_window_extent(ruler).x1 <= 72 * WIDTH


class ByWidth(Locator):
    """Ticks that depend on how wide the panel is, and in turn decide it."""

    def __call__(self):
        return [0, 0.25] if self.axis.axes.get_position().width > 0.96 else [0, 0.5]


def test_a_panel_whose_numbers_change_with_its_size_has_room_for_either():
    with canvas(WIDTH, HEIGHT) as sheet:
        axes = sheet.subplots()
        axes.set_ylim(0, 1)
        axes.yaxis.set_major_formatter(lambda value, _: "0.123456789" if value == 0.25 else "0")
        axes.yaxis.set_major_locator(ByWidth())
    for numbers in ([0, 0.25], [0, 0.5]):
        axes.yaxis.set_major_locator(FixedLocator(numbers))
        assert boxes(sheet)["panel 0"].x0 >= 0


def test_panels_come_from_a_grid():
    with pytest.raises(ValueError, match="use subplots"), canvas(WIDTH, HEIGHT) as sheet:
        sheet.add_axes((0, 0, 1, 1))


def test_a_sheet_without_panels_is_placed():
    with canvas(WIDTH, HEIGHT) as sheet:
        sheet.suptitle("nothing")
    assert boxes(sheet)["title"].y1 <= 72 * HEIGHT
