"""What identifies a run: all that was asked for, in one value with one key.

Machine and threads are not in it, though they move the last digits of its numbers: provenance has them.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields, is_dataclass
from typing import Any, Literal, get_args, get_type_hints

from bench.data.views import Views
from bench.errors import BenchError
from bench.methods import Options
from bench.precision import Precision
from bench.training.recipe import Recipe

TRAINING_VERSION = 1
"""Raised when a change to the code, a changed default included, changes what training arrives at: older weights are
then not reused."""
EVALUATION_VERSION = 2
"""Raised when a change to the code changes embeddings or exit tables."""
SWEEP_VERSION = 2
"""Raised when a change to the code changes what a sweep records."""

OF_A_FILE = "embeddings"
"""Stands in place of a preset where a file of embeddings was scored: nothing was trained here."""

RecipeName = Literal["own", "shared"]
"""Whose recipe a method is trained by: its paper's, or the one that all share."""
RECIPE_NAMES: tuple[RecipeName, ...] = get_args(RecipeName)
MOST_SEED = 2**32 - 1
"""Greatest seed: numpy's older generators and other libraries take none that is longer."""
MOST_BUDGETS, MOST_SHUFFLES, MOST_RESAMPLES = 10_000, 10_000, 100_000
"""The greatest sweep: more budgets than a curve can show, more draws than change a digit of an interval."""
HASH_DIGITS = 12
"""Digits of a hash that people are shown."""
ALWAYS_IN_KEY = {"in_key": "always"}
"""Metadata of a field that is in the key whatever it holds: versions of the code."""
NEVER_IN_KEY = {"in_key": "never"}
"""Metadata of a field that is no part of the key."""


def canonical_json(value: Any) -> str:
    """Write plain values as JSON in one form only: sorted names, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def digest(value: Any) -> str:
    """Hash plain values: sha256 of their canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def shortened(value: Any) -> Any:
    """Cut a hash that :func:`digest` could have given to its first digits; any other value is given as it is."""
    is_hash = isinstance(value, str) and len(value) == 64 and not set(value) - set("0123456789abcdef")
    return f"{value[:HASH_DIGITS]}…" if is_hash else value


def identifying(value: Any) -> Any:
    """Give the part of a value that its key is made of: of a dataclass, the fields that are not at their default.

    So a field that is added later, with a default that stands for how it was before, leaves every kept key valid. The
    price: a default that is *changed* must raise the version beside it, or old and new results would share a key.
    """
    if is_dataclass(value):
        return {part.name: identifying(getattr(value, part.name)) for part in fields(value) if _tells(part, value)}
    if isinstance(value, Mapping):
        return {name: identifying(part) for name, part in value.items()}
    if isinstance(value, (tuple, list)):
        return [identifying(part) for part in value]
    return plain_number(value) if isinstance(value, float) else value


def _tells(part: Field[Any], owner: Any) -> bool:
    if "in_key" in part.metadata:
        return bool(part.metadata["in_key"] == "always")
    default = _default(part)
    return default is MISSING or not _same(getattr(owner, part.name), default)


def _default(part: Field[Any]) -> Any:
    return part.default if part.default_factory is MISSING else part.default_factory()


def _same(one: Any, other: Any) -> bool:
    # As text, for to Python 1, 1.0 and True are equal.
    return canonical_json(identifying(one)) == canonical_json(identifying(other))


def identifying_options(options: Options, defaults: Options) -> dict[str, int | float | str | bool]:
    """Give the options of a network that are in a key: those that are not at their value in ``option_defaults``."""
    return {name: value for name, value in options.items() if not (name in defaults and _same(value, defaults[name]))}


