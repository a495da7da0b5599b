"""Does the engine decide as the sweep says? Every policy, on the kept codes of a finished run: decisions that differ.

::

    python benchmarks/agreement.py hashreid-demo-seed0 --results results
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from bench import registry
from bench.budget.distribution import ExitFractions
from bench.data.cache import default_cache
from bench.data.dataset import DatasetRequest
from bench.errors import BenchError
from bench.inference.deployed import Deployed
from bench.inference.opening import open_run
from bench.runs.finding import find_run
from bench.spec import EvaluationSpec


def simulated(deployed: Deployed, a: float, thresholding: str) -> np.ndarray:
    """Exits (N,) as a sweep finds them over the whole table at once."""
    rule = registry.thresholding(thresholding)
    held_out = None
    if rule.needs == "calibration" and deployed.calibration is not None:
        held_out = deployed.policy.confidence(deployed.calibration.signals, np.random.default_rng([deployed.seed, 2]))
    confidence = deployed.policy.confidence(deployed.table.signals, np.random.default_rng([deployed.seed, 1]))
    fractions = ExitFractions.of((a,), len(deployed.costs))
    return rule.exits(confidence, fractions, held_out, np.random.default_rng([deployed.seed, 4]))[0]


def main() -> None:
    """Print one line a policy and thresholding."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--budgets", type=int, default=5)
    parser.add_argument("--batch", type=int, default=32)
    arguments = parser.parse_args()
    cache = default_cache()
    context = open_run(find_run(arguments.results, arguments.run), DatasetRequest(cache, {}), cache)
    decisions = differing = 0
    for policy in registry.names("policy"):
        try:
            deployed = Deployed.of(context, policy, EvaluationSpec())
        except BenchError as problem:
            print(f"{policy}: left out ({problem})")
            continue
        count = len(deployed.table)
        camids = deployed.table.signals.query_camids
        for name in registry.names("thresholding"):
            if registry.thresholding(name).transductive:
                continue
            changed = 0
            for share in np.linspace(0, 1, arguments.budgets):
                budget = deployed.budget(float(share))
                engine = deployed.engine(deployed.replay(), deployed.decider(budget, name))
                rows = np.arange(count)
                parts = [rows[first : first + arguments.batch] for first in range(0, count, arguments.batch)]
                exits = np.concatenate([engine.answer(part, camids[part], part).exits for part in parts])
                changed += int((exits != simulated(deployed, budget.a, name)).sum())
            decisions += count * arguments.budgets
            differing += changed
            print(f"{policy}, {name}: {changed} of {count * arguments.budgets} decisions differ", flush=True)
    print(f"in all: {differing} of {decisions} decisions differ")


if __name__ == "__main__":
    main()
