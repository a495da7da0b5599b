"""A figure of the report: drawn by matplotlib with constrained layout, described, saved in the same bytes."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text

from bench.findings.sections import Section
from bench.findings.setups import Setup
from bench.inert import clean
from bench.report.figures.style import settings
from bench.report.figures.svg import shortened, titled
from bench.report.figures.values import marks_hidden, titles_of

PNG_DPI = 200
CHARACTERS_AN_INCH = 14
"""How many characters of a title fit, on average."""
LEGEND_ROW_INCHES = 0.17
MOST_COLUMNS = 4
MOST_PASSES = 4
LAID_OUT = 1e-3
"""A layout that moves no panel by more than this share of the figure is settled."""
SIDES = ("bottom", "top", "left", "right")
"""Where an axis may have labels."""
HANDLE_CHARACTERS = 7
"""Room that the line of an entry takes in a legend, with the gaps beside it."""
CANVASES = {
    "svg": ("matplotlib.backends.backend_svg", "FigureCanvasSVG"),
    "pdf": ("matplotlib.backends.backend_pdf", "FigureCanvasPdf"),
    "png": ("matplotlib.backends.backend_agg", "FigureCanvasAgg"),
}
"""What writes each format; loaded when it is first asked for."""
METADATA = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}
"""No trace of when and by what a file was made: the same records give the same bytes."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """One figure: ``caption`` says what it shows, ``description`` says it to readers who cannot see it.

    ``part`` ends the file's name where one kind makes several figures; ``origin`` tells what it was
    drawn from beside the runs' records.
    """

    title: str
    caption: str
    description: str
    figure: Figure
    part: str = ""
    origin: str = ""

    def svg(self) -> str:
        """Draw it as SVG; marks that :func:`~bench.report.figures.values.name_points` named have titles."""
        titles = titles_of(self.figure)
        return titled(shortened(self._bytes("svg").decode()), titles)

    def save(self, stem: Path, formats: Sequence[str]) -> dict[str, Path]:
        """Write it beside the stem, the path less its ending; gives the paths by format."""
        paths = {ending: stem.with_name(f"{stem.name}.{ending}") for ending in formats}
        for ending, path in paths.items():
            if ending == "svg":
                path.write_text(self.svg(), encoding="utf-8", newline="\n")
                continue
            with marks_hidden(self.figure):
                path.write_bytes(self._bytes(ending))
        return paths

    def _bytes(self, ending: str) -> bytes:
        data = io.BytesIO()
        before = self.figure.dpi, self.figure.canvas
        with rc_context(settings()):
            # As savefig does, less the drawing that it discards: the figure is laid out already.
            module, name = CANVASES[ending]
            canvas = getattr(import_module(module), name)(self.figure)
            try:
                self.figure.dpi = PNG_DPI
                getattr(canvas, f"print_{ending}")(data, metadata=METADATA[ending])
            finally:
                self.figure.dpi, self.figure.canvas = before
        return data.getvalue()


@contextmanager
def canvas(
    width_inches: float, height_inches: float, title: str = "", *, labels: Collection[str] = ()
) -> Iterator[Figure]:
    """Open a figure to draw on in the report's style; at the end its parts are laid out, once for all formats.

    ``title`` stands over it (:func:`set_title`). With ``labels``, those of a legend that comes below, it is as much
    higher as they need.
    """
    height_inches += LEGEND_ROW_INCHES * -(-len(labels) // _columns(list(labels), width_inches))
    with rc_context(settings()):
        layout = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.05, wspace=0.03, hspace=0.03)
        figure = Figure(figsize=(width_inches, height_inches), layout=layout)
        yield figure
        if title:
            set_title(figure, title)
        for text in _texts(figure):
            text.set_text(clean(text.get_text()))
        for _ in range(MOST_PASSES):
            before = [axes.get_position().bounds for axes in figure.axes]
            layout.execute(figure)
            if _settled(figure, before):
                break
        figure.set_layout_engine("none")


def _texts(artist: Artist) -> Iterator[Text]:
    """Find all texts of an artist but those beside ticks: a formatter writes these anew with every drawing.

    To look at ticks makes them, and many are never drawn.
    """
    if isinstance(artist, Text):
        yield artist
    for child in [artist.label] if isinstance(artist, Axis) else artist.get_children():
        yield from _texts(child)


def _settled(figure: Figure, before: Sequence[Any]) -> bool:
    """Whether a layout needs no further pass: it made room for the ticks that are there now, and shapes are kept.

    Panels that have become smaller may have got other ticks. Those of a shape of their own move until nothing does.
    """
    shown = [axes for axes in figure.axes if axes.get_visible() and axes.axison]
    if any(axes.get_aspect() != "auto" for axes in shown):
        return np.allclose(before, [axes.get_position().bounds for axes in figure.axes], atol=LAID_OUT)
    for axis in (axis for axes in shown for axis in (axes.xaxis, axes.yaxis)):
        # Of an axis without labels, to look at the ticks would make them.
        if not any(axis.get_tick_params().get(f"label{side}") for side in SIDES):
            continue
        if [tick.get_loc() for tick in axis.get_major_ticks()] != axis.get_majorticklocs().tolist():
            return False
    return True


def set_title(figure: Figure, title: str) -> None:
    """Put a title over the figure, in as many lines as its width needs."""
    figure.suptitle(
        textwrap.fill(clean(title), int(figure.get_figwidth() * CHARACTERS_AN_INCH), break_on_hyphens=False)
    )


def legend_below(figure: Figure, handles: Sequence[Artist], **looks: float) -> None:
    """Put a legend under the figure, in as many columns as its width has room for; none without entries."""
    if not handles:
        return
    columns = _columns([str(handle.get_label()) for handle in handles], figure.get_figwidth())
    figure.legend(handles=list(handles), loc="outside lower center", ncols=columns, **looks)


def _columns(labels: Sequence[str], width_inches: float) -> int:
    """How many columns of a legend fit under a figure; matplotlib shares the entries out as evenly as can be."""
    room = width_inches * CHARACTERS_AN_INCH
    for columns in range(min(MOST_COLUMNS, len(labels)), 1, -1):
        widths = [max(map(len, column.tolist())) for column in np.array_split(np.array(labels, dtype=object), columns)]
        if sum(widths) + HANDLE_CHARACTERS * len(widths) <= room:
            return columns
    return 1


def heading(section: Section, setup: Setup) -> str:
    """Title of a figure on one setup: data, whether they are rendered, method and preset."""
    return f"{setup.label} on {section.title}"
