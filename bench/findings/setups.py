"""A setup: one method, preset and settings, whose runs differ by their seed alone; how it is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import pandas as pd

from bench.inert import clean
from bench.runs.fields import laid_flat, with_later_settings
from bench.runs.finished import Run
from bench.spec import digest, shortened

OF_ONE_SEED = ("seed", "content")
"""Entries of a spec in which the seeds of one setup differ: a file of embeddings is of one seed."""
SHOWN_SETTINGS = 3
NAMED_SEEDS = 6
"""Of more seeds the first and the last alone are named in titles and file names."""


@dataclass(frozen=True, eq=False)
class Setup:
    """One method, preset and settings. ``slug`` names its files, ``label`` is for people."""

    slug: str
    label: str
    runs: tuple[Run, ...]
    swept: Mapping[str, tuple[str, ...]]
    """Thresholdings with their policies."""

    def rows(self, kind: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Records of one kind of all runs, a row each, all columns or some; without columns where there are none."""
        found = [
            run.frames[kind] if columns is None else run.frames.chosen(kind, columns)
            for run in self.runs
            if kind in run.frames
        ]
        return pd.concat(found, ignore_index=True) if found else pd.DataFrame()

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


def trained(setups: Sequence[Setup]) -> str:
    """Say which seeds of each setup were trained."""
    return "; ".join(f"{setup.label}: {setup.seeds}" for setup in setups)


def swept_in(runs: Sequence[Run]) -> dict[str, tuple[str, ...]]:
    """Thresholdings of some runs' records, each with the policies that were swept in it."""
    pairs = sorted({(thresholding, policy) for run in runs for policy, thresholding in run.frames.by_policy("policy")})
    return {
        thresholding: tuple(policy for _, policy in group) for thresholding, group in groupby(pairs, key=itemgetter(0))
    }


def settings_of(run: Run) -> dict[str, Any]:
    """All settings but a seed's own, with a dot into their parts; those younger than the run are at their default."""
    return {name: value for name, value in laid_flat(with_later_settings(run.spec)).items() if name not in OF_ONE_SEED}


def labels_of(names: Sequence[str], runs: Sequence[Run]) -> list[str]:
    """Label setups, each by its name (method and preset) and one of its runs.

    Where several setups have one method and preset, the settings in which these differ are named too.
    """
    settings = [settings_of(run) for run in runs]
    presets = [(run.spec["method"], run.spec["preset"]) for run in runs]
    alike: dict[tuple[Any, Any], list[Mapping[str, Any]]] = {}
    for preset, own in zip(presets, settings, strict=True):
        alike.setdefault(preset, []).append(own)
    differing = {preset: _differing(namesakes) for preset, namesakes in alike.items()}
    pairs = zip(names, presets, settings, strict=True)
    return [_label(name, own, [key for key in differing[preset] if key in own]) for name, preset, own in pairs]


def _differing(namesakes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name the settings that not all have alike, in alphabetical order."""
    first, keys = namesakes[0], sorted({key for own in namesakes for key in own})
    return [key for key in keys if any(own.get(key) != first.get(key) for own in namesakes)]


def _label(name: str, mine: Mapping[str, Any], differing: Sequence[str]) -> str:
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
    return f"{value:g}" if isinstance(value, float) else str(shortened(value))
