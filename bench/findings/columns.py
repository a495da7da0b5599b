"""Kinds of columns that tables share."""

from __future__ import annotations

import math

from bench.counts import NOTHING
from bench.findings.costs import Cost
from bench.findings.rounding import number, percent, plain, with_interval
from bench.findings.table import Column


def named(heading: str, name: str = "", *, is_number: bool = False) -> Column:
    """Show what a row has under ``name``, by default the heading, as it is."""
    return Column(heading, lambda row: plain(row[name or heading]), is_number)


def scored(heading: str, name: str, *, signed: bool = False) -> Column:
    """Show a value in percent, with its interval in brackets where the row has one."""
    return Column(heading, lambda row: with_interval(row, name, signed=signed))


def shared(heading: str, name: str) -> Column:
    """Show a share in percent, without an interval."""
    return Column(heading, lambda row: percent(row[name]))


def rounded(heading: str, name: str, digits: int = 0, *, per: float = 1) -> Column:
    """Show a number with so many decimals, in units of ``per``; a dash where there is none."""
    return Column(heading, lambda row: number(row[name] / per, digits))


def printed(heading: str, name: str, factor: int = 100) -> Column:
    """Show a value with the digits that a paper prints; a dash where it prints none."""
    return Column(heading, lambda row: NOTHING if math.isnan(row[name]) else f"{factor * row[name]:.6g}")


def told(heading: str, name: str = "", *, is_number: bool = False) -> Column:
    """Show what a row has under ``name``, by default the heading, as it is; a dash where that is empty."""
    return Column(heading, lambda row: str(row[name or heading]) or NOTHING, is_number)


def costing(heading: str, cost: Cost, name: str) -> Column:
    """Show a cost in the unit that its heading names."""
    return Column(heading, lambda row: cost.text(float(row[name])))


SETUP_AND_SEED = (named("setup"), named("seed", is_number=True))
