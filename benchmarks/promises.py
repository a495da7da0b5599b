"""How often does a choice for a loss (``bench choose --loss``) lose more than it may, on people it has not seen?

    python benchmarks/promises.py RUN [--results results] [--policies gs] [--metric mAP] [--repeats 400]

RUN is a finished, swept run. Each repeat draws so many of its test people to choose on; all others are the new people.
Both are searched for in the same gallery, so people are all that differs. For each number of people and each allowed
loss: in how many of the repeats the choice loses more than that on the new people, which may be ``100 − confidence``
per cent of them; and what it saves of the last exit's cost.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.retrieval.table import ExitTable
from bench.runs.candidates import Candidate, ChoiceRequest, candidates_of
from bench.runs.choosing import choose
from bench.runs.finding import find_run, read_run

PEOPLE = (15, 30, 60, 120)
LOSSES = (0.5, 1.0, 2.0, 4.0)
"""In points."""


def worlds(candidate: Candidate, people: int, repeats: int) -> Iterator[Candidate]:
    """Give the candidate with so many of its test people to choose on, and the others as test people."""
    pids = np.unique(candidate.table.outcomes.query_pids)
    for repeat in range(repeats):
        drawn = np.random.default_rng([repeat, people]).choice(pids, people, replace=False)
        known = np.isin(candidate.table.outcomes.query_pids, drawn)

        def parted(table: ExitTable, known: np.ndarray = known) -> dict[str, ExitTable]:
            return {"held_out": table.take(known), "table": table.take(~known)}

        policies = tuple(replace(one, **parted(one.table)) for one in candidate.policies)
        yield replace(candidate, policies=policies, **parted(candidate.table))


def main() -> None:
    """Draw worlds, choose in each, and print a row for each number of people and allowed loss."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("run")
    options.add_argument("--results", type=Path, default=Path("results"))
    options.add_argument("--policies", default="gs")
    options.add_argument("--metric", default="mAP")
    options.add_argument("--confidence", type=float, default=95.0)
    options.add_argument("--people", default=",".join(map(str, PEOPLE)))
    options.add_argument("--losses", default=",".join(map(str, LOSSES)))
    options.add_argument("--repeats", type=int, default=400)
    asked = options.parse_args()
    base = ChoiceRequest(
        tuple(asked.policies.split(",")), loss=0.0, metric=asked.metric, confidence=asked.confidence / 100, resamples=2
    )
    (candidate,) = candidates_of([read_run(find_run(asked.results, asked.run))], base)
    everybody = len(np.unique(candidate.table.outcomes.query_pids))
    print(f"{candidate.name}: {everybody} test people, {asked.metric}, policies {asked.policies}")
    print(f"{'people':>6} {'may lose':>9} {'loses more (%)':>15} {'loses (points)':>15} {'saves (%)':>10}")
    for people in map(int, asked.people.split(",")):
        for points in map(float, asked.losses.split(",")):
            request = replace(base, loss=points / 100)
            rows = [choose([one], request)["rows"][0]["test"] for one in worlds(candidate, people, asked.repeats)]
            lost = np.array([row["behind"] for row in rows])
            saved = 1 - np.array([row["cost"] for row in rows]) / candidate.costs[-1]
            print(
                f"{people:6d} {points:9.1f} {100 * (lost > points / 100).mean():15.1f} {100 * lost.mean():15.2f} "
                f"{100 * saved.mean():10.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
