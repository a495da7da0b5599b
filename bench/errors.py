"""The exception for users' mistakes, and its message for an unknown name."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

WRONG_FORM = (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What reading values of another form than ours ends in."""


class BenchError(Exception):
    """A problem that the user can solve: the message says what was expected, what was found, and what to do.

    The command line prints the message alone and ends with a non-zero status. Any other exception is a defect of the
    suite and keeps its traceback.
    """


def unknown_name(what: str, name: str, known: Sequence[str]) -> BenchError:
    """Error for an unknown name, with the most similar known name."""
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return BenchError(f"unknown {what} {name!r}: {hint}known: {', '.join(known) or 'none'}")
