"""An invented exit table: later exits are right more often, and margins tell. And evidence for policies that learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.budget.policy import Evidence, LearnedPolicy, Policy, TrainingStatistics
from bench.retrieval.table import NEIGHBOURS, ExitTable, FirstExitFeatures, Outcomes, Signals

COSTS = np.array([20.0, 28.0, 36.0, 66.0])
GALLERY = 200
FEATURES = 6


def invented_table(queries: int = 400, people: int = 80, seed: int = 0, exits: int = 4) -> ExitTable:
    generator = np.random.default_rng(seed)
    skill = np.linspace(0.5, 0.85, exits)
    right = (generator.random((queries, 1)) + 0.2 * generator.standard_normal((queries, exits))) < skill
    precision = np.clip(right * 0.5 + 0.4 * generator.random((queries, exits)), 0, 1)
    margin = np.where(right, generator.gamma(4, 5, right.shape), generator.gamma(1, 3, right.shape)).round()
    nearest = generator.gamma(9, 5, (queries, exits, 1)) + np.arange(NEIGHBOURS)
    unsure = np.random.default_rng([seed, 1])
    entropy = np.where(right, unsure.gamma(2, 0.3, right.shape), unsure.gamma(4, 0.5, right.shape))
    hits = np.repeat(right[..., None], 3, axis=2).astype(float)
    pids = np.sort(generator.integers(1, people + 1, queries))
    neighbours = np.random.default_rng([seed, 2]).integers(0, GALLERY, (queries, exits, NEIGHBOURS))
    previous = np.full(right.shape, np.inf)
    previous[:, 1:] = nearest[:, 1:, 0] + margin[:, 1:]
    return ExitTable(
        tuple(f"exit {index + 1}" for index in range(exits)),
        Signals(
            nearest_distances=nearest,
            nearest_indices=neighbours,
            nearest_pids=neighbours % 50,
            identity_margin=margin,
            previous_identity_distance=previous,
            query_camids=np.ones(queries, dtype=np.int64),
            dims=np.full(exits, 256),
            class_entropy=entropy,
            classes=100,
        ),
        Outcomes(precision, precision / 2, hits, np.stack([precision, precision], axis=2), pids),
    )


def with_features(table: ExitTable, seed: int = 0) -> ExitTable:
    """Features in whose first number it stands whether exit 1 is right."""
    generator = np.random.default_rng([seed, 3])
    query = generator.normal(size=(len(table), FEATURES))
    query[:, 0] += 3 * table.outcomes.hits[:, 0, 0]
    features = FirstExitFeatures(
        query.astype(np.float16), generator.normal(size=(GALLERY, FEATURES)).astype(np.float16)
    )
    return replace(table, signals=replace(table.signals, features=features))


def invented_evidence(seed: int = 5, images: int = 300) -> Evidence:
    """Held-out identities, and training images in whose first feature it stands whether they were easy."""
    generator = np.random.default_rng([seed, 4])
    easy = generator.random(images) < 0.6
    retrieval_history = np.where(easy, 1, generator.integers(0, 2, (10, images))).astype(np.int8)
    retrieval_history[-1, ~easy] = 0
    features = generator.normal(size=(images, FEATURES))
    features[:, 0] += 3 * easy
    neighbours = generator.integers(0, images, (images, 4))
    statistics = TrainingStatistics(retrieval_history, features.astype(np.float16), neighbours)
    return Evidence(with_features(invented_table(seed=seed, queries=150, people=40)), statistics)


def ready(policy: Policy | LearnedPolicy) -> Policy:
    """Fit a policy to invented evidence, if it learns."""
    if isinstance(policy, Policy):
        return policy
    return policy.load(policy.fit(invented_evidence(), np.random.default_rng(0)))
