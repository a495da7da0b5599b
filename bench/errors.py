"""The one exception that users are meant to read, and how it words a name that is not known."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches


class BenchError(Exception):
    """Something the user can mend: the message says what was expected, what was found, and what to do.

    The command line prints the message alone and ends with a non-zero status; anything else that is
    raised is a defect of the suite and keeps its traceback.
    """


def unknown_name(what: str, name: str, known: Sequence[str]) -> BenchError:
    """Word the error for a name that is not known, with the nearest that is."""
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return BenchError(f"unknown {what} {name!r}: {hint}known: {', '.join(known) or 'none'}")
