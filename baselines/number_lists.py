"""Options that hold several whole numbers: options are plain values, so these are texts with commas."""

from __future__ import annotations

from bench.errors import BenchError
from bench.methods import WIDTHS

LEAST, MOST = WIDTHS
"""What one of the numbers can be: the range of a width, which most of them are."""


def whole_numbers(name: str, text: object, *, count: int) -> tuple[int, ...]:
    """Read ``count`` whole numbers from :data:`LEAST` to :data:`MOST`, with commas, out of the option ``name``.

    Raises :class:`BenchError` where the text holds anything else.
    """
    words = str(text).split(",")
    if len(words) != count or not all(word.strip().isdecimal() and LEAST <= int(word) <= MOST for word in words):
        raise BenchError(f"setting {name}={text}: expected {count} whole numbers with commas, {LEAST} to {MOST:,}")
    return tuple(int(word) for word in words)
