"""What chance reaches between those exits alone that are worth their cost, as a curve over a setup's seeds."""

from __future__ import annotations

import numpy as np

from bench.budget.references import hull_exits
from bench.findings.setups import Setup
from bench.retrieval.table import FloatArray


def hull_curve(setup: Setup, metric: str) -> tuple[FloatArray, FloatArray] | None:
    """Costs (S,) of the exits and the metric (S,) that chance reaches there; linear between, means over the seeds.

    The exits of the hull are chosen by their mAP on each run's held-out identities. None where a run tells of none.
    """
    costs, reached = [], []
    for run in setup.runs:
        held_out = [exit_.get("mAP") for exit_ in run.header.get("calibration") or ()]
        own, scores = run.frames.numbers("exit", ["realised_cost", metric]).T
        if len(held_out) != len(own) or not all(isinstance(one, (int, float)) for one in held_out):
            return None
        hull = hull_exits(own, held_out)
        costs.append(own)
        reached.append(np.interp(own, own[hull], scores[hull]))
    return np.mean(costs, axis=0), np.mean(reached, axis=0)
