"""How cited numbers are written: filters of the template, the only way from a number to text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.errors import BenchError
from bench.findings.rounding import number
from bench.prose.cells import Cited, CitedText, Origin

WORDS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


class Written(str):
    """A number as it stands in the page. Templates may join it to words, and nothing else makes digits."""


@dataclass(frozen=True)
class Reference:
    """A number of the page: its text and where it is from."""

    text: str
    origin: Origin


class Formats:
    """The filters, and the references that went through them, in the order of the page."""

    def __init__(self) -> None:
        self.references: list[Reference] = []

    def filters(self) -> Mapping[str, Callable[..., Written]]:
        """Give the filters by the names that templates use."""
        return {
            "percent": self.percent,
            "points": self.points,
            "points_below": self.points_below,
            "millions": self.millions,
            "fixed": self.fixed,
            "integer": self.integer,
            "word": self.word,
            "verbatim": self.verbatim,
        }

    def percent(self, value: Any, digits: int = 1) -> Written:
        """Write a share in percent: 0.6936 → ``69.4``."""
        return self._written(value, number(100 * self._cited(value), digits))

    def points(self, value: Any, digits: int = 1) -> Written:
        """Write a difference of shares above zero in points, as of "ahead by" or "gains": 0.052 → ``5.2``.

        Raises BenchError where it is not above zero.
        """
        if not self._cited(value) > 0:
            raise BenchError(self._turned(value, "above zero (ahead, more, gains)", "points_below"))
        return self._written(value, number(100 * value, digits))

    def points_below(self, value: Any, digits: int = 1) -> Written:
        """Write a difference of shares below zero in points without its sign, as of "behind by": −0.052 → ``5.2``.

        Raises BenchError where it is not below zero.
        """
        if not self._cited(value) < 0:
            raise BenchError(self._turned(value, "below zero (behind, less, loses)", "points"))
        return self._written(value, number(-100 * value, digits))

    def millions(self, value: Any, digits: int = 1) -> Written:
        """Write a count in millions: 28704768 → ``28.7``."""
        return self._written(value, number(self._cited(value) / 1e6, digits))

    def fixed(self, value: Any, digits: int = 1) -> Written:
        """Write a number as it is, rounded."""
        return self._written(value, number(self._cited(value), digits))

    def integer(self, value: Any) -> Written:
        """Write a whole number. Raises BenchError where it is none."""
        if not self._cited(value).is_integer():
            raise BenchError(f"expected a whole number, found {float(value)} ({value.origin})")
        return self._written(value, number(value, 0))

    def word(self, value: Any) -> Written:
        """Write a small whole number as a word. Raises BenchError where it is none, or too large."""
        count = self._cited(value)
        if not count.is_integer() or not 0 <= count < len(WORDS):
            raise BenchError(f"expected a whole number below {len(WORDS)}, found {float(value)} ({value.origin})")
        return self._written(value, WORDS[int(count)])

    def verbatim(self, value: Any) -> Written:
        """Write a cell of text as it stands. Raises BenchError for anything else."""
        if not isinstance(value, CitedText):
            raise BenchError(f"expected a cell of text, found {value!r}: refer to one with text()")
        return self._written(value, value.text)

    def _cited(self, value: Any) -> float:
        if not isinstance(value, Cited):
            raise BenchError(f"expected a reference to a cell, found {value!r}: numbers are not typed into a template")
        return float(value)

    def _turned(self, value: Cited, expected: str, other: str) -> str:
        """Say that the words around a difference are no longer true."""
        origin = value.origin
        return (
            f"no longer true: expected a difference {expected}, found {number(100 * value, 2)} points ({origin.file}, "
            f"{origin.column}, {origin.how} where {origin.rows or 'anything holds'}); change the words around it, and "
            f"write it with {other} if it turned"
        )

    def _written(self, value: Any, text: str) -> Written:
        self.references.append(Reference(text, value.origin))
        return Written(text)
