"""How figures are drawn and saved: looks, formats, marks with titles, processes that end with their parent."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from matplotlib import rc_context
from PIL import Image

from bench.report.figures.drawing import METADATA, PNG_DPI, Drawing, canvas, legend_below
from bench.report.figures.style import exit_colours, method_styles, policy_styles, settings
from bench.report.figures.values import name_points
from bench.report.page.svg import inline_svg


def drawing(title="rank-1", texts=("one", "two", "nowhere", "four")):
    with canvas(2, 1) as figure:
        axes = figure.subplots()
        axes.set_title(title)
        axes.plot([0, 1, 2], [0, 1, 4], color="#ff0000", linewidth=4)
        axes.fill_between([0, 1], [0, 0], [4, 4], color="#0000ff")
        axes.set(xlim=(0, 2), ylim=(0, 4))
        name_points(axes, [0, 1, np.nan, 2], [0, 1, 2, 4], texts)
    return Drawing("t", "c", "d", figure)


@pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
def test_a_figure_is_saved_in_the_bytes_of_savefig(ending, tmp_path):
    made = drawing()
    path = tmp_path / f"figure.{ending}"
    with rc_context(settings()):
        made.figure.savefig(path, dpi=PNG_DPI, metadata=METADATA[ending])
    assert made._bytes(ending) == path.read_bytes()
    assert made.figure.dpi != PNG_DPI


def test_a_figure_has_the_same_bytes_twice_and_the_same_marks_in_every_format(tmp_path):
    formats = ("svg", "png", "pdf")
    made = []
    for index in range(2):
        paths = drawing().save(tmp_path / f"figure.of-{index}", formats)
        made.append({ending: path.read_bytes() for ending, path in paths.items()})
    assert made[0] == made[1]
    assert [path.name for path in paths.values()] == [f"figure.of-1.{ending}" for ending in formats]
    pixels = np.array(Image.open(paths["png"]).convert("RGB"))
    assert pixels.shape == (PNG_DPI, 2 * PNG_DPI, 3)
    for colour in ((255, 0, 0), (0, 0, 255)):
        assert (pixels == colour).all(axis=2).mean() > 0.01
    assert b"#ff0000" in made[0]["svg"]
    assert b"/FontFile2" in made[0]["pdf"]


def test_coordinates_are_cut_and_texts_are_whole():
    with canvas(2, 1) as figure:
        axes = figure.subplots()
        axes.set_xticks([1 / 3], ["0.00125"])
    svg = Drawing("t", "c", "d", figure).svg()
    assert ">0.00125<" in svg
    assert not re.search(r"<[^>]*\d\.\d{3}[^>]*>", svg)


def test_marks_that_are_somewhere_have_their_texts():
    svg = drawing(texts=("one < two", "$x$", "nowhere", "\x1bfour")).svg()
    assert re.findall(r"<title>(.*?)</title>", svg) == ["one &lt; two", "$x$", "four"]
    assert svg.count("<use") >= 3


@pytest.mark.parametrize("title", ["$\\frac{", "a$b$c", "100 % of $5", "^_{}\\"])
def test_dollars_are_no_formulas(title):
    svg = drawing(title).svg()
    assert title.replace("&", "&amp;") in svg


def test_control_characters_stay_out():
    svg = drawing("a\x1b[31m\u202eb\x00").svg()
    assert "a[31mb" in svg
    assert not re.search("[\x00-\x08\x1b\u202e]", svg)


def test_inline_svg_shares_no_id_and_no_style():
    svg = (
        '<?xml version="1.0"?><svg viewBox="0 0 72 36" xmlns="http://www.w3.org/2000/svg" '
        'xmlns:xlink="http://www.w3.org/1999/xlink"><metadata>m</metadata><defs><style type="text/css">*{a}</style>'
        '</defs><g id="g_1"><path id="p1"/><use xlink:href="#p1" clip-path="url(#c)"/></g></svg>'
    )
    element = inline_svg(svg, "f1", "A & B", "<d>")
    assert element.startswith('<svg viewBox="0 0 72 36" role="img"')
    assert "width:130px" in element
    assert '<path id="f1-p1" /><use xlink:href="#f1-p1" clip-path="url(#f1-c)" />' in element
    assert "A &amp; B" in element
    assert not re.search("http|style>|metadata|g_1|DOCTYPE", element)
    with pytest.raises(ValueError, match="view box"):
        inline_svg('<svg xmlns="http://www.w3.org/2000/svg"/>', "f1", "", "")


@pytest.mark.parametrize(
    "labels",
    [
        ["short"] * 9,
        ["a name of more letters than most have"] * 7,
        ["onnxruntime, float32, 1 thread, gs"] * 4,
        ["x" * 200],
    ],
)
def test_a_legend_stays_on_the_paper(labels):
    with canvas(7, 3) as figure:
        axes = figure.subplots()
        legend_below(figure, [axes.plot([0, 1], [0, 1], label=label)[0] for label in labels])
    (legend,) = figure.legends
    box, paper = legend.get_window_extent(), figure.bbox
    assert box.y1 <= axes.get_tightbbox().y0 + 1
    assert box.y0 >= paper.y0
    assert len(labels[0]) > 100 or (box.x0 >= paper.x0 and box.x1 <= paper.x1)


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_looks_differ_without_colour_and_are_seen_on_white():
    for styles in (policy_styles([f"p{index}" for index in range(10)]), method_styles({"a": "a", "b": "b", "c": "c"})):
        looks = [(style.marker, str(style.dash), style.fill) for style in styles.values()]
        assert len(set(looks)) == len(looks)
        assert all(1.05 / (luminance(style.colour) + 0.05) > 2 for style in styles.values())
    for count in range(1, 9):
        lights = [luminance(colour) for colour in exit_colours(count)]
        assert lights == sorted(lights)


PARENT = """
import sys, time
from pathlib import Path
from bench.report.draw import Job, drawing_jobs
from bench.report.kinds import Kind

if __name__ == "__main__":
    kind = Kind("sleep", "section", "slow:sleep")
    with drawing_jobs([None], [Job(kind, 0, None, Path("x"), ["svg"])] * 8, workers=2) as done:
        list(done)
"""
SLOW = """
import os, time
from pathlib import Path

def sleep(section):
    Path(f"worker-{os.getpid()}").touch()
    time.sleep(120)
"""


def alive(process):
    state = Path(f"/proc/{process}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked up in /proc")
def test_processes_end_with_a_parent_that_is_killed(tmp_path):
    (tmp_path / "parent.py").write_text(PARENT)
    (tmp_path / "slow.py").write_text(SLOW)
    parent = subprocess.Popen([sys.executable, "parent.py"], cwd=tmp_path)
    try:
        deadline = time.monotonic() + 60
        while len(workers := list(tmp_path.glob("worker-*"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(workers) == 2
    finally:
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    numbers = [int(path.name.partition("-")[2]) for path in workers]
    while any(map(alive, numbers)) and time.monotonic() < deadline + 30:
        time.sleep(0.1)
    assert not any(map(alive, numbers))
