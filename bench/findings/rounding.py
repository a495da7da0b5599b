"""Numbers as people read them in tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import pandas as pd

from bench.counts import NOTHING

Row: TypeAlias = pd.Series | Mapping[Any, Any]
"""One record, as a row of a table or by the names of its values."""


def plain(value: Any) -> str:
    """Show a value as it is, and a dash where there is none."""
    return NOTHING if value is None else str(value)


def ratio(value: Any, by: float) -> float:
    """Divide, where there is something to divide."""
    return float(value) / by if isinstance(value, int | float) else math.nan


def number(value: float, digits: int, *, signed: bool = False) -> str:
    """Round to ``digits`` decimals; a true minus sign, and none before a zero."""
    if not math.isfinite(value):
        return NOTHING
    text = f"{value:+,.{digits}f}" if signed else f"{value:,.{digits}f}"
    return f"{0:.{digits}f}" if not float(text.replace(",", "")) else text.replace("-", "−")


def percent(share: float, *, signed: bool = False) -> str:
    """Show a share as percent with one decimal, without the sign of percent."""
    return number(100 * share, 1, signed=signed)


def span(record: Row, name: str, *, signed: bool = False) -> str:
    """Show the two ends of an interval in percent."""
    low, high = (percent(float(record.get(f"{name}_{end}", math.nan)), signed=signed) for end in ("low", "high"))
    return NOTHING if NOTHING in (low, high) else f"{low} to {high}"


def with_interval(record: Row, name: str, *, signed: bool = False) -> str:
    """Show a metric in percent, and its interval in brackets where it has one."""
    value = percent(float(record.get(name, math.nan)), signed=signed)
    ends = span(record, name, signed=signed)
    return value if ends == NOTHING else f"{value} [{ends}]"


def markdown_cell(text: Any) -> str:
    """Keep a text from breaking the Markdown table that it stands in."""
    plain = str(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
    # Links, and what would define one.
    return plain.replace("](", "]\\(").replace("]:", "]\\:")