def with_defaults(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in what kept plain values of a dataclass ``kind`` do not say because a field was added after them.

    Needed to sort kept results by their settings, so that older and newer ones with one key stay together.
    Versions are not filled in: one that is not recorded is unknown.
    """
    filled = dict(values)
    for part in fields(kind):
        default = _default(part)
        if "in_key" in part.metadata or default is MISSING:
            continue
        if is_dataclass(default):
            filled[part.name] = with_defaults(type(default), values.get(part.name) or {})
        else:
            filled.setdefault(part.name, list(default) if isinstance(default, tuple) else default)
    return filled


@dataclass(frozen=True)
class RunSpec:
    """A training run. ``fingerprint`` is the hash of the dataset's content, so that a moved folder is the same data.

    ``precision`` is resolved: the numbers depend on it, and two machines would resolve ``auto`` differently. The device
    is no part of a run. ``recipe_name`` is ``shared`` where the recipe is the one that all methods can be trained by,
    and not the method's ``own``. ``weights_digest`` is the hash of the file that ``network["weights"]`` names, if it
    names one. With ``as_is`` nothing was trained: the weights of that file are scored. ``loss_parts`` is the number of
    parts of a batch, each of which has a loss of its own (one a device); how many devices share the loss of a whole
    batch changes no number. ``option_defaults`` are the method's (:class:`bench.methods.Method`).
    """

    dataset: str
    fingerprint: str
    method: str
    preset: str
    network: Options
    recipe: Recipe
    seed: int
    calibration_share: float
    precision: Precision
    recipe_name: RecipeName = "own"
    weights_digest: str = ""
    loss_parts: int = 1
    as_is: bool = False
    training_version: int = field(default=TRAINING_VERSION, metadata=ALWAYS_IN_KEY)
    option_defaults: Options = field(default_factory=dict, metadata=NEVER_IN_KEY)

    def to_json(self) -> dict[str, Any]:
        """Give everything that identifies the run as plain values, for people: defaults too."""
        values = json.loads(json.dumps(asdict(self)))
        del values["option_defaults"]
        if not self.as_is:  # as nearly always: specs that were kept before say nothing of it
            del values["as_is"]
        return values

    @property
    def key(self) -> str:
        """Identify the run: sha256 of what in the spec is not at its default.

        A file of weights counts by its content, wherever it lies.
        """
        network = identifying_options(self.network, self.option_defaults)
        if self.weights_digest:
            network.pop("weights", None)
        return digest({**identifying(self), "network": network})

    @property
    def folder_name(self) -> str:
        """Name the run's folder so that people can read it; the key keeps it unique."""
        shared = "-shared" if self.recipe_name == "shared" else ""
        as_is = "-as-is" if self.as_is else ""
        return f"{self.method}-{self.preset}{shared}{as_is}-seed{self.seed}-{self.key[:8]}"


@dataclass(frozen=True)
class EvaluationSpec:
    """How a trained run is turned into exit tables: AP variant, the gallery that decisions look at, views embedded."""

    ap: Literal["step", "trapezoid"] = "step"
    signals: Literal["deployed", "protocol"] = "deployed"
    views: Views = "centre"
    evaluation_version: int = field(default=EVALUATION_VERSION, metadata=ALWAYS_IN_KEY)

    @property
    def key(self) -> str:
        """Identify the evaluation."""
        return digest(identifying(self))


@dataclass(frozen=True)
class SweepSpec:
    """What is swept: ``a_values`` explicit, or else ``budgets`` equal steps of cost from the first exit to the last.

    ``cost`` names what budgets are in, as NAME or NAME:WHICH. ``shuffles``: how many orders of the queries are tried
    where the order matters. ``resamples``: of the bootstrap. ``extras``: embeddings that are no exits are scored, too.
    """

    policies: tuple[str, ...]
    thresholdings: tuple[str, ...] = ("stream", "exact")
    budgets: int = 21
    a_values: tuple[float, ...] = ()
    shuffles: int = 10
    resamples: int = 1000
    seed: int = 0
    cost: str = "macs"
    extras: bool = False
    sweep_version: int = field(default=SWEEP_VERSION, metadata=ALWAYS_IN_KEY)

    def __post_init__(self) -> None:
        """Refuse sweeps of nothing. Raises :class:`BenchError`."""
        check_seed(self.seed)
        if self.budgets < 2 and not self.a_values:
            raise BenchError(f"a sweep has at least 2 budgets, not {self.budgets}")
        if self.budgets > MOST_BUDGETS:
            raise BenchError(f"a sweep has from 2 to {MOST_BUDGETS:,} budgets, not {self.budgets}")
        for what, least, most in (("shuffles", 1, MOST_SHUFFLES), ("resamples", 2, MOST_RESAMPLES)):
            if not least <= getattr(self, what) <= most:
                raise BenchError(f"a sweep has from {least} to {most:,} {what}, not {getattr(self, what)}")
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
        return digest(identifying(self))


def plain_number(a: float) -> float | str:
    """Write a number so that JSON can hold it, infinity as text."""
    return "inf" if math.isinf(a) else a


def check_seed(seed: int) -> None:
    """Refuse seeds that not every generator takes. Raises :class:`BenchError`."""
    if not 0 <= seed <= MOST_SEED:
        raise BenchError(f"a seed is a whole number from 0 to {MOST_SEED:,}, not {seed}")


def rebuilt(kind: type[Any], values: Mapping[str, Any]) -> Any:
    """Build a dataclass of plain values, as JSON keeps it: parts that are dataclasses too, and lists as tuples.

    Raises TypeError where a field is missing or unknown.
    """
    hints = get_type_hints(kind)
    parts: dict[str, Any] = {}
    for name, value in values.items():
        if is_dataclass(hints.get(name)):
            parts[name] = rebuilt(hints[name], value)
        else:
            parts[name] = tuple(value) if isinstance(value, list) else value
    return kind(**parts)
