"""A table: one frame of numbers, written in full as CSV, and rounded for people as Markdown, HTML and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import groupby, islice
from typing import Any, TypeAlias

import pandas as pd

from bench.findings.rounding import markdown_cell
from bench.findings.setups import Setup
from bench.inert import csv_cell, one_line

Record: TypeAlias = dict[Hashable, Any]
"""One row of a frame, by the names of its columns."""
CHUNK = 2000
"""Rows that are put into a frame at a time."""
MOST_READ = 1000
"""Rows of a table that are laid out for people; what has more is read by programs, which read the CSV."""
LONG = 20
"""A table of more rows runs over pages in LaTeX."""
LONG_TEXT = 120
"""Letters of a text from which on a table's texts run over several lines on the page."""
LATEX_SIGNS = {"\N{MINUS SIGN}": "$-$", "\N{PLUS-MINUS SIGN}": r"$\pm$", "\N{MULTIPLICATION SIGN}": r"$\times$"}
LATEX_SIGNS |= {"\N{EM DASH}": "---", "\N{EN DASH}": "--", "\N{GREEK SMALL LETTER LAMDA}": r"$\lambda$"}
LATEX_SIGNS |= {"<": "$<$", ">": "$>$", "|": "$|$"}  # in text, LaTeX's first encoding of letters has others there
LATEX_SIGNS |= {"\N{GREEK SMALL LETTER MU}": r"$\mu$", "\N{MICRO SIGN}": r"$\mu$", "\N{NO-BREAK SPACE}": "~"}


@dataclass(frozen=True)
class Column:
    """A column as people read it: its heading, and its text for a row of numbers; numbers stand to the right."""

    heading: str
    text: Callable[[Record], str]
    is_number: bool = True


