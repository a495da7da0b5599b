"""A policy tried on signals before it is relied on: hours of training should not end in its NaN."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import numpy as np

from bench.budget.policy import Evidence, LearnedPolicy, Parameters, Policy
from bench.errors import WRONG_FORM, BenchError
from bench.retrieval.table import NEIGHBOURS, FloatArray, Signals

EXITS = 3
"""Exits of :func:`edge_cases`."""


def check_policy(policy: Policy, signals: Signals) -> None:
    """Raise BenchError, naming the policy, where it fails or its confidences are NaN or not of the shape (N, S)."""
    with np.errstate(all="ignore"):
        check_confidences(policy.name, confidences(policy, signals, np.random.default_rng(0)), signals)


def check_confidences(name: str, confidence: FloatArray, signals: Signals) -> None:
    """Raise BenchError, naming the policy, where confidences that it gave are no numbers, or not (N, S)."""
    try:
        values = np.asarray(confidence, dtype=np.float64)
    except (TypeError, ValueError) as problem:
        raise BenchError(
            f"policy {name} gives confidences that are no numbers ({problem}); mend the policy"
        ) from problem
    if values.shape != signals.identity_margin.shape:
        raise BenchError(
            f"policy {name} gives confidences of shape {values.shape}, expected (queries, exits) = "
            f"{signals.identity_margin.shape}; mend the policy"
        )
    missing = np.argwhere(np.isnan(values))
    if len(missing):
        query, exit_index = missing[0]
        nearest = " and ".join(f"{distance:g}" for distance in signals.nearest_distances[query, exit_index, :2])
        raise BenchError(
            f"policy {name} gives NaN as the confidence of {len(missing)} decisions, the first for query {query} at "
            f"exit {exit_index + 1}, whose two nearest distances are {nearest}. Distances may be 0, and inf where the "
            "gallery has fewer images: have the policy give a number there, as np.divide with out= and where= does"
        )


def confidences(policy: Policy, signals: Signals, generator: np.random.Generator) -> FloatArray:
    """Ask a policy for its confidences (N, S). Raises BenchError, naming the policy and the line, where it fails."""
    with _named(policy):
        return policy.confidence(signals, generator)


def fitted(policy: LearnedPolicy, evidence: Evidence, generator: np.random.Generator) -> Parameters:
    """Fit a policy. Raises BenchError, naming the policy and the line, where it fails, or cannot load what it gives."""
    with _named(policy):
        parameters = policy.fit(evidence, generator)
        kept = isinstance(parameters, Mapping) and all(
            isinstance(name, str) and np.asarray(value).dtype != object for name, value in parameters.items()
        )
    if not kept:
        raise BenchError(
            f"policy {policy.name} was fitted to {type(parameters).__name__}, expected arrays of numbers or texts by "
            "name, which can be kept with the run; mend the policy"
        )
    with _named(policy):
        policy.report(parameters)
        policy.load(parameters)
    return parameters


@contextmanager
def _named(policy: Policy | LearnedPolicy) -> Iterator[None]:
    """Name the policy and the line where its code fails inside the block: raises BenchError in place of what it raised.

    What says itself what to do, and a machine's own failures, pass as they are.
    """
    try:
        yield
    except (BenchError, OSError, MemoryError):
        raise
    except Exception as problem:  # a policy may be a stranger's code
        line = traceback.extract_tb(problem.__traceback__)[-1]
        raise BenchError(
            f"policy {policy.name} failed ({type(problem).__name__}: {problem}) in {line.filename}, line "
            f"{line.lineno}; mend the policy, or leave it out of --policies"
        ) from problem


def check_before_training(policy: Policy) -> None:
    """Raise BenchError where a policy gives NaN for what a gallery may well look like.

    A policy that reads what is not there (features, another number of exits) is not judged here.
    """
    signals = edge_cases()
    with suppress(*WRONG_FORM), np.errstate(all="ignore"):
        if policy.applies(signals):
            check_confidences(policy.name, policy.confidence(signals, np.random.default_rng(0)), signals)


def edge_cases() -> Signals:
    """Signals of queries that have duplicates in the gallery, see one person or a few images alone, or nothing."""
    some = np.arange(1.0, NEIGHBOURS + 1)
    few = np.where(np.arange(NEIGHBOURS) < 2, some, np.inf)
    nothing = np.full(NEIGHBOURS, np.inf)
    nearest = np.stack([some, np.zeros(NEIGHBOURS), np.maximum(some - 2, 0), few, nothing])
    distances = np.repeat(nearest[:, None], EXITS, axis=1)
    visible = np.isfinite(distances)
    shape = distances.shape[:2]
    margin = np.repeat(np.array([1.0, 0.0, 2.0, np.inf, np.inf])[:, None], EXITS, axis=1)
    previous = np.full(shape, np.inf)
    previous[:, 1:] = distances[:, 1:, 0]
    return Signals(
        nearest_distances=distances,
        nearest_indices=np.where(visible, np.arange(NEIGHBOURS), -1),
        nearest_pids=np.where(visible, 1, -1),
        identity_margin=margin,
        previous_identity_distance=previous,
        query_camids=np.ones(len(nearest), dtype=np.int64),
        dims=np.full(EXITS, 256),
        class_entropy=np.full(shape, 1.0),
        classes=10,
    )
