"""A figure or table that cannot be made takes nothing else with it: it is left out, and a remark names it.

Figures and tables of other packages run code that nobody here has seen, and what was measured elsewhere may be of a
form that none of ours can draw.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bench.errors import BenchError


@contextmanager
def leaving_out(what: str, remarks: list[str]) -> Iterator[None]:
    """Turn an error into a remark that names ``what``; a full disk or memory and the suite's own errors are raised."""
    try:
        yield
    except (BenchError, OSError, MemoryError):
        raise
    except Exception as problem:
        remarks.append(f"left out: {what}, which cannot be made ({type(problem).__name__}: {problem})")
