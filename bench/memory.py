"""How much memory there is, and whether something that was asked for can fit: said before it is allocated."""

from __future__ import annotations

import os
from pathlib import Path

from bench.errors import BenchError

CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
"""What Linux grants a container; ``max`` where it grants all there is."""


def memory_bytes() -> int | None:
    """Bytes of memory that this machine, or this container, has in all; None where that cannot be told."""
    try:
        found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows has no such call
        return None
    try:
        return min(found, int(CGROUP_LIMIT.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return found


def check_fits(needed_bytes: float, what: str, advice: str) -> None:
    """Refuse what could never fit; ``needed_bytes`` is the least that it takes.

    Raises BenchError, which says what is needed, what there is, and the advice.
    """
    there = memory_bytes()
    if there is not None and needed_bytes > there:
        raise BenchError(
            f"{what} would take at least {needed_bytes / 1e9:,.1f} GB of memory, and there are {there / 1e9:,.1f} GB; "
            f"{advice}"
        )
