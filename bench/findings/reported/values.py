"""Numbers that the papers report, with their sources.

Numbers are decimals and keep the digits that were printed; accuracies and shares are in percent. What a paper does not
print is None. ``method`` and ``policy`` are the names that this suite knows a thing by, empty where it knows none. Rows
of ablations have no method, nor has a row that repeats another of its source, or quotes a paper whose own table is
kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

STAGES = 4
"""Stages that the papers count."""
SIGNS = {"≈": "about", "~": "about", ">": "more than", "≫": "far more than"}
"""What papers put before a number that they do not know to the digit."""


@dataclass(frozen=True)
class Source:
    """A paper or a repository: its short name, its full citation, where it is found, and what holds for all of it."""

    name: str
    citation: str
    address: str
    notes: str


@dataclass(frozen=True)
class Reported:
    """What every reported row has: the dataset, and where it is printed."""

    dataset: str
    source: Source
    place: str
    """Table, section or file within the source."""
    notes: str


@dataclass(frozen=True)
class Amount:
    """A printed number with the sign before it, one of :data:`SIGNS`; none where the number is meant to be exact."""

    sign: str
    value: Decimal

    @classmethod
    def parse(cls, text: str) -> Amount:
        """Read a text such as ``3.68e8`` or ``≈2.60e9``. Raises decimal.InvalidOperation where it holds no number."""
        sign = text[0] if text[0] in SIGNS else ""
        return cls(sign, Decimal(text.removeprefix(sign)))

    def millions(self) -> str:
        """Write it in millions, with the digits that were printed: ``≈2,600``."""
        return f"{self.sign}{self.value.scaleb(-6):,f}"


@dataclass(frozen=True)
class Accuracy(Reported):
    """A method on a dataset. ``kind`` is B for binary codes, C for continuous ones, empty where nothing is printed."""

    group: str
    """Part of the table."""
    printed: str
    """The method as the paper names it."""
    method: str
    kind: str
    lengths: tuple[int, ...]
    rank_1: tuple[Decimal | None, ...]
    """At stages 1 to 4. A method without exits has one number, at the last."""
    mean_average_precision: Decimal | None
    queries: str = ""
    """``multiple`` where several images of a person are one query."""
    recipe: str = ""
    """What training or ranking add, as the tables tell rows apart: RE random erasing, RR re-ranking, pretraining."""
    cost: Amount | None = None
    """Of one image, in the unit that the source's notes name."""
    parameters: Amount | None = None
    """In millions."""

    @property
    def named(self) -> str:
        """The method as the paper names it, with the recipe where that does not say it: ``HAN (Small), RE``."""
        said = all(part in self.printed for part in self.recipe.split("+"))
        return self.printed if said else f"{self.printed}, {self.recipe}"

    @property
    def where(self) -> tuple[str, str, str, str, str]:
        """What tells the row from all others of its source."""
        return self.dataset, self.queries, self.place, self.printed, self.recipe


@dataclass(frozen=True)
class CodeLength(Reported):
    """One code length of a method without exits, and how long a comparison takes, beside Euclidean distance."""

    printed: str
    method: str
    kind: str
    length: int
    rank_1: Decimal
    mean_average_precision: Decimal
    hamming_microseconds: Decimal
    euclidean_microseconds: Decimal
    ratio: Decimal
    """How many times longer Euclidean distance takes, as printed."""

    def accuracy(self) -> Accuracy:
        """The row without its times."""
        return Accuracy(
            dataset=self.dataset,
            source=self.source,
            place=self.place,
            notes=self.notes,
            group="",
            printed=self.printed,
            method=self.method,
            kind=self.kind,
            lengths=(self.length,),
            rank_1=(*(None,) * (STAGES - 1), self.rank_1),
            mean_average_precision=self.mean_average_precision,
        )


@dataclass(frozen=True)
class SearchTime(Reported):
    """Search time of one way of searching, in seconds; ``step`` is the name that this suite knows the way by."""

    step: str
    seconds: Decimal


@dataclass(frozen=True)
class BudgetPoint(Reported):
    """One budget under one policy: what was asked for and what came of it, in millions of multiply-adds a query."""

    method: str
    policy: str
    printed_policy: str
    case: int
    """Number of the budget in the source, from 0."""
    expected_million_macs: Decimal
    resulted_million_macs: Decimal
    expected_shares: tuple[Decimal, ...]
    resulted_shares: tuple[Decimal, ...]
    rank_1: Decimal
    mean_average_precision: Decimal


@dataclass(frozen=True)
class ExitCost(Reported):
    """Multiply-adds of one exit as the source counts them."""

    method: str
    exit: int
    macs: int


@dataclass(frozen=True)
class StaticPoint:
    """A row of a network without exits, as a point of accuracy against cost: ``label`` is what a figure has room for.

    ``counted`` says who counted the multiply-adds; ``family`` is shared by sizes of one network.
    """

    label: str
    family: str
    accuracy: Accuracy
    macs: int
    counted: str


@dataclass(frozen=True)
class QuerySet(Reported):
    """How many queries (tracklets, of tracklets) the numbers on a dataset are for: others may come under its name."""

    query_images: int
