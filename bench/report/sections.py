"""What may stand in one figure: runs of the same data under the same evaluation, swept over the same cost.

A :class:`Section` is one dataset (by the fingerprint of its content) under one evaluation and one cost. In it, a
:class:`Setup` is one method, preset and settings; its runs differ by their seed alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

import pandas as pd

from bench.inert import clean
from bench.report.costs import MACS, Cost
from bench.report.text import file_name
from bench.runs.fields import laid_flat, with_later_settings
from bench.runs.load import Frames, Results, Run
from bench.spec import EvaluationSpec, digest, with_defaults

SIGNALS = {
    "deployed": "decisions look at the gallery as deployed",
    "protocol": "decisions look at the gallery after the protocol has removed junk, which leaks the label",
}
"""What each kind of signals means, in words."""
COST_PARTS = ("name", "machine", "batch")
"""Parts of a cost that sections name in their titles where they differ."""
OF_ONE_NETWORK = ("policy_mac", "measured_at")
"""Parts of a measured cost that belong to one network only."""
OF_ONE_SEED = ("seed", "content")
"""Entries of a spec in which the seeds of one setup differ: a file of embeddings is of one seed."""
SHOWN_SETTINGS = 3
NAMED_SEEDS = 6
"""Of more seeds the first and the last alone are named in titles and file names."""
Item = TypeVar("Item")


@dataclass(frozen=True, eq=False)
class Setup:
    """One method, preset and settings. ``slug`` names its files, ``label`` is for people."""

    slug: str
    label: str
    runs: tuple[Run, ...]
    frames: tuple[Frames, ...]
    """Records of each run, by their kind."""
    swept: Mapping[str, tuple[str, ...]]
    """Thresholdings with their policies."""

    def rows(self, kind: str) -> pd.DataFrame:
        """Records of one kind of all runs, a row each; without columns where there are none."""
        found = [frames[kind] for frames in self.frames if kind in frames]
        return pd.concat(found, ignore_index=True) if found else pd.DataFrame()

    @property
    def table(self) -> pd.DataFrame:
        """Records of all kinds, made anew."""
        return pd.concat([frame for frames in self.frames for frame in frames.values()], ignore_index=True)

    @property
    def method(self) -> str:
        """Name of the method."""
        return str(self.runs[0].spec["method"])

    @property
    def held_out(self) -> float:
        """Fraction of the training identities that its runs were not trained on."""
        return float(self.runs[0].spec.get("calibration_share") or 0)

    @property
    def seeds(self) -> str:
        """Say which seeds were trained: ``seed 0``, ``seeds 0, 1, 2`` or ``300 seeds from 0 to 299``."""
        numbers = [run.seed for run in self.runs]
        if len(numbers) > NAMED_SEEDS:
            return f"{len(numbers)} seeds from {min(numbers)} to {max(numbers)}"
        return f"seed{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"

    @property
    def file_name(self) -> str:
        """Name the setup and its seeds in file names: ``hashreid-demo-seed0``, ``hashreid-demo-seeds0-1-2``."""
        numbers = [str(run.seed) for run in self.runs]
        if len(numbers) > NAMED_SEEDS:
            return f"{self.slug}-{len(numbers)}seeds-{digest(numbers)[:8]}"
        return f"{self.slug}-seed{'s' if len(numbers) > 1 else ''}{'-'.join(numbers)}"

    @property
    def exit_names(self) -> tuple[str, ...]:
        """Names of the exits, first to last."""
        return tuple(clean(exit_.name) for exit_ in self.runs[0].exits)

    def thresholdings(self) -> tuple[str, ...]:
        """Thresholdings that were swept, the one that figures show first: stream, where there is one."""
        return tuple(sorted(self.swept, key=lambda name: (name != "stream", name != "calibrated", name)))

    def policies(self, thresholding: str) -> tuple[str, ...]:
        """Policies that were swept in a thresholding, by name."""
        return self.swept.get(thresholding, ())


@dataclass(frozen=True, eq=False)
class Section:
    """One dataset under one evaluation and cost, with its setups in the order of their names."""

    slug: str
    dataset: str
    fingerprint: str
    rendered: bool
    counts: Mapping[str, Any]
    evaluation: Mapping[str, Any]
    setups: tuple[Setup, ...]
    distinction: str = ""
    """What sets the section apart from others of the same dataset."""
    cost: Cost = MACS
    """What its sweeps are over."""
    latencies: tuple[Mapping[str, Any], ...] = ()
    """Latency profiles, of any network."""
    studies: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """Search studies on the section's data under its evaluation, each with the name of its folder."""
    inferences: tuple[Mapping[str, Any], ...] = ()
    """Measurements of early exit on the section's runs under its evaluation, as ``bench infer`` kept them."""

    @property
    def table(self) -> pd.DataFrame:
        """Records of all kinds of all setups, made anew."""
        return pd.concat([setup.table for setup in self.setups], ignore_index=True)

    @property
    def data(self) -> str:
        """Name the data, and say so where they are rendered."""
        return f"{self.dataset} (rendered)" if self.rendered else self.dataset

    @property
    def title(self) -> str:
        """Name the data, and what sets the section apart from others of the same name."""
        return f"{self.data} {self.distinction}".rstrip()

    @property
    def evaluated(self) -> str:
        """Say in words how the runs were evaluated."""
        signals = str(self.evaluation["signals"])
        views = f"; embedded: {_views(self.evaluation)} of each image"
        return f"average precision: {self.evaluation['ap']}; {SIGNALS.get(signals, f'signals: {signals}')}{views}"


