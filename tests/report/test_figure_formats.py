"""Font, palette and settled axes: what was made faster shows what it showed before."""

import io

import matplotlib
import numpy as np
import seaborn
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath

from bench.report import style
from bench.report.figures import Drawing, canvas
from bench.report.font import families
from bench.report.settled import settle


def pixels(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba()).astype(int)


def example():
    figure = Figure(figsize=(5, 3), dpi=150)
    (one, two), (three, hidden) = figure.subplots(2, 2, sharex="col")
    one.plot([0.3, 7.1], [-1, 2], color="red")
    one.set_ylabel("two\nlines")
    two.loglog([1, 10, 200], [3, 2, 1])
    two.set_title("logarithmic")
    two.minorticks_off()
    three.bar(["a", "b"], [1, 2])
    three.set_xlabel("what")
    three.grid(True)
    hidden.set_visible(False)
    return figure


def test_settled_axes_look_the_same():
    with matplotlib.rc_context(style.SETTINGS):
        before, figure = pixels(example()), example()
        settle(figure)
        # The ends of grid lines may fall on other parts of a pixel.
        assert np.abs(pixels(figure) - before).max() < 20
        assert figure.axes[0].get_ylabel() == "two\nlines"
        assert figure.axes[1].get_xscale() == "log"


def test_the_lean_font_draws_the_same_letters():
    lean, whole = families()
    for text in ("rank-1 (%) 0.95 − λ × …", "exit ≤ 3", "AVATAR, To"):
        one, two = (TextPath((0, 0), text, size=8, prop={"family": [family]}) for family in (lean, whole))
        assert np.array_equal(one.vertices, two.vertices)


def test_letters_beyond_the_lean_font_come_from_the_whole_one():
    with canvas(2, 1) as figure:
        figure.subplots().set_title("Ж")
    svg = Drawing("n", "t", "c", "d", figure).svg()
    assert svg.count('id="DejaVuSans-') == 1
    assert svg.count('id="DejaVuSansLean-') > 1


def test_pdf_has_the_same_bytes_twice(tmp_path):
    made = []
    for name in ("one.pdf", "two.pdf"):
        with canvas(2, 1) as figure:
            figure.subplots().set_title("rank-1")
        drawing = Drawing("n", "t", "c", "d", figure)
        drawing.svg()
        drawing.save_png(io.BytesIO())
        drawing.save_pdf(tmp_path / name)
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]
    assert b"/FontFile2" in made[0]


def test_palettes_are_seaborns():
    assert list(style.COLOURS) == list(seaborn.color_palette("colorblind").as_hex())
    for count in range(1, 9):
        for ours, theirs in zip(style.exit_colours(count), seaborn.color_palette("crest_r", count), strict=True):
            assert np.abs(np.subtract(to_rgb(ours), theirs)).max() < 2 / 255
