"""Sample queries by class: drawn from pictures, without a run."""

import numpy as np
import pytest
from PIL import Image

from bench.report.figures.example import example_figure, match_figure
from bench.report.figures.outcomes import RIGHT_COLOUR, WRONG_COLOUR
from bench.running.examples import Example, ExampleClass, Examples, TopMatches, first_right_exit


def picture(value):
    return np.full((3, 8, 4), value, dtype=np.uint8)


def test_every_picture_is_framed_by_what_it_shows():
    shown = Example(picture(10), (picture(20), picture(30)), (True, False))
    alone = Example(picture(40), (picture(50),), (True,))
    examples = Examples("ets", (ExampleClass("easy", 7, 5, (shown, alone)), ExampleClass("skip", 0, 0, ())))
    drawing = example_figure(examples, "a method on a set")
    drawn = [axes for axes in drawing.figure.axes if axes.images]
    assert [axes.images[0].get_array()[0, 0, 0] for axes in drawn] == [10, 20, 30, 40, 50]
    frames = [axes.spines["left"].get_edgecolor() for axes in drawn]
    from matplotlib.colors import to_rgba

    assert frames == [to_rgba(c) for c in ("black", RIGHT_COLOUR, WRONG_COLOUR, "black", RIGHT_COLOUR)]
    assert [bool(axes.lines) for axes in drawn] == [False, False, True, False, False], "a wrong match is crossed"
    texts = " ".join(text.get_text() for axes in drawing.figure.axes for text in axes.texts)
    assert "5 of 7 right" in texts
    assert "easy 7, skip 0" in drawing.caption
    assert "a method on a set" in drawing.figure.get_suptitle()


@pytest.mark.parametrize("queries", [0, 2])
def test_classes_with_nobody_in_them_can_be_drawn(queries, tmp_path):
    examples = tuple(Example(picture(9), (), ()) for _ in range(queries))
    drawing = example_figure(Examples("ets", (ExampleClass("easy", queries, 0, examples),)), "somewhere")
    with Image.open(drawing.save(tmp_path / "classes", ["png"])["png"]) as image:
        assert min(image.size) > 50


def test_first_matches_stand_side_by_side():
    shown = Example(picture(10), (picture(20), picture(30)), (False, True))
    other = Example(picture(40), (picture(50), picture(60)), (False, True))
    lonely = Example(picture(70), (picture(80), picture(90)), (False, False))
    groups = (
        ExampleClass("right at\nevery exit", 0, 0, ()),
        ExampleClass("right from\nexit 2", 5, 0, (shown, other)),
        ExampleClass("never right", 1, 0, (lonely,)),
    )
    drawing = match_figure(TopMatches(("exit 1", "exit 2"), groups), "a method on a set")
    drawn = [axes for axes in drawing.figure.axes if axes.images]
    assert [axes.images[0].get_array()[0, 0, 0] for axes in drawn] == [10, 20, 30, 40, 50, 60, 70, 80, 90]
    assert [bool(axes.lines) for axes in drawn] == [False, True, False, False, True, False, False, True, True]
    titles = [axes.get_title() for axes in drawing.figure.axes if axes.get_title()]
    assert titles == ["query", "exit 1", "exit 2"] * 2
    assert "right from exit 2 5, never right 1" in drawing.caption


def test_queries_are_grouped_by_where_they_come_right():
    right = np.array(
        [[1, 1, 1], [0, 1, 1], [1, 0, 1], [1, 1, 0], [0, 0, 0], [0, 0, 1], [0, 1, 0]],
        dtype=bool,
    )
    groups = first_right_exit(right, ["exit 1", "exit 2", "exit 3"])
    assert {" ".join(name.split()): rows.tolist() for name, rows in groups.items()} == {
        "right at every exit": [0],
        "right from exit 2": [1],
        "right from exit 3": [2, 5],
        "right, then lost again": [3, 6],
        "never right": [4],
    }