def sections(
    results: Results,
    latencies: Sequence[Mapping[str, Any]] = (),
    studies: Sequence[tuple[str, Mapping[str, Any]]] = (),
    inferences: Sequence[Mapping[str, Any]] = (),
) -> tuple[Section, ...]:
    """Sort runs into sections and setups; everything is in the order of its names.

    ``latencies``, ``studies`` and ``inferences`` are what was measured apart from the runs; each section takes those
    that are its own.
    """
    groups = _grouped(results.runs, lambda run: (*_names(run, "dataset", "fingerprint"), *_evaluated(run)))
    slugs = _unique([(file_name(_section_name(runs[0])), digest(key)) for key, runs in groups])
    found = []
    for name, (key, runs) in zip(slugs, groups, strict=True):
        namesakes = [others[0] for other, others in groups if other[0] == key[0]]
        section = _section(name, _distinction(runs[0], namesakes), runs, results.frames)
        own = [
            (study_name, study)
            for study_name, study in studies
            if (study["dataset"]["fingerprint"], study["evaluation"]) == (section.fingerprint, section.evaluation)
        ]
        measured = tuple(one for one in inferences if _is_of(one, section, {run.key for run in runs}))
        found.append(replace(section, latencies=tuple(latencies), studies=tuple(own), inferences=measured))
    return tuple(found)


def _is_of(inference: Mapping[str, Any], section: Section, keys: set[str]) -> bool:
    """Whether a measurement is of one of the runs with these keys, under the section's evaluation."""
    evaluation = with_defaults(EvaluationSpec, section.evaluation)
    evaluated = inference["evaluation"]
    return inference["run"] in keys and all(evaluation.get(name) == value for name, value in evaluated.items())


def _evaluated(run: Run) -> tuple[str, str]:
    """Tell evaluations and costs apart; settings that are younger than a run are at their default."""
    return digest(with_defaults(EvaluationSpec, run.evaluation)), digest(_cost(run))


def _cost(run: Run) -> dict[str, Any]:
    """Tell costs apart by name, unit and where they were measured, less what differs from network to network."""
    return {name: value for name, value in run.cost.items() if name not in OF_ONE_NETWORK}


def _views(evaluation: Mapping[str, Any]) -> str:
    """Say which views of an image were embedded; records that do not say are of the time when there was one."""
    return {"centre": "the middle", "ten-crop": "ten crops"}.get(str(evaluation.get("views", "centre")), "other views")


def _distinction(run: Run, namesakes: Sequence[Run]) -> str:
    """Say, in brackets, what of data and evaluation differs between sections of the same dataset's name."""
    if len(namesakes) == 1:
        return ""
    facts = [
        (
            f"AP {other.evaluation['ap']}",
            f"{other.evaluation['signals']} signals",
            _views(other.evaluation),
            f"cost {', '.join(clean(_cost(other).get(name, '')) for name in COST_PARTS if name in other.cost)}",
            f"data {other.spec['fingerprint'][:8]}",
        )
        for other in (run, *namesakes)
    ]
    differing = [texts[0] for texts in zip(*facts, strict=True) if len(set(texts)) > 1]
    return f"[{', '.join(differing or [f'evaluation {digest(run.evaluation)[:8]}'])}]"


