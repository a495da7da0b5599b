"""Which of two networks is ahead, for other people and other training seeds than those measured: a test over both.

Every network is tested on the same people: seeds and people are crossed, and both are drawn at random. It is the design
of reader studies, with networks for readers and people for cases. The variance of a difference is put together as there
(Obuchowski and Rockette, 1995), and the degrees of freedom are Satterthwaite's, which count the few seeds wherever the
seeds make up the variance (Hillis, 2007). Networks of two methods are taken as drawn apart, whatever their seeds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
from scipy.special import stdtr, stdtrit

from bench.budget.significance import ROUNDING, least_p, widened
from bench.retrieval.table import FloatArray

Number = TypeVar("Number", float, FloatArray)
Numbers: TypeAlias = np.float64 | FloatArray
"""One number, or an array of many."""
LEVEL = 0.95
"""Level of the intervals."""
NORMAL = 1.959963984540054
"""Half the width of a 95 % interval, in standard errors, where these are known."""
UNKNOWN_PEOPLE = 1000
"""Test identities where they are not counted: many."""


@dataclass(frozen=True)
class Networks:
    """One value of each of n networks that differ by their seed alone: ``values`` (n,).

    How uncertain they are for the choice of people is told by ``draws`` (R, n), under which the same people are drawn
    for all networks; or, where there are none, by ``errors`` (n,), a standard error for each network.
    """

    values: FloatArray
    draws: FloatArray | None = None
    errors: FloatArray | None = None

    @property
    def mean(self) -> float:
        """Mean over the networks."""
        return float(self.values.mean())


@dataclass(frozen=True)
class Lead:
    """A difference of means over seeds, with its 95 % interval and its two-sided p-value.

    ``seeds`` are the networks of each side; with one on a side the interval covers the choice of people alone.
    ``paired`` says whether the same people were drawn for all; otherwise the variance is at least what it would be
    then. ``degrees`` of freedom are infinite where nothing varies.
    """

    value: float
    low: float
    high: float
    p: float
    seeds: tuple[int, ...]
    paired: bool
    degrees: float = math.inf

    @property
    def over_seeds(self) -> bool:
        """Whether the choice of seeds is covered."""
        return min(self.seeds) > 1


def test_people(counts: Mapping[str, Any]) -> int:
    """Give the number of test identities that are scored out of a header's counts; many, where it does not tell."""
    # A header tells those that are scored apart where some have no match.
    return int(counts.get("scored identities", counts.get("query identities", UNKNOWN_PEOPLE)))


def lead(side: Networks, other: Networks | None = None, *, people: int) -> Lead:
    """Test how far ``side`` is ahead of ``other``, or of nothing where ``side`` holds differences within each network.

    ``people`` is the number of test identities. With one network on a side it is Student's test over people, with one
    degree of freedom less than there are. Else the variance is, with n networks a side: between seeds s²/n of each; and
    over people that of the mean difference under the draws, less what the draws share with the seeds, which is what
    people do otherwise in one network than in the next. Without draws the standard errors stand in: those of each
    side's networks averaged, as if they rose and fell together, and summed over the sides, as if these did not. That
    is never too little where two networks that see the same person err to the same side. Either is of a bootstrap, and
    made unbiased by :func:`~bench.budget.significance.widened`.
    """
    sides = (side,) if other is None else (side, other)
    value = side.mean - (other.mean if other else 0.0)
    counts = tuple(len(one.values) for one in sides)
    paired = all(one.draws is not None for one in sides)
    over_people = _over_people(sides) if paired else sum(float(_errors(one).mean()) ** 2 for one in sides)
    between_seeds = [float(one.values.var(ddof=1)) / len(one.values) for one in sides] if min(counts) > 1 else []
    if paired and between_seeds:
        over_people = max(over_people - sum(_shared(one) for one in sides), 0.0)
    reach, p, degrees = (
        float(found) for found in _tested(np.float64(value), between_seeds, np.float64(over_people), counts, people)
    )
    return Lead(value, value - reach, value + reach, p, counts, paired, degrees)


@dataclass(frozen=True)
class ManyLeads:
    """Differences as :class:`Lead` has one, each (M,): values, ends of their 95 % intervals, p-values."""

    values: FloatArray
    low: FloatArray
    high: FloatArray
    p: FloatArray


def many_leads(values: FloatArray, errors: FloatArray, *, people: int) -> ManyLeads:
    """Test M differences within n networks each, ``values`` (M, n), at once, as :func:`lead` tests one without draws.

    ``errors`` (M, n) are their standard errors for the choice of people.
    """
    count, means = values.shape[1], values.mean(axis=1)
    between_seeds = [values.var(axis=1, ddof=1) / count] if count > 1 else []
    reach, p, _ = _tested(means, between_seeds, errors.mean(axis=1) ** 2, (count,), people)
    return ManyLeads(means, means - reach, means + reach, p)


def standard_error(low: Number, high: Number) -> Number:
    """Standard error that a 95 % interval tells of."""
    return (high - low) / (2 * NORMAL)


def _tested(
    value: Numbers, between_seeds: Sequence[Any], over_people: Numbers, counts: Sequence[int], people: int
) -> tuple[Any, Any, Any]:
    """Half the width of the 95 % interval, the p-value and the degrees of freedom of differences, one or many.

    ``between_seeds`` are the variances of each side, of ``counts`` networks; none where a side has a single one.
    ``over_people`` is the variance under a bootstrap. One person tells nothing of others: half the width is infinite.
    """
    if people < 2:
        return np.full_like(value, math.inf), np.ones_like(value), np.zeros_like(value)
    over_people = over_people * widened(people) ** 2
    variance = sum(between_seeds) + over_people
    spread = sum(part**2 / (count - 1) for part, count in zip(between_seeds, counts, strict=False))
    spread = spread + over_people**2 / (people - 1)
    certain = variance <= ROUNDING**2
    degrees = np.where(certain, math.inf, variance**2 / np.where(certain, 1.0, spread))
    error = np.where(certain, 0.0, np.sqrt(variance))
    reach = stdtrit(np.where(certain, 1.0, degrees), (1 + LEVEL) / 2) * error
    p = 2 * stdtr(degrees, -np.abs(value) / np.where(certain, 1.0, error))
    return reach, np.where(certain, np.where(np.abs(value) <= ROUNDING, 1.0, least_p(people)), p), degrees


def _errors(one: Networks) -> FloatArray:
    if one.errors is not None:
        return one.errors
    if one.draws is None:
        raise ValueError("networks need draws over people, or standard errors")
    return one.draws.std(axis=0, ddof=1)


def _difference(sides: tuple[Networks, ...]) -> FloatArray:
    """(R,) difference of the sides' means under every draw."""
    means = [np.asarray(one.draws).mean(axis=1) for one in sides]
    return np.asarray(means[0] - (means[1] if len(means) > 1 else 0.0))


def _over_people(sides: tuple[Networks, ...]) -> float:
    return float(_difference(sides).var(ddof=1))


def _shared(one: Networks) -> float:
    """What of the variance over people is in the variance between seeds as well."""
    draws = np.asarray(one.draws)
    count = draws.shape[1]
    apart = draws - draws.mean(axis=1, keepdims=True)
    return float(apart.var(axis=0, ddof=1).sum() / (count - 1) / count)
