"""Both vector formats out of one walk over a figure's parts, since the walk takes as long as the writing.

All is in points, of which there are 72 to an inch: a figure drawn here has 72 dots an inch.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

from matplotlib.backend_bases import FigureCanvasBase, GraphicsContextBase, RendererBase
from matplotlib.backends.backend_pdf import PdfFile, RendererPdf
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Transform

from bench.report.figures.style import DOTS_AN_INCH


@lru_cache(maxsize=8192)
def _measured(text: str, font: FontProperties, ismath: Any) -> tuple[float, float, float]:
    return text_to_path.get_text_width_height_descent(text, font, ismath)


class Ruler(RendererBase):
    """Measures texts as they are in vector formats, without the rounding to pixels; draws nothing."""

    def __init__(self, width_inches: float, height_inches: float) -> None:
        super().__init__()
        self.width = width_inches * DOTS_AN_INCH
        self.height = height_inches * DOTS_AN_INCH

    def get_canvas_width_height(self) -> tuple[float, float]:
        """Give the size in points."""
        return self.width, self.height

    def get_text_width_height_descent(self, s: str, prop: FontProperties, ismath: Any) -> tuple[float, float, float]:
        """Give width, height and descent of a text in points, from the outlines of its letters."""
        # Few texts of a report are the only ones of their kind. Matplotlib hands over a copy of the font's properties.
        return _measured(s, prop, ismath)

    def flipy(self) -> bool:
        """Say that upwards is up."""
        return False


class RulerCanvas(FigureCanvasBase):
    """The canvas of a figure whose parts are placed before anything is drawn."""

    def get_renderer(self) -> Ruler:
        """Give what measures its texts."""
        return Ruler(*self.figure.get_size_inches())


class _Both(Ruler):
    """Hands every stroke to the renderers of SVG and PDF, in that order: the one of PDF may change the context."""

    def __init__(self, svg: RendererSVG, pdf: RendererPdf, width_inches: float, height_inches: float) -> None:
        super().__init__(width_inches, height_inches)
        self._svg = svg
        self._pdf = pdf

    def new_gc(self) -> GraphicsContextBase:
        """Open a context; PDF needs one of its own kind, and SVG takes any."""
        return self._pdf.new_gc()

    def open_group(self, s: str, gid: str | None = None) -> None:
        """Open a group, which only SVG has."""
        self._svg.open_group(s, gid)

    def close_group(self, s: str) -> None:
        """Close a group."""
        self._svg.close_group(s)

    def get_image_magnification(self) -> float:
        """Say how many pixels of an image go into a point."""
        return self._pdf.get_image_magnification()

    def draw_path(self, *stroke: Any, **options: Any) -> None:
        """Draw a path."""
        self._svg.draw_path(*stroke, **options)
        self._pdf.draw_path(*stroke, **options)

    def draw_markers(
        self,
        gc: GraphicsContextBase,
        marker_path: Path,
        marker_trans: Transform,
        path: Path,
        trans: Transform,
        rgbFace: Any = None,
    ) -> None:
        """Draw a marker at every vertex."""
        self._svg.draw_markers(gc, marker_path, marker_trans, path, trans, rgbFace)
        self._pdf.draw_markers(gc, marker_path, marker_trans, path, trans, rgbFace)

    def draw_path_collection(self, *stroke: Any, **options: Any) -> None:
        """Draw many paths."""
        self._svg.draw_path_collection(*stroke, **options)
        self._pdf.draw_path_collection(*stroke, **options)

    def draw_image(self, *stroke: Any, **options: Any) -> None:
        """Draw an image."""
        self._svg.draw_image(*stroke, **options)
        self._pdf.draw_image(*stroke, **options)

    def draw_text(
        self,
        gc: GraphicsContextBase,
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        ismath: Any = False,
        mtext: Any = None,
    ) -> None:
        """Draw a text; in SVG downwards is up."""
        self._svg.draw_text(gc, x, self.height - y, s, prop, angle, ismath, mtext)
        self._pdf.draw_text(gc, x, y, s, prop, angle, ismath, mtext)


def draw_vectors(figure: Figure, image_dpi: float) -> tuple[str, bytes]:
    """Draw a figure as SVG and as PDF, with no trace of when and by what; images in it get ``image_dpi``."""
    width, height = figure.get_size_inches()
    text, data = io.StringIO(), io.BytesIO()
    file = PdfFile(data, metadata={"CreationDate": None})
    file.newPage(width, height)
    svg = RendererSVG(
        width * DOTS_AN_INCH,
        height * DOTS_AN_INCH,
        text,
        image_dpi=image_dpi,
        metadata={"Date": None, "Creator": None},
    )
    pdf = RendererPdf(file, image_dpi, height, width)
    figure.draw(_Both(svg, pdf, width, height))
    svg.finalize()
    pdf.finalize()
    file.finalize()
    return text.getvalue(), data.getvalue()
