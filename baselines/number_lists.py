"""Options that hold several whole numbers: options are plain values, so these are texts with commas."""

from __future__ import annotations

from bench.errors import BenchError


def whole_numbers(name: str, text: object, *, count: int) -> tuple[int, ...]:
    """Read ``count`` whole numbers above 0 with commas out of the option ``name``.

    Raises :class:`BenchError` where the text holds anything else.
    """
    words = str(text).split(",")
    if len(words) != count or not all(word.strip().isdecimal() and int(word) for word in words):
        raise BenchError(f"setting {name}={text}: expected {count} whole numbers above 0 with commas")
    return tuple(int(word) for word in words)
