"""Texts from elsewhere made harmless: for pages, figures, terminals and spreadsheets.

Names, options and remarks may come from a results folder of unknown origin. Whatever they hold, they are shown,
and nothing in them is carried out.
"""

from __future__ import annotations

import re
import unicodedata

HIDDEN = ("Cc", "Cf", "Cs")
"""Unicode categories that are taken out: control (terminal sequences begin with one), format (reversed writing, for
one) and lone surrogates."""
FORMULA_SIGNS = tuple("=+-@＝＋－＠")
"""What a spreadsheet takes a cell for a formula by, if it begins so."""

LONGEST_WORD, LONGEST_LINE = 300, 4000
"""Letters from which on :func:`shortened` cuts: paths and lists of names are whole, a value by mistake is not."""


def clean(text: object) -> str:
    """Take out what no reader sees and what may change how the rest is shown; line ends stay."""
    text = str(text)
    if text.isprintable():
        return text
    return "".join(c for c in text if c == "\n" or unicodedata.category(c) not in HIDDEN)


def one_line(text: object) -> str:
    """:func:`clean` a text, with spaces for line ends."""
    return " ".join(clean(text).split("\n"))


def shortened(text: str) -> str:
    """Cut very long words and lines in their middle, so that a value in a message does not push the message away."""
    words = re.sub(rf"\S{{{LONGEST_WORD + 1},}}", lambda found: _cut(found[0], LONGEST_WORD), text)
    return "\n".join(_cut(line, LONGEST_LINE) for line in words.split("\n"))


def _cut(text: str, most: int) -> str:
    left, right = 2 * most // 3, most // 3 - 1
    return text if len(text) <= most else f"{text[:left]}…{text[-right:]}"


def csv_cell(value: object) -> object:
    """Make a cell of a CSV that no spreadsheet carries out: texts in one line, those like formulas after an apostrophe.

    Numbers stay as they are.
    """
    if not isinstance(value, str):
        return value
    text = one_line(value)
    return f"'{text}" if text.lstrip().startswith(FORMULA_SIGNS) else text
