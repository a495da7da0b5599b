"""Numbers of things in words, and what stands where there is none."""

from __future__ import annotations

NOTHING = "—"
"""What stands in a table where there is no number."""


def count_of(count: object, noun: str) -> str:
    """Write a number with the noun in singular or plural: ``1 run``, ``1,200 runs``, ``2 queries``, ``2 batches``.

    What is no whole number, as a record from elsewhere may hold, is written as it is.
    """
    if count == 1:
        return f"1 {noun}"
    hisses = noun.endswith(("ss", "ch")) and noun != "epoch"
    plural = f"{noun[:-1]}ies" if noun.endswith(("ry", "cy")) else f"{noun}es" if hisses else f"{noun}s"
    return f"{count:,} {plural}" if isinstance(count, int) else f"{count} {plural}"
