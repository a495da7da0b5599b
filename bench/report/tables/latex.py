"""Tables as LaTeX, for papers: they fit the page as they are, with rules of booktabs and numbers to the right.

Where a table goes depends on its size. A short one is a float that shrinks as far as the line demands, on its side if
that would be far; a long one runs over pages, in the largest type that its columns allow. Lines are taken to be those
of the article class; where they are longer, there is room to spare.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, takewhile
from operator import itemgetter

from bench.report.tables.table import Table, is_number

LINE_POINTS = 345.0
LANDSCAPE_POINTS = 550.0
"""Lines of the article class, upright and on its side."""
FLOAT_ROWS = 20
"""A table of more rows runs over pages."""
SHRUNK = 0.75
"""Below that size a float is turned on its side."""
LETTER_POINTS = {"small": 4.45, "footnotesize": 4.1, "scriptsize": 3.8, "tiny": 3.15}
"""Width of a letter or digit on average, for every size of Computer Modern, which grows wider as it grows smaller."""
GAP_POINTS = 3.0
"""On both sides of a column."""
BROKEN_LETTERS = 24
"""Texts of more letters than that are broken into lines."""
HEADING_LETTERS = 9
"""A heading is broken into lines of so many letters, or as many as its column needs anyway."""
OVER_ROWS = {"setup": "", "seed": "seed ", "mode": "mode "}
"""Columns, if they come first, that stand over the rows that they are the same in, where a table runs over pages."""
_GROUPED = re.compile(r"(?P<what>.+) (?P<part>S\d+) (?P<unit>\(.+\))")
"""Headings of columns that have a heading in common: a quantity at several stages."""
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "\N{MINUS SIGN}": "$-$",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{EM DASH}": "---",
    "\N{EN DASH}": "--",
    "\N{HORIZONTAL ELLIPSIS}": r"\ldots{}",
    "\N{NO-BREAK SPACE}": "~",
    "\N{GREEK SMALL LETTER LAMDA}": r"$\lambda$",
}
_TRANSLATION = str.maketrans(_SPECIAL)


@dataclass(frozen=True, eq=False)
class _Column:
    """A column of texts, with the heading that it shares with its neighbours, if any, and its own."""

    shared: str
    heading: str
    cells: Sequence[str]
    right: bool

    @classmethod
    def of(cls, name: str, cells: Sequence[str]) -> _Column:
        """Divide the name into what is shared and what is not."""
        parts = _GROUPED.fullmatch(name)
        shared, heading = (f"{parts['what']} {parts['unit']}", parts["part"]) if parts else ("", name)
        return cls(shared, heading, cells, is_number(name))

    @cached_property
    def broken(self) -> bool:
        """Whether its texts are broken into lines."""
        return not self.right and max(map(len, self.cells), default=0) > BROKEN_LETTERS

    @cached_property
    def heading_lines(self) -> list[str]:
        """The heading in lines that make the column no wider than need be."""
        longest = max(map(len, self.cells), default=0)
        return textwrap.wrap(self.heading, max(longest, HEADING_LETTERS), break_long_words=False)

    @cached_property
    def letters(self) -> int:
        """Width in letters."""
        longest = max(map(len, [*self.cells, *self.heading_lines]), default=0)
        return BROKEN_LETTERS if self.broken else longest

    def kind(self, size: str) -> str:
        """What LaTeX is to know of the column, in type of that size."""
        if self.broken:
            return rf">{{\raggedright\arraybackslash}}p{{{BROKEN_LETTERS * LETTER_POINTS[size]:.0f}pt}}"
        return "r" if self.right else "l"

    @property
    def head(self) -> str:
        """The heading as LaTeX."""
        lines = [escaped(line) for line in self.heading_lines]
        if len(lines) < 2:
            return "".join(lines)
        side = "r" if self.right else "l"
        return rf"\begin{{tabular}}[b]{{@{{}}{side}@{{}}}}" + r"\\".join(lines) + r"\end{tabular}"


def latex(table: Table) -> str:
    """Write a table to be put into a document; comments say what it was made of and which packages it needs."""
    columns = [_Column.of(str(name), [str(cell) for cell in table.shown[name].tolist()]) for name in table.shown]
    columns = [column for column in columns if any(column.cells)]
    packages, body = (_floating if len(table.shown) <= FLOAT_ROWS else _running)(table, columns)
    if any(column.broken for column in columns):
        packages = ["array", *packages]
    return "\n".join([f"% {_origin(table)}", rf"% Needs \usepackage{{booktabs,{','.join(packages)}}}.", *body]) + "\n"


def _floating(table: Table, columns: Sequence[_Column]) -> tuple[list[str], list[str]]:
    """Packages and lines of a table in one piece, no wider than the line that it is put into."""
    turned = _points(columns, "small") * SHRUNK > LINE_POINTS
    environment = "sidewaystable" if turned else "table"
    lines = [
        rf"\begin{{{environment}}}",
        r"  \centering",
        rf"  {_caption(table)}\vskip\abovecaptionskip",
        rf"  \small\setlength{{\tabcolsep}}{{{GAP_POINTS:g}pt}}",
        rf"  \sbox0{{\begin{{tabular}}{{{_kinds(columns, 'small')}}}",
        r"    \toprule",
        *_head(columns),
        r"    \midrule",
        *_rows(columns, brackets=r"\scriptsize"),
        r"    \bottomrule",
        r"  \end{tabular}}",
        r"  \ifdim\wd0>\linewidth\resizebox{\linewidth}{!}{\usebox0}\else\usebox0\fi",
        rf"  \par\smallskip{{\footnotesize\raggedright {escaped(table.note)}\par}}",
        rf"\end{{{environment}}}",
    ]
    return ["graphicx", *(["rotating"] if turned else [])], lines


def _running(table: Table, columns: Sequence[_Column]) -> tuple[list[str], list[str]]:
    """Packages and lines of a table that runs over pages, for a document of one column."""
    over = list(takewhile(lambda column: column.heading in OVER_ROWS, columns))
    below = columns[len(over) :]
    upright = _points(below, "scriptsize") <= LINE_POINTS
    room = LINE_POINTS if upright else LANDSCAPE_POINTS
    size = next((size for size in LETTER_POINTS if _points(below, size) <= room), "tiny")
    lines = [
        rf"\begingroup\{size}\setlength{{\tabcolsep}}{{{GAP_POINTS:g}pt}}",
        rf"\begin{{longtable}}{{{_kinds(below, size)}}}",
        rf"  {_caption(table)} \\",
        r"  \toprule",
        *_head(below),
        r"  \midrule \endfirsthead",
        r"  \toprule",
        *_head(below),
        r"  \midrule \endhead",
        r"  \bottomrule \endfoot",
        *_grouped_rows(over, below),
        r"\end{longtable}",
        rf"\footnotesize\noindent {escaped(table.note)}\par",
        r"\endgroup",
    ]
    if upright:
        return ["longtable"], lines
    return ["longtable", "pdflscape"], [r"\begin{landscape}", *lines, r"\end{landscape}"]


def _grouped_rows(over: Sequence[_Column], below: Sequence[_Column]) -> list[str]:
    """Rows in groups, over each the cells that all of its rows have."""
    rows = _rows(below, brackets="")
    if not over:
        return rows
    lines = []
    shared = zip(*(column.cells for column in over), strict=True)
    for cells, group in groupby(zip(shared, rows, strict=True), key=itemgetter(0)):
        named = [OVER_ROWS[column.heading] + cell for column, cell in zip(over, cells, strict=True)]
        lines.append(
            rf"    \addlinespace \multicolumn{{{len(below)}}}{{l}}{{\itshape {escaped(', '.join(named))}}} \\*"
        )
        lines += [row for _, row in group]
    return lines


def _caption(table: Table) -> str:
    label = re.sub(r"[^A-Za-z0-9-]+", "-", table.name)
    return rf"\caption{{{escaped(table.title)}.}}\label{{tab:{label}}}"


def _kinds(columns: Sequence[_Column], size: str) -> str:
    return "".join(column.kind(size) for column in columns)


def _points(columns: Sequence[_Column], size: str) -> float:
    """How wide the table is, about, in type of that size."""
    return sum(LETTER_POINTS[size] * column.letters + 2 * GAP_POINTS for column in columns)


def _head(columns: Sequence[_Column]) -> list[str]:
    """Headings: those that columns share above their own, with a rule between them."""
    own = "    " + " & ".join(column.head for column in columns) + r" \\"
    if not any(column.shared for column in columns):
        return [own]
    above, rules, place = [], [], 1
    for shared, group in groupby(columns, key=lambda column: column.shared):
        count = len(list(group))
        above += [rf"\multicolumn{{{count}}}{{c}}{{{escaped(shared)}}}"] if shared else [""] * count
        rules += [rf"\cmidrule(lr){{{place}-{place + count - 1}}}"] if shared else []
        place += count
    return ["    " + " & ".join(above) + r" \\", "    " + "".join(rules), own]


def _rows(columns: Sequence[_Column], brackets: str) -> list[str]:
    """Rows, with intervals and deviations in type of the size ``brackets``."""
    cells = ([_cell(text, brackets) for text in column.cells] for column in columns)
    return ["    " + " & ".join(row) + r" \\" for row in zip(*cells, strict=True)]


def _cell(text: str, brackets: str) -> str:
    number, mark, spread = text.partition(" \N{PLUS-MINUS SIGN} ")
    if not mark and text.endswith("]"):
        number, mark, spread = text.partition(" [")
    if not mark or not brackets:
        # A cell that starts with a bracket would be taken for an option of the line end before it.
        return f"{{[}}{escaped(text[1:])}" if text.startswith("[") else escaped(text)
    return rf"{escaped(number)} {{{brackets} {escaped(mark.strip() + spread)}}}"


def _origin(table: Table) -> str:
    """Which runs the numbers are from, where the table says so, and where all their digits are."""
    if not {"dataset", "run"} <= set(table.full.columns):
        return f"Made by bench report. In full: {table.name}.csv"
    measured = table.full[table.full["run"].fillna("") != ""]
    runs: dict[str, dict[str, None]] = {}
    for data, keys in zip(measured["dataset"], measured["run"], strict=True):
        runs.setdefault(str(data), {}).update(dict.fromkeys(key[:8] for key in str(keys).split()))
    listed = "; ".join(f"{data}, runs {' '.join(keys)}" for data, keys in runs.items())
    return _one_line(f"Made by bench report from the records of {listed}. In full: {table.name}.csv")


def escaped(text: str) -> str:
    """Write a text so that LaTeX sets it as it is."""
    return _one_line(text).translate(_TRANSLATION)


def _one_line(text: str) -> str:
    return re.sub(r"[\r\n]+", " ", text)
