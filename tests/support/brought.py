"""Embeddings as a network from elsewhere makes them: clusters in space, the later exit the tighter."""

import numpy as np

ABOUT = {"name": "theirs", "dataset": "invented", "cost": {"unit": "multiply-adds"}}
COSTS = np.array([1e6, 3e6])


def brought_arrays(seed=0, people=12, exits=2, dim=16, spread=1.6, calibration=False, shift=0):
    """Arrays of a file: four cameras, one query and one gallery image of each person in each."""
    generator = np.random.default_rng(seed)
    labels = np.random.default_rng(7)
    arrays = {"costs": COSTS[:exits]}
    for prefix, first in (("", 1), *([("calibration_", 1000)] if calibration else [])):
        centres = generator.normal(size=(people, dim))
        for part in ("query", "gallery"):
            pids = np.repeat(np.arange(people) + first, 4)
            camids = np.tile(np.arange(4), people)
            order = labels.permutation(len(pids))
            pids, camids = pids[order], camids[order]
            arrays |= {f"{prefix}{part}.pids": pids + shift, f"{prefix}{part}.camids": camids}
            for index in range(exits):
                noise = spread / (index + 1) * generator.normal(size=(len(pids), dim))
                arrays[f"{prefix}{part}.{index}"] = (centres[pids - first] + noise).astype(np.float32)
    return arrays
