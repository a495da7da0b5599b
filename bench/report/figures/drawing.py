"""A figure as the report handles it: drawn, named, described, and saved in the same bytes every time."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import pypdfium2

from bench.report.figures.font import families
from bench.report.figures.kinds import ENDINGS
from bench.report.figures.sheet import PANEL_GAP_POINTS, Sheet
from bench.report.figures.style import DOTS_AN_INCH, SETTINGS
from bench.report.figures.vectors import draw_vectors
from bench.report.sections import Section, Setup

PNG_DPI = 200
PNG_COMPRESSION = 3
"""Of nine. The usual six takes a sixth longer, and saves a fiftieth of the bytes."""
CHARACTERS_AN_INCH = 14
"""How many characters of a title fit, on average."""
HANDLE_CHARACTERS = 7
"""Room that the line of an entry takes in a legend, with the gaps beside it."""


@dataclass(frozen=True)
class Files:
    """One figure in all formats: SVG as text, PDF and PNG as bytes. The pixels are those of the PDF."""

    svg: str
    pdf: bytes
    png: bytes

    def write(self, stem: Path) -> tuple[Path, ...]:
        """Write them beside one another; ``stem`` is the path less its ending."""
        paths = tuple(stem.with_name(f"{stem.name}.{ending}") for ending in ENDINGS)
        paths[0].write_text(self.svg, encoding="utf-8", newline="\n")
        paths[1].write_bytes(self.png)
        paths[2].write_bytes(self.pdf)
        return paths


@dataclass(frozen=True, eq=False)
class Drawing:
    """One figure. ``name`` is that of its files, ``caption`` tells what it shows, ``description`` does so to ears."""

    name: str
    title: str
    caption: str
    description: str
    figure: Sheet

    def files(self) -> Files:
        """Draw the figure: vectors in one go, and the pixels from them. The same figure gives the same bytes."""
        with _settings():
            svg, pdf = draw_vectors(self.figure, PNG_DPI)
        pixels = io.BytesIO()
        page = pypdfium2.PdfDocument(pdf)[0]
        page.render(scale=PNG_DPI / DOTS_AN_INCH).to_pil().save(pixels, "png", compress_level=PNG_COMPRESSION)
        return Files(svg, pdf, pixels.getvalue())


@contextmanager
def canvas(width_inches: float, height_inches: float, gap_points: float = PANEL_GAP_POINTS) -> Iterator[Sheet]:
    """Open a figure to draw on in the report's style; in the end its parts are placed, panels ``gap_points`` apart."""
    with _settings():
        sheet = Sheet(width_inches, height_inches, gap_points)
        yield sheet
        sheet.place()


def _settings() -> AbstractContextManager[None]:
    return matplotlib.rc_context({**SETTINGS, "font.family": families()})


def set_title(figure: Sheet, title: str) -> None:
    """Put a title over the figure, in as many lines as its width needs."""
    figure.suptitle(textwrap.fill(title, width=int(figure.get_figwidth() * CHARACTERS_AN_INCH)))


def legend_columns(width_inches: float, labels: Sequence[str]) -> int:
    """How many columns of a legend fit under a figure, three at most, for these labels."""
    longest = max(map(len, labels), default=0) + HANDLE_CHARACTERS
    return max(1, min(3, len(labels), int(width_inches * CHARACTERS_AN_INCH) // longest))


def heading(section: Section, setup: Setup) -> str:
    """Title of a figure on one setup: data, whether they are rendered, method and preset."""
    return f"{setup.label} on {section.title}"


def drawing_name(section: Section, setup: Setup, kind: str) -> str:
    """Name a figure on one setup."""
    return f"{section.slug}-{setup.file_name}-{kind}"
