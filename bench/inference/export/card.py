"""The card of an exported model, ``model.json``: what the files are, what goes in, what comes out, and digests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import BenchError
from bench.files import read_json, write_json

if TYPE_CHECKING:
    from bench.networks import ExitSpec

FORMAT_VERSION = 2
"""Raised when files or card of an export change their form. Since 2 the first graph gives the features of its exit."""
READ_VERSIONS = (1, FORMAT_VERSION)
"""Formats that can be read. Graphs of format 1 give no features, so that policies which read them cannot run."""
CARD = "model.json"
WRONG_FORM = (AttributeError, KeyError, TypeError, ValueError)
"""What reading values of another form than ours ends in."""
AGAIN = "export the run again: bench model export"


@dataclass(frozen=True)
class CardExit:
    """One exit: its specification, and the multiply-adds of an image that leaves there, all steps before it included.

    ``file`` is the graph of the step that ends there (empty where weights are exported), ``inputs`` and ``outputs`` the
    names of its tensors. The first output is the embedding; the others are the inputs of the next step, in order.
    ``features`` names one output more, the features that the head starts from; empty where a graph does not give them.
    """

    name: str
    dim: int
    code: str
    cumulative_macs: int
    file: str = ""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    features: str = ""


@dataclass(frozen=True)
class Preprocessing:
    """What is done to an image before the first step, in this order.

    Decode to RGB; resize to ``resize`` (height, width), antialiased bilinear; cut ``size`` (height, width) out of the
    middle; divide by 255; subtract ``mean``, divide by ``std``, channel by channel; lay out as ``layout``. The graphs
    do none of it: they take what comes out, as ``dtype``.
    """

    resize: tuple[int, int]
    size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    colour: str = "RGB"
    layout: str = "batch, channel, height, width"
    dtype: str = "float32"


@dataclass(frozen=True)
class ModelCard:
    """All that is known of an export.

    ``form`` is ``onnx`` or ``safetensors``; ``precision`` what the files compute in. ``options`` and ``identities``
    build the network again. ``weights_sha256`` is the digest of the trained weights, whatever the form. ``files``
    gives the sha256 of every other file of the folder. ``calibration`` says which images fixed the ranges of an int8
    model.
    """

    form: str
    precision: str
    method: str
    preset: str
    run: str
    dataset: str
    options: Mapping[str, Any]
    identities: int
    exits: tuple[CardExit, ...]
    preprocessing: Preprocessing
    weights_sha256: str
    suite_version: str
    packages: Mapping[str, str | None]
    calibration: str = ""
    files: Mapping[str, str] | None = None
    format_version: int = FORMAT_VERSION

    @property
    def exit_specs(self) -> tuple[ExitSpec, ...]:
        """The exits as networks specify them."""
        from bench.networks import ExitSpec

        return tuple(ExitSpec(exit_.name, exit_.dim, exit_.code) for exit_ in self.exits)  # type: ignore[arg-type]

    def to_json(self) -> dict[str, Any]:
        """Give the card as plain values."""
        return json.loads(json.dumps(asdict(self)))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ModelCard:
        """Read a card back from plain values. Raises KeyError or TypeError where they are none."""
        known = {name: values[name] for name in (field.name for field in fields(cls))}
        exits = tuple(CardExit(**{**part, **_tuples(part, "inputs", "outputs")}) for part in known["exits"])
        stored = known["preprocessing"]
        preprocessing = Preprocessing(**{**stored, **_tuples(stored, "resize", "size", "mean", "std")})
        return cls(**{**known, "exits": exits, "preprocessing": preprocessing})


def _tuples(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: tuple(values[name]) for name in names}


def write_card(folder: Path, card: ModelCard) -> None:
    """Write the card of a folder whose other files are whole."""
    write_json(folder / CARD, card.to_json())


def read_card(folder: Path) -> ModelCard:
    """Read the card of an export.

    Raises :class:`BenchError` where there is none, where it is damaged, and where its format is another than this
    suite's.
    """
    path = folder / CARD
    if not path.is_file():
        raise BenchError(f"expected an export, a folder with {CARD}, found none at {folder}; {AGAIN}")
    values = read_json(path, AGAIN)
    found = values.get("format_version")
    if found not in READ_VERSIONS:
        known = " and ".join(map(str, READ_VERSIONS))
        raise BenchError(f"{path} is of export format {found}, this suite reads {known}; {AGAIN}")
    try:
        card = ModelCard.from_json(values)
        _check(card)
    except WRONG_FORM as problem:
        raise BenchError(f"{path} lacks what a card has ({problem!r}); {AGAIN}") from None
    return card


def _check(card: ModelCard) -> None:
    """Raise ValueError or TypeError for a card that this suite would not write."""
    texts = ("form", "precision", "method", "preset", "run", "dataset", "weights_sha256", "suite_version")
    strange = [name for name in texts if not isinstance(getattr(card, name), str)]
    strange += [name for name in ("options", "files", "packages") if not isinstance(getattr(card, name), dict)]
    for exit_ in card.exits:
        names = (exit_.name, exit_.file, exit_.features, *exit_.inputs, *exit_.outputs)
        whole = all(type(number) is int and number > 0 for number in (exit_.dim, exit_.cumulative_macs))
        if exit_.code not in ("binary", "continuous") or not whole or not all(isinstance(name, str) for name in names):
            strange.append("exits")
    sizes = (*card.preprocessing.resize, *card.preprocessing.size, card.identities)
    strange += ["sizes"] * (not all(type(size) is int and size > 0 for size in sizes))
    sum(map(float, (*card.preprocessing.mean, *card.preprocessing.std)))
    listed = set(card.files or ())
    # A file that no digest is listed of would be read unchecked, and one elsewhere is not of this export.
    if strange or not card.exits or not listed or {exit_.file for exit_ in card.exits} - {""} - listed:
        raise ValueError(f"not as it is written: {', '.join(dict.fromkeys(strange)) or 'files'}")
    if any(not isinstance(name, str) or Path(name).name != name for name in listed):
        raise ValueError("files lie beside their card")


def verify_files(folder: Path, card: ModelCard) -> None:
    """Check every file of an export against its digest. Raises :class:`BenchError` naming the first that differs."""
    for name, expected in (card.files or {}).items():
        path = folder / name
        if not path.is_file():
            raise BenchError(f"{folder} lacks {name}, which its {CARD} lists; {AGAIN}")
        try:
            found = file_sha256(path)
        except OSError as problem:
            raise BenchError(f"cannot read {path} ({problem.strerror or problem}); make it readable") from problem
        if found != expected:
            raise BenchError(
                f"{path} is not the file that its {CARD} lists: it is damaged or of another export; {AGAIN}"
            )


def file_sha256(path: Path) -> str:
    """Hash a file: sha256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
