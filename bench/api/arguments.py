"""What callers pass, checked and made the values that requests hold: a wrong type is told in one sentence."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError, unknown_name
from bench.spec import SweepSpec

Choice = TypeVar("Choice", bound=str)


def names(what: str, given: Any) -> tuple[str, ...]:
    """Take a list of names, each once. Raises BenchError for anything else."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        example = f", as [{given!r}]" if isinstance(given, str) else ""
        raise BenchError(f"{what} is a list of names{example}; found {given!r}")
    found = tuple(given)
    wrong = [one for one in found if not isinstance(one, str)]
    if wrong:
        by_value = "; bench.sweep takes policies that are not registered" if what == "policies" else ""
        raise BenchError(f"{what} is a list of names, found {type(wrong[0]).__name__} in it{by_value}")
    return tuple(dict.fromkeys(found))


def name(what: str, given: Any) -> str:
    """Take one name. Raises BenchError for anything else."""
    if not isinstance(given, str):
        raise BenchError(f"{what} is one name, a text; found {given!r}")
    return given


def one_of(what: str, given: Any, choices: Sequence[Choice]) -> Choice:
    """Take one of a few names. Raises BenchError for anything else."""
    for choice in choices:
        if choice == given:
            return choice
    raise unknown_name(what, str(given), choices)


def whole(what: str, given: Any) -> int:
    """Take a whole number, numpy's too. Raises BenchError for anything else."""
    try:
        return operator.index(given)
    except TypeError:
        raise BenchError(f"{what} is a whole number; found {given!r}") from None


def number(what: str, given: Any) -> float:
    """Take one number. Raises BenchError for anything else."""
    try:
        return float(given)
    except (TypeError, ValueError):
        raise BenchError(f"{what} is a number; found {given!r}") from None


def numbers(what: str, given: Any) -> tuple[float, ...]:
    """Take a list of numbers. Raises BenchError for anything else."""
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.empty(())
    if values.ndim != 1:
        raise BenchError(f"{what} is a list of numbers; found {given!r}")
    return tuple(values.tolist())


def sweep(
    policies: Any, *, thresholdings: Any, budgets: Any, a_values: Any, shuffles: Any, resamples: Any, **others: Any
) -> SweepSpec:
    """Take what a sweep is of; ``others`` are fields of it that are right already.

    Raises BenchError where something is of another kind.
    """
    return SweepSpec(
        policies=names("policies", policies),
        thresholdings=names("thresholdings", thresholdings),
        budgets=whole("budgets", budgets),
        a_values=numbers("a_values", a_values),
        shuffles=whole("shuffles", shuffles),
        resamples=whole("resamples", resamples),
        **others,
    )


def texts(what: str, given: Any) -> dict[str, str]:
    """Take options by name, their values as texts. Raises BenchError where it is no mapping."""
    return {str(name): str(value) for name, value in mapping(what, given or {}).items()}


def mapping(what: str, given: Any) -> Mapping[str, Any]:
    """Take values by name. Raises BenchError for anything else."""
    if not isinstance(given, Mapping):
        raise BenchError(f"{what} is a dict, values by name; found {type(given).__name__}: {given!r}")
    return given


def path(what: str, given: Any) -> Path:
    """Take a path. Raises BenchError for anything else."""
    if not isinstance(given, str | os.PathLike):
        raise BenchError(f"{what} is a path; found {given!r}")
    return Path(given)


def arrays(given: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Take arrays by name; lists and tensors become arrays. Raises BenchError where one cannot."""
    found = {}
    for name, values in given.items():
        try:
            found[name] = np.asarray(values)
        except Exception as problem:  # whatever a stranger's tensor raises
            raise BenchError(
                f"{name} cannot be made an array ({str(problem).splitlines()[0]}); give a numpy array: of a tensor, "
                ".detach().cpu().numpy()"
            ) from problem
    return found
