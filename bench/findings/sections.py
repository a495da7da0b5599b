"""What may stand in one figure: runs of the same data under the same evaluation, swept over the same cost.

A :class:`Section` is one dataset (by the fingerprint of its content) under one evaluation and one cost. In it, a
`bench.findings.setups.Setup` is one method, preset and settings; its runs differ by their seed alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

from bench.findings.costs import MACS, Cost
from bench.findings.setups import Setup, labels_of, settings_of, swept_in
from bench.findings.text import file_name
from bench.inert import clean
from bench.runs.finished import Results, Run
from bench.runs.frames import Frames
from bench.spec import EvaluationSpec, digest, with_defaults

SIGNALS = {
    "deployed": "decisions look at the gallery as deployed",
    "protocol": "decisions look at the gallery after the protocol has removed junk, which leaks the label",
}
"""What each kind of signals means, in words."""
COST_PARTS = ("name", "version", "machine", "backend", "batch")
"""Parts of a cost that sections name in their titles where they differ."""
OF_ONE_NETWORK = ("policy_mac", "search", "measured_at")
"""Parts of a cost that belong to one network only."""
Item = TypeVar("Item")


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
    scales: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """Searches of the section's gallery filled up to millions, each with the name of its folder."""
    inferences: tuple[Mapping[str, Any], ...] = ()
    """Measurements of early exit on the section's runs under its evaluation, as ``bench infer`` kept them."""

    @cached_property
    def made(self) -> dict[Any, tuple[Any, ...]]:
        """Tables that were made of it, by their kind: some are read again by others."""
        return {}

    @property
    def data(self) -> str:
        """Name the data, and say so where they are rendered."""
        return f"{self.dataset} (rendered)" if self.rendered else self.dataset

    @property
    def title(self) -> str:
        """Name the data, and what sets the section apart from others of the same name."""
        return f"{self.data} {self.distinction}".rstrip()

    @property
    def counted(self) -> dict[str, str]:
        """Counts by name, from the least to the greatest where runs differ: each seed holds out other identities."""
        counts = [run.header["dataset"]["counts"] for setup in self.setups for run in setup.runs]
        told = {}
        for name, value in self.counts.items():
            found = [one[name] for one in counts if isinstance(one.get(name), int)]
            differ = found and min(found) < max(found)
            told[name] = f"{min(found)} to {max(found)}" if differ else str(value)
        return told

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
    scales: Sequence[tuple[str, Mapping[str, Any]]] = (),
) -> tuple[Section, ...]:
    """Sort runs into sections and setups; everything is in the order of its names.

    ``latencies``, ``studies``, ``scales`` and ``inferences`` are what was measured apart from the runs; each section
    takes those that are its own.
    """
    groups = _grouped(results.runs, lambda run: (*_names(run, "dataset", "fingerprint"), *evaluated(run)))
    slugs = _unique([(file_name(_section_name(runs[0])), digest(key)) for key, runs in groups])
    found = []
    for name, (key, runs) in zip(slugs, groups, strict=True):
        namesakes = [others[0] for other, others in groups if other[0] == key[0]]
        section = _section(name, _distinction(runs[0], namesakes), runs)
        own = [
            (study_name, study)
            for study_name, study in studies
            if (study["dataset"]["fingerprint"], study["evaluation"]) == (section.fingerprint, section.evaluation)
        ]
        measured = tuple(one for one in inferences if _is_of(one, section, {run.key for run in runs}))
        large = tuple(one for one in scales if _is_on(one[1]["dataset"], section))
        section = replace(section, studies=tuple(own), scales=large, inferences=measured)
        found.append(replace(section, latencies=tuple(latencies)))
    return tuple(found)


def without_records(section: Section) -> Section:
    """Give a section whose setups tell of their runs alone: their records may lie in a file that is gone by then."""
    setups = (replace(setup, runs=tuple(run.in_frames(Frames()) for run in setup.runs)) for setup in section.setups)
    return replace(section, setups=tuple(setups))


def _is_on(dataset: Mapping[str, Any], section: Section) -> bool:
    """Whether a search of large galleries is on a section's data: by content, or by name where that is not told."""
    told = dataset.get("fingerprint")
    return bool(told == section.fingerprint if told else clean(dataset["name"]) == section.dataset)


def _is_of(inference: Mapping[str, Any], section: Section, keys: set[str]) -> bool:
    """Whether a measurement is of one of the runs with these keys, under the section's evaluation."""
    evaluation = with_defaults(EvaluationSpec, section.evaluation)
    evaluated = inference["evaluation"]
    return inference["run"] in keys and all(evaluation.get(name) == value for name, value in evaluated.items())


def evaluated(run: Run) -> tuple[str, str]:
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
            f"cost {', '.join(_told(name, other.cost[name]) for name in COST_PARTS if name in other.cost)}",
            f"data {other.spec['fingerprint'][:8]}",
        )
        for other in (run, *namesakes)
    ]
    differing = [texts[0] for texts in zip(*facts, strict=True) if len(set(texts)) > 1]
    return f"[{', '.join(differing or [f'evaluation {digest(run.evaluation)[:8]}'])}]"


def _told(name: str, value: Any) -> str:
    """Tell a part of a cost: numbers with what they are, texts as they are."""
    return clean(value) if isinstance(value, str) else f"{name} {clean(value)}"


def _section(name: str, distinction: str, runs: Sequence[Run]) -> Section:
    alike = Counter(_with_seed(run) for run in runs)

    def setup_key(run: Run) -> tuple[str, ...]:
        # Two files of one seed are no two seeds of one network: each is a setup of its own.
        told = {"content": run.spec["content"]} if alike[_with_seed(run)] > 1 and "content" in run.spec else {}
        return (*_names(run, "method", "preset"), digest(settings_of(run) | told))

    groups = _grouped(runs, setup_key)
    names = [f"{method} {preset}" for (method, preset, _), _ in groups]
    slugs = _unique([(file_name(text), key[2]) for text, (key, _) in zip(names, groups, strict=True)])
    labels = [clean(label) for label in labels_of(names, [members[0] for _, members in groups])]
    labels = _unique([(label, key[2]) for label, (key, _) in zip(labels, groups, strict=True)])
    setups = []
    for setup_slug, label, (_, members) in zip(slugs, labels, groups, strict=True):
        seeded = tuple(sorted(members, key=lambda run: (run.seed, run.identity)))
        setups.append(Setup(setup_slug, label, seeded, swept_in(seeded)))
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
    return (*_names(run, "method", "preset", "seed"), digest(settings_of(run)))


def _unique(names: Sequence[tuple[str, str]]) -> list[str]:
    """Append the first digits of its hash to every name that is not the only one of its kind."""
    plain = [name.lower() for name, _ in names]
    return [name if plain.count(name.lower()) == 1 else f"{name}-{key[:8]}" for name, key in names]
