"""What identifies a run: everything that its numbers depend on, in one value with one key."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from typing import Any, Literal, get_args

from bench.data.views import Views
from bench.errors import BenchError, unknown_name
from bench.methods import Options
from bench.training.recipe import Recipe

TRAINING_VERSION = 1
"""Raised when a change to the code changes what training arrives at: older weights are then not reused."""
EVALUATION_VERSION = 2
"""Raised when a change to the code changes embeddings or exit tables."""
SWEEP_VERSION = 2
"""Raised when a change to the code changes what a sweep records."""

RecipeName = Literal["own", "shared"]
"""Whose recipe a method is trained by: its paper's, or the one that all share."""
RECIPE_NAMES: tuple[RecipeName, ...] = get_args(RecipeName)
ThresholdingName = Literal["stream", "calibrated", "exact"]
"""How thresholds are set (:mod:`bench.budget.thresholds`)."""
THRESHOLDINGS: tuple[ThresholdingName, ...] = get_args(ThresholdingName)


def canonical_json(value: Any) -> str:
    """Write plain values as JSON in one form only: sorted names, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def digest(value: Any) -> str:
    """Hash plain values: sha256 of their canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


@dataclass(frozen=True)
class RunSpec:
    """A training run. ``fingerprint`` is the hash of the dataset's content, so that a moved folder is the same data.

    ``recipe_name`` is ``shared`` where the recipe is the one that all methods can be trained by, and not the method's
    ``own``. ``weights_digest`` is the hash of the file that ``network["weights"]`` names, if it names one.
    """

    dataset: str
    fingerprint: str
    method: str
    preset: str
    network: Options
    recipe: Recipe
    seed: int
    calibration_share: float
    precision: str = "auto"
    recipe_name: RecipeName = "own"
    weights_digest: str = ""
    training_version: int = TRAINING_VERSION

    def to_json(self) -> dict[str, Any]:
        """Give the spec as plain values."""
        return json.loads(json.dumps(asdict(self)))

    @property
    def key(self) -> str:
        """Identify the run: sha256 of everything in the spec."""
        return digest(self.to_json())

    @property
    def folder_name(self) -> str:
        """Name the run's folder so that people can read it; the key keeps it unique."""
        shared = "-shared" if self.recipe_name == "shared" else ""
        return f"{self.method}-{self.preset}{shared}-seed{self.seed}-{self.key[:8]}"


@dataclass(frozen=True)
class EvaluationSpec:
    """How a trained run is turned into exit tables: AP variant, the gallery that decisions look at, views embedded."""

    ap: Literal["step", "trapezoid"] = "step"
    signals: Literal["deployed", "protocol"] = "deployed"
    views: Views = "centre"
    evaluation_version: int = EVALUATION_VERSION

    @property
    def key(self) -> str:
        """Identify the evaluation."""
        return digest(asdict(self))


@dataclass(frozen=True)
class SweepSpec:
    """What is swept: ``a_values`` explicit, or else ``budgets`` equal steps of cost from the first exit to the last.

    ``shuffles``: how many shuffles of the queries the stream is run over. ``resamples``: draws of the bootstrap.
    """

    policies: tuple[str, ...]
    thresholdings: tuple[ThresholdingName, ...] = ("stream", "exact")
    budgets: int = 21
    a_values: tuple[float, ...] = ()
    shuffles: int = 10
    resamples: int = 1000
    seed: int = 0
    sweep_version: int = SWEEP_VERSION

    def __post_init__(self) -> None:
        """Refuse sweeps of nothing."""
        if self.budgets < 2 and not self.a_values:
            raise BenchError(f"a sweep has at least 2 budgets, not {self.budgets}")
        if self.shuffles < 1 or self.resamples < 2:
            raise BenchError("a sweep needs at least 1 order and 2 resamples")
        for a in self.a_values:
            if not a >= 0:
                raise BenchError(f"the budget parameter a is a number from 0 to inf, not {a}")

    def to_json(self) -> dict[str, Any]:
        """Give the spec as plain values, an infinite ``a`` as text."""
        values = {**asdict(self), "a_values": [plain_number(a) for a in self.a_values]}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @property
    def key(self) -> str:
        """Identify the sweep."""
        return digest(self.to_json())


def plain_number(a: float) -> float | str:
    """Write a number so that JSON can hold it, infinity as text."""
    return "inf" if math.isinf(a) else a


def override(network: Options, recipe: Recipe, settings: Mapping[str, str]) -> tuple[dict[str, Any], Recipe]:
    """Apply ``name=value`` settings to a network's options and a recipe.

    Names are those of the options (``ranking_weight``) and of the recipe's fields, with a dot into its parts
    (``epochs``, ``optimiser.learning_rate``, ``augmentation.erase``). A value must be of the kind that stands there.
    """
    options = dict(network)
    known = sorted([*options, *_field_names(recipe)])
    for name, text in settings.items():
        if name not in known:
            raise unknown_name("setting", name, known)
        if name in options:
            options[name] = _parse(name, text, options[name])
        else:
            recipe = _replace_field(recipe, name, text)
    return options, recipe


def _field_names(value: Any, prefix: str = "") -> list[str]:
    names: list[str] = []
    for field in fields(value):
        part = getattr(value, field.name)
        if is_dataclass(part):
            names += _field_names(part, f"{prefix}{field.name}.")
        else:
            names.append(prefix + field.name)
    return names


def _replace_field(value: Any, name: str, text: str, whole: str = "") -> Any:
    head, _, rest = name.partition(".")
    current = getattr(value, head)
    changed = _replace_field(current, rest, text, whole or name) if rest else _parse(whole or name, text, current)
    return replace(value, **{head: changed})


def _parse(name: str, text: str, current: Any) -> Any:
    kind = type(current)
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        if kind is tuple:
            # An empty tuple does not say what it would hold.
            element = type(current[0]) if current else float if {".", "e"} & set(text) else int
            return tuple(element(part) for part in text.replace("x", ",").split(",") if part)
        return kind(text)
    except (ValueError, KeyError):
        raise BenchError(f"setting {name}={text}: expected {kind.__name__}, as in {name}={current}") from None