def _section(name: str, distinction: str, runs: Sequence[Run], frames: Mapping[str, Frames]) -> Section:
    alike = Counter(_with_seed(run) for run in runs)

    def setup_key(run: Run) -> tuple[str, ...]:
        # Two files of one seed are no two seeds of one network: each is a setup of its own.
        told = {"content": run.spec["content"]} if alike[_with_seed(run)] > 1 and "content" in run.spec else {}
        return (*_names(run, "method", "preset"), digest(_settings(run) | told))

    groups = _grouped(runs, setup_key)
    names = [f"{method} {preset}" for (method, preset, _), _ in groups]
    slugs = _unique([(file_name(text), key[2]) for text, (key, _) in zip(names, groups, strict=True)])
    labels = [
        clean(_label(text, runs[0], [other[0] for _, other in groups]))
        for text, (_, runs) in zip(names, groups, strict=True)
    ]
    labels = _unique([(label, key[2]) for label, (key, _) in zip(labels, groups, strict=True)])
    setups = []
    for setup_slug, label, (_, members) in zip(slugs, labels, groups, strict=True):
        seeded = tuple(sorted(members, key=lambda run: (run.seed, run.identity)))
        own = tuple(frames[run.identity] for run in seeded)
        setups.append(Setup(setup_slug, label, seeded, own, _swept(own)))
    newest = max(runs, key=lambda run: run.files[0].age)
    dataset = newest.header["dataset"]
    return Section(
        slug=name,
        dataset=clean(newest.spec["dataset"]),
        fingerprint=str(newest.spec["fingerprint"]),
        rendered=bool(dataset.get("rendered")),
        counts=dataset["counts"],
        evaluation=newest.evaluation,
        setups=tuple(sorted(setups, key=lambda setup: (setup.label, setup.slug))),
        distinction=distinction,
        cost=Cost.of(newest.cost),
    )


def _swept(frames: Sequence[Frames]) -> dict[str, tuple[str, ...]]:
    points = [frame["policy"] for frame in frames if "policy" in frame]
    pairs = sorted({pair for of in points for pair in zip(of["thresholding"], of["policy"], strict=True)})
    return {
        thresholding: tuple(policy for _, policy in group) for thresholding, group in groupby(pairs, key=itemgetter(0))
    }


def _grouped(items: Sequence[Item], key: Callable[[Item], tuple[Any, ...]]) -> list[tuple[tuple[Any, ...], list[Item]]]:
    groups: dict[tuple[Any, ...], list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return sorted(groups.items(), key=lambda group: group[0])


def _names(run: Run, *names: str) -> tuple[str, ...]:
    return tuple(str(run.spec[name]) for name in names)


def _section_name(run: Run) -> str:
    """The dataset, and what of the evaluation is not the default."""
    ap, signals = run.evaluation["ap"], run.evaluation["signals"]
    choices = ((ap, "step"), (signals, "deployed"), (run.cost["name"], MACS.name))
    extras = [str(value) for value, default in choices if value != default]
    return "-".join([str(run.spec["dataset"]), *extras])


def _with_seed(run: Run) -> tuple[str, ...]:
    """Tell runs apart that are not two files of one seed."""
    return (*_names(run, "method", "preset", "seed"), digest(_settings(run)))


def _settings(run: Run) -> dict[str, Any]:
    """All settings but a seed's own, with a dot into their parts; those younger than the run are at their default."""
    return {name: value for name, value in laid_flat(with_later_settings(run.spec)).items() if name not in OF_ONE_SEED}


def _label(name: str, run: Run, all_runs: Sequence[Run]) -> str:
    """Name a setup; where others share method and preset, by the settings in which they differ."""
    namesakes = [_settings(other) for other in all_runs if _same_preset(other, run)]
    mine = _settings(run)
    differing = [key for key in sorted(mine) if any(other.get(key) != mine[key] for other in namesakes)]
    if "recipe_name" in differing:
        # Whose recipe it is says what all of its constants are.
        name = f"{name}, {mine['recipe_name']} recipe"
        differing = [key for key in differing if not key.startswith("recipe")]
    if not differing:
        return name
    shown = ", ".join(
        f"{key.rpartition('.')[2].replace('_', ' ')} {_plain(mine[key])}" for key in differing[:SHOWN_SETTINGS]
    )
    return f"{name} ({shown}{', …' if len(differing) > SHOWN_SETTINGS else ''})"


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _same_preset(one: Run, other: Run) -> bool:
    return all(one.spec[name] == other.spec[name] for name in ("method", "preset"))


def _unique(names: Sequence[tuple[str, str]]) -> list[str]:
    """Append the first digits of its hash to every name that is not the only one of its kind."""
    plain = [name.lower() for name, _ in names]
    return [name if plain.count(name.lower()) == 1 else f"{name}-{key[:8]}" for name, key in names]
