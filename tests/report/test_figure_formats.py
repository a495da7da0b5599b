"""Font and palette: what was made faster shows what it showed before. Formats: the same bytes every time."""

import io

import numpy as np
import seaborn
from matplotlib.colors import to_rgb
from matplotlib.textpath import TextPath

from bench.report import style
from bench.report.figures import Drawing, canvas
from bench.report.font import families


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