@dataclass(frozen=True, eq=False)
class Table:
    """``rows`` are the numbers, ``columns`` how people read them. ``name`` is that of its files, less the ending.

    A column of ``rows`` whose name begins with an underscore is for reading alone and stays out of the CSV.
    """

    name: str
    title: str
    note: str
    rows: pd.DataFrame
    columns: Sequence[Column]
    first_thresholding: bool = False
    """Whether the page shows the rows of a setup's first thresholding alone."""

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.rows)

    @cached_property
    def full(self) -> pd.DataFrame:
        """What the CSV holds."""
        kept = [name for name in self.rows if not str(name).startswith("_")]
        return self.rows if len(kept) == self.rows.shape[1] else self.rows[kept]

    @cached_property
    def shown(self) -> pd.DataFrame:
        """The rows as texts, by the headings that people read; of very many, the first :data:`MOST_READ`."""
        return self._texts(self.rows.head(MOST_READ))

    @property
    def said(self) -> str:
        """The note, and where not all rows are shown, that they are not."""
        return one_line(self.note if len(self) <= MOST_READ else f"{self.note} {first_of(MOST_READ, len(self))}")

    def _texts(self, rows: pd.DataFrame) -> pd.DataFrame:
        records = records_in(rows)
        texts = {column.heading: [one_line(column.text(row)) for row in records] for column in self.columns}
        return pd.DataFrame(texts, index=rows.index, dtype=str)

    def of_setup(self, setup: Setup, most: int) -> tuple[pd.DataFrame, int]:
        """Give the first rows on one setup as texts, at most so many, with the number of all rows on it.

        Columns that would say the same over and over are left out.
        """
        if not len(self):
            return self.shown, 0
        rows = self.rows[self.rows["setup"] == setup.label]
        needless = ["setup"] if len(setup.runs) > 1 else ["setup", "seed"]
        if self.first_thresholding and len(rows):
            rows = rows[rows["thresholding"] == setup.thresholdings()[0]]
            needless.append("thresholding")
        texts = self._texts(rows.head(most))
        return texts.drop(columns=[name for name in needless if name in texts]), len(rows)

    def title_of_setup(self, setup: Setup) -> str:
        """Title on the page, under the heading of a setup."""
        first = setup.thresholdings()[:1] if self.first_thresholding else ()
        return ", ".join([self.title.partition(",")[0], *(f"thresholding {name}" for name in first)])

    def csv(self) -> str:
        """Write all rows with all their digits as CSV, texts as :func:`~bench.inert.csv_cell` writes them."""
        return "".join(self.csv_parts())

    def csv_parts(self) -> Iterator[str]:
        """Give the text of :meth:`csv` in parts, of which one is in memory at a time."""
        # The same few texts stand in thousands of rows. Typed: True is equal to 1.
        safe = lru_cache(maxsize=None, typed=True)(csv_cell)
        for start in range(0, max(len(self), 1), CHUNK):
            part = self.full.iloc[start : start + CHUNK]
            texts = part.select_dtypes(exclude="number").map(safe)
            header = [str(csv_cell(name)) for name in part] if not start else False
            whole = part.assign(**{str(name): texts[name] for name in texts})
            yield whole.to_csv(index=False, lineterminator="\n", header=header)

    def markdown(self) -> str:
        """Write title, note and rows as Markdown, as many as :attr:`shown` has."""
        rows = [list(self.shown.columns), ["---"] * len(self.columns), *self.shown.to_numpy().tolist()]
        lines = [f"| {' | '.join(cell if cell == '---' else markdown_cell(cell) for cell in row)} |" for row in rows]
        return "\n".join([f"## {markdown_cell(one_line(self.title))}", "", markdown_cell(self.said), "", *lines, ""])

    def latex(self) -> str:
        """Write the rows with the rules of booktabs, a long table over pages; a comment says what it needs."""
        shown, long = self.shown, len(self.shown) > LONG
        styler = shown.style.hide(axis="index").format(escape="latex").format_index(escape="latex", axis=1)
        text = styler.to_latex(
            hrules=True,
            environment="longtable" if long else "table",
            position=None if long else "htbp",
            position_float=None if long else "centering",
            column_format="".join("r" if column.is_number else "l" for column in self.columns),
            caption=latex_text(f"{one_line(self.title)}. {self.said}"),
            label=f"tab:{self.name}",
        )
        for sign, command in LATEX_SIGNS.items():
            text = text.replace(sign, command)
        # At the beginning of a row these would be read by the command that ends the row before.
        text = re.sub(r"^(?=[\[*])", "{}", text, flags=re.MULTILINE)
        return f"% Needs \\usepackage{{booktabs{',longtable' if long else ''}}}; in full: {self.name}.csv\n{text}"

    def html(self, rows: pd.DataFrame | None = None) -> str:
        """Write rows as HTML, all or those of :meth:`of_setup`."""
        shown = self.shown if rows is None else rows
        styler = shown.style.hide(axis="index").format(escape="html").format_index(escape="html", axis=1)
        return styler.to_html(exclude_styles=True)

    def text_classes(self, rows: pd.DataFrame) -> str:
        """Say in classes for the style sheet which columns of rows hold texts, ``text-N``, and ``long`` if they do."""
        texts = {column.heading for column in self.columns if not column.is_number}
        classes = [f"text-{number}" for number, heading in enumerate(rows.columns, 1) if heading in texts]
        longest = max((len(cell) for heading in texts & set(rows.columns) for cell in rows[heading]), default=0)
        return " ".join([*classes, *(["long"] if longest > LONG_TEXT else [])])


def records_in(frame: pd.DataFrame) -> list[Record]:
    """Give the rows of a frame as mappings, in a tenth of the time that ``to_dict`` takes where columns differ."""
    names = list(frame)
    return [dict(zip(names, row, strict=True)) for row in zip(*(frame[name].tolist() for name in names), strict=True)]


def first_of(shown: int, count: int) -> str:
    """Say that not all rows are shown, and where they are."""
    return f"Shown: the first {shown:,} of {count:,} rows; the CSV has all."


def latex_text(text: str) -> str:
    """Escape a text for LaTeX as the cells of a table are."""
    escaped = pd.DataFrame([[text]]).style.format(escape="latex").hide(axis="index").hide(axis="columns").to_latex()
    return escaped.partition("\n")[2].rpartition(r" \\")[0]


def table(
    name: str,
    title: str,
    note: str,
    rows: Iterable[Mapping[str, Any] | pd.DataFrame],
    columns: Sequence[Column],
    **options: Any,
) -> Table:
    """Make a table of rows given as mappings, of which few are in memory at a time, or of frames of rows."""
    frames = [part for part in _frames(rows) if len(part)]
    whole = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    return Table(name, title, note, whole, columns, **options)


def _frames(rows: Iterable[Mapping[str, Any] | pd.DataFrame]) -> Iterator[pd.DataFrame]:
    for kind, group in groupby(rows, key=type):
        if issubclass(kind, pd.DataFrame):
            yield from map(pd.DataFrame, group)
            continue
        while chunk := list(islice(group, CHUNK)):
            yield pd.DataFrame(chunk)
