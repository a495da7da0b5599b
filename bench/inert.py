"""Texts from elsewhere made harmless: for pages, figures, terminals and spreadsheets.

Names, options and remarks may come from a results folder of unknown origin. Whatever they hold, they are shown,
and nothing in them is carried out.
"""

from __future__ import annotations

import unicodedata

HIDDEN = ("Cc", "Cf", "Cs")
"""Unicode categories that are taken out: control (terminal sequences begin with one), format (reversed writing, for
one) and lone surrogates."""
FORMULA_SIGNS = tuple("=+-@＝＋－＠")
"""What a spreadsheet takes a cell for a formula by, if it begins so."""


def clean(text: object) -> str:
    """Take out what no reader sees and what may change how the rest is shown; line ends stay."""
    text = str(text)
    if text.isprintable():
        return text
    return "".join(c for c in text if c == "\n" or unicodedata.category(c) not in HIDDEN)


def one_line(text: object) -> str:
    """:func:`clean` a text, with spaces for line ends."""
    return " ".join(clean(text).split("\n"))


def csv_cell(value: object) -> object:
    """Make a cell of a CSV that no spreadsheet carries out: texts in one line, those like formulas after an apostrophe.

    Numbers stay as they are.
    """
    if not isinstance(value, str):
        return value
    text = one_line(value)
    return f"'{text}" if text.lstrip().startswith(FORMULA_SIGNS) else text
