"""What may be compared: runs on the same data, evaluated alike; on each side one run, or runs that are seeds of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.errors import BenchError
from bench.runs.fields import spec_differences, told_apart
from bench.runs.finding import KeptRun
from bench.runs.finished import Run
from bench.spec import HASH_DIGITS, with_defaults
from bench.training.recipe import Recipe

SAME_MEASURE = ("ap", "signals", "evaluation_version")
"""What evaluations share whose numbers can be compared; views of the images may differ."""
MEASURED_BY = ("machine", "backend", "batch")
"""What measured costs share that can be compared: what an image takes is another thing in another batch."""
TOLD = 3
"""How many differing fields an error names."""


def comparable(*runs: KeptRun) -> tuple[Run, ...]:
    """Choose the evaluation of each run to compare, the newest that all had alike.

    Raises BenchError where the runs are on different data, not scored, or never evaluated alike.
    """
    first = runs[0]
    for other in runs[1:]:
        if first.spec["fingerprint"] != other.spec["fingerprint"]:
            found = [f"{run.spec['dataset']} ({str(run.spec['fingerprint'])[:HASH_DIGITS]})" for run in (first, other)]
            raise BenchError(
                f"the runs are on different data, {found[0]} and {found[1]}: their numbers measure different things"
            )
    for run in runs:
        if not run.scored:
            raise BenchError(f"{run.name} has no results that can be used; the bench run that trained it scores it")
    for one in first.scored:
        alike = [[other for other in run.scored if _measure(other) == _measure(one)] for run in runs[1:]]
        if all(alike):
            nearest = (next((other for other in part if other.evaluation == one.evaluation), part[0]) for part in alike)
            return (one, *nearest)
    other = next((run for run in runs[1:] if not _share_measure(first, run)), runs[1])
    found = ["; ".join(dict.fromkeys(_measured(one) for one in run.scored)) for run in (first, other)]
    raise BenchError(
        f"the runs were evaluated differently, {found[0]} and {found[1]}: their numbers measure different things; "
        "the same bench run evaluates an older run again, --ap, --signals and --cost choose how"
    )


def check_side(runs: Sequence[KeptRun]) -> None:
    """Refuse runs that are not seeds of one setup. Raises BenchError."""
    first = runs[0]
    for other in runs[1:]:
        # Embeddings of one network come in a file for each of its seeds.
        of_a_seed = ("seed", "content") if first.spec["seed"] != other.spec["seed"] else ("seed",)
        apart = [
            one for one in spec_differences(_settled(first.spec), _settled(other.spec)) if one.name not in of_a_seed
        ]
        if apart:
            told = "; ".join(f"{one.name} {' and '.join(map(str, told_apart(one)))}" for one in apart[:TOLD])
            more = f" and {len(apart) - TOLD} more" if len(apart) > TOLD else ""
            raise BenchError(
                f"the runs of one side must differ by their seed alone; {first.name} and {other.name} differ in {told}"
                f"{more}; say more of those that are meant"
            )
    seeds = [run.spec["seed"] for run in runs]
    if len(set(seeds)) < len(seeds):
        raise BenchError(
            f"a side has each seed once; {', '.join(run.name for run in runs)} have seeds {_listed(seeds)}"
        )


def check_sides(first: Sequence[KeptRun], second: Sequence[KeptRun]) -> None:
    """Refuse sides that cannot be set against each other. Raises BenchError.

    With several runs, both sides need the same seeds: a seed decides, too, which identities are held out of training.
    """
    for side in (first, second):
        check_side(side)
    folders = {run.folder.path.resolve() for run in first} & {run.folder.path.resolve() for run in second}
    shared = sorted(folder.name for folder in folders)
    if shared:
        raise BenchError(f"{', '.join(shared)} stands on both sides; name two sides that have no run in common")
    seeds = [sorted(run.spec["seed"] for run in side) for side in (first, second)]
    if max(map(len, seeds)) > 1 and seeds[0] != seeds[1]:
        raise BenchError(
            f"the sides have different seeds, {_listed(seeds[0])} and {_listed(seeds[1])}; name runs of the same "
            "seeds, or train the others (bench run --seeds)"
        )


def _settled(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Give a spec with the fields of the recipe that are younger than the run at their defaults."""
    return {**spec, "recipe": with_defaults(Recipe, spec.get("recipe") or {})}


def _share_measure(first: KeptRun, other: KeptRun) -> bool:
    return bool({_measure(one) for one in first.scored} & {_measure(one) for one in other.scored})


def _listed(seeds: Sequence[Any]) -> str:
    return ", ".join(map(str, seeds))


def _measure(scored: Run) -> tuple[Any, ...]:
    return (*(scored.evaluation.get(name) for name in SAME_MEASURE), *_cost(scored))


def _cost(scored: Run) -> tuple[Any, ...]:
    """Name a cost, its version and how it was measured, if it was; a cost that tells no version is of the first."""
    cost = scored.cost
    return cost["name"], cost.get("version", 1), *(cost.get(name) for name in MEASURED_BY)


def _measured(scored: Run) -> str:
    values = scored.evaluation
    version = values.get("evaluation_version", "unknown")
    name, counted, machine, backend, batch = _cost(scored)
    parts = [name, *([f"version {counted}"] if counted != 1 else []), *filter(None, (machine, backend))]
    parts += [f"batch {batch}"] if batch else []
    cost = ", ".join(map(str, parts))
    return f"AP {values['ap']}, signals {values['signals']}, version {version}, budgets in {cost}"
