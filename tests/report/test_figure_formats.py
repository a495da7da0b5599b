"""Font and palette: what was made faster shows what it showed before. Formats: the same bytes every time."""

import io
import re
from xml.etree import ElementTree

import matplotlib
import numpy as np
import seaborn
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import to_rgb
from matplotlib.font_manager import fontManager
from matplotlib.textpath import TextPath
from PIL import Image

from bench.report.figures import style
from bench.report.figures.drawing import PNG_DPI, Drawing, canvas
from bench.report.figures.font import families


def test_the_lean_font_draws_the_same_letters():
    lean, whole = families()
    for text in ("rank-1 (%) 0.95 − λ × …", "exit ≤ 3", "AVATAR, To"):
        one, two = (TextPath((0, 0), text, size=8, prop={"family": [family]}) for family in (lean, whole))
        assert np.array_equal(one.vertices, two.vertices)


def test_the_lean_font_is_made_once_on_a_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(matplotlib, "get_cachedir", lambda: str(tmp_path))
    monkeypatch.setattr(fontManager, "ttflist", list(fontManager.ttflist))
    ages = set()
    for _ in range(2):
        families.cache_clear()
        assert families() == ("DejaVu Sans Lean", "DejaVu Sans")
        (path,) = tmp_path.iterdir()
        ages.add(path.stat().st_mtime_ns)
    assert len(ages) == 1
    monkeypatch.undo()
    families.cache_clear()
    families()


def test_letters_beyond_the_lean_font_come_from_the_whole_one():
    with canvas(2, 1) as figure:
        figure.subplots().set_title("Ж")
    svg = Drawing("n", "t", "c", "d", figure).files().svg
    assert svg.count('id="DejaVuSans-') == 1
    assert svg.count('id="DejaVuSansLean-') > 1


def test_a_figure_has_the_same_bytes_twice_and_in_every_format_the_same_marks(tmp_path):
    made = []
    for _ in range(2):
        with canvas(2, 1) as figure:
            axes = figure.subplots()
            axes.set_title("rank-1")
            axes.plot([0, 1, 2], [0, 1, 4], color="#ff0000", marker="o", linewidth=4)
            axes.fill_between([0, 1], [0, 0], [4, 4], color="#0000ff")
            axes.imshow(np.full((2, 2, 3), [0, 255, 0], dtype=np.uint8), extent=(1, 2, 2, 4), aspect="auto")
            axes.set(xlim=(0, 2), ylim=(0, 4))
        made += [Drawing("n", "t", "c", "d", figure).files() for _ in range(2)]
    assert made[0] == made[1] == made[2] == made[3]
    paths = made[0].write(tmp_path / "figure.of")
    assert [path.name for path in paths] == ["figure.of.svg", "figure.of.png", "figure.of.pdf"]
    assert b"/FontFile2" in paths[2].read_bytes()
    pixels = np.array(Image.open(paths[1]))
    assert pixels.shape == (PNG_DPI, 2 * PNG_DPI, 3)
    for colour in ((255, 0, 0), (0, 0, 255), (0, 255, 0)):
        assert (pixels == colour).all(axis=2).mean() > 0.01
    # What matplotlib draws by itself, format by format, is the measure.
    pixels_alone, svg_alone = io.BytesIO(), io.StringIO()
    with matplotlib.rc_context({**style.SETTINGS, "font.family": families()}):
        figure.set_dpi(PNG_DPI)
        FigureCanvasAgg(figure).print_png(pixels_alone)
        FigureCanvasSVG(figure).print_svg(svg_alone, metadata={"Date": None, "Creator": None})
    expected = np.array(Image.open(pixels_alone).convert("RGB"), dtype=float)
    assert np.abs(expected - pixels).mean() < 4
    assert _shapes(made[0].svg) == _shapes(svg_alone.getvalue())


def _shapes(svg):
    """Tags of the drawing with the whole numbers of their places."""
    found = []
    for element in ElementTree.fromstring(svg).iter():
        places = {name: element.get(name) for name in ("d", "x", "y", "transform", "style") if element.get(name)}
        numbers = [round(float(number)) for value in places.values() for number in re.findall(r"-?\d+\.?\d*", value)]
        found.append((element.tag, numbers))
    return found


def test_palettes_are_seaborns():
    assert list(style.COLOURS) == list(seaborn.color_palette("colorblind").as_hex())
    for count in range(1, 9):
        for ours, theirs in zip(style.exit_colours(count), seaborn.color_palette("crest_r", count), strict=True):
            assert np.abs(np.subtract(to_rgb(ours), theirs)).max() < 2 / 255
