"""An invented exit table: later exits are right more often, and margins tell."""

import numpy as np

from bench.retrieval.table import NEIGHBOURS, ExitTable, Outcomes, Signals

COSTS = np.array([20.0, 28.0, 36.0, 66.0])


def invented_table(queries: int = 400, people: int = 80, seed: int = 0, exits: int = 4) -> ExitTable:
    generator = np.random.default_rng(seed)
    skill = np.linspace(0.5, 0.85, exits)
    right = (generator.random((queries, 1)) + 0.2 * generator.standard_normal((queries, exits))) < skill
    precision = np.clip(right * 0.5 + 0.4 * generator.random((queries, exits)), 0, 1)
    margin = np.where(right, generator.gamma(4, 5, right.shape), generator.gamma(1, 3, right.shape)).round()
    nearest = generator.gamma(9, 5, (queries, exits, 1)) + np.arange(NEIGHBOURS)
    nobody = np.zeros((queries, exits, NEIGHBOURS), dtype=np.int64)
    unsure = np.random.default_rng([seed, 1])
    entropy = np.where(right, unsure.gamma(2, 0.3, right.shape), unsure.gamma(4, 0.5, right.shape))
    hits = np.repeat(right[..., None], 3, axis=2).astype(float)
    pids = np.sort(generator.integers(1, people + 1, queries))
    return ExitTable(
        tuple(f"exit {index + 1}" for index in range(exits)),
        Signals(nearest, nobody, nobody, margin, np.ones(queries, dtype=np.int64), np.full(exits, 256), entropy, 100),
        Outcomes(precision, precision / 2, hits, np.stack([precision, precision], axis=2), pids),
    )
