"""The cost that a sweep was made over, as axes and tables name it: multiply-adds unless the records say otherwise."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.findings.rounding import number
from bench.inert import clean

MULTIPLY_ADDS = "multiply-adds"
SMALL = 0.01
"""Smaller values have two digits that count: thousandths of a joule would all be 0.00x."""
SCALES = ((1e9, "billions"), (1e6, "millions"), (1e3, "thousands"))


@dataclass(frozen=True)
class Cost:
    """Name and unit of a cost, as the header of the records states them."""

    name: str = "macs"
    unit: str = MULTIPLY_ADDS

    @classmethod
    def of(cls, stated: Mapping[str, Any]) -> Cost:
        """Take the cost from a header's entry ``cost``."""
        return cls(clean(stated.get("name", cls.name)), clean(stated.get("unit", cls.unit)))

    @property
    def is_default(self) -> bool:
        """Whether these are the network's multiply-adds."""
        return self == MACS

    @property
    def title(self) -> str:
        """Name the cost at the beginning of a label: ``Multiply-adds``, ``Milliseconds``."""
        unit = self.unit[:1].upper() + self.unit[1:]
        return unit if self.is_default or self.name == self.unit else f"{unit} ({self.name})"

    @property
    def phrase(self) -> str:
        """Name the cost within a sentence."""
        return self.title[:1].lower() + self.title[1:]

    def heading(self, what: str = "") -> str:
        """Head a column of costs, in the unit that :meth:`text` writes: ``MACs S1 (M)``, ``milliseconds S1``."""
        if self.unit != MULTIPLY_ADDS:
            return f"{self.phrase} {what}".rstrip()
        name = "MACs" if self.is_default else f"MACs, {self.name}"
        return f"{name} {what}".rstrip() + " (M)"

    def column(self, what: str) -> str:
        """Head a column of requested or realised costs: ``realised (M)``, ``realised (milliseconds)``."""
        return f"{what} (M)" if self.unit == MULTIPLY_ADDS else f"{what} ({self.unit})"

    def text(self, value: float) -> str:
        """Write a value for a table, with about four digits: multiply-adds in millions, others in their unit.

        What comes to millions in another unit says so.
        """
        if self.unit == MULTIPLY_ADDS:
            value /= 1e6
        elif abs(value) >= SCALES[1][0]:  # what is counted, in another unit
            return f"{number(value / 1e6, 1)} M"
        elif 0 < abs(value) < SMALL:
            return number(value, 1 - math.floor(math.log10(abs(value))))
        return number(value, 3 if abs(value) < 10 and self.unit != MULTIPLY_ADDS else 2 if abs(value) < 100 else 1)

    def scale(self, largest: float) -> CostScale:
        """Choose the scale in which costs up to ``largest`` are readable."""
        factor, word = next(((factor, word) for factor, word in SCALES if largest >= factor), (1.0, ""))
        return CostScale(self, factor, word)


MACS = Cost()
"""The network's multiply-adds."""
JOULES = Cost("joules", "joules")
"""Energy, as a counter of the machine tells it."""


@dataclass(frozen=True)
class CostScale:
    """A cost with the factor that its axis is in."""

    cost: Cost
    factor: float
    word: str

    def label(self, what: str = "a query") -> str:
        """Label an axis: ``Multiply-adds a query (millions)``."""
        return f"{self.cost.title} {what}" + (f" ({self.word})" if self.word else "")

    def text(self, value: float) -> str:
        """Write a cost for the label of a mark."""
        return f"{self.cost.text(value)} {'M multiply-adds' if self.cost.unit == MULTIPLY_ADDS else self.cost.unit}"
