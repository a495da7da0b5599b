"""The files of an architecture search: written with digests, and checked when they are read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.digests import DamagedFile
from bench.files import SCHEMA_VERSION, check_name, read_json, read_text

FILE, GENOTYPE = "architecture.json", "genotype.txt"
LOSSES = ("training loss", "validation loss")


def read_architecture(path: Path) -> dict[str, Any]:
    """Read a search that has ended.

    Raises DamagedFile where the file is not what was written, or was written to another folder, and what reading
    another form ends in (ValueError, KeyError, TypeError, AttributeError) where it is of none of ours.
    """
    values = read_json(path)
    check_architecture(values)
    check_name(path, path.parent.name, f"{path.parent.name[:-8]}{values['key'][:8]}")
    return values


def check_architecture(values: Mapping[str, Any]) -> None:
    """Raise ValueError, or what reading another form ends in, for what is no search of this suite."""
    if values["schema"] != SCHEMA_VERSION:
        raise ValueError(f"schema {values['schema']}, this suite reads {SCHEMA_VERSION}")
    texts = ("key", "option", "genotype", "dataset", "method", "preset")
    if not all(isinstance(values[name], str) for name in texts) or not isinstance(values["rendered"], bool):
        raise ValueError(f"expected texts as {', '.join(texts)}")
    int(values["seed"]), values["provenance"].items()
    candidates = list(values["candidates"])
    blocks = values["genotype"].split(",")
    for chosen, probabilities in zip(blocks, values["probabilities"], strict=True):
        found = dict(zip(candidates, map(float, probabilities), strict=True))
        if found[chosen] < max(found.values()):
            raise ValueError(f"block {chosen} of the genotype is not the most probable")
    for row in values["history"]:
        names = ["epoch", *LOSSES, *(f"{number}: {name}" for number, name in enumerate(blocks, start=1))]
        sum(float(row[name]) for name in names)


def check_genotype(path: Path, values: Mapping[str, Any]) -> None:
    """Compare the genotype file beside a search with it. Raises DamagedFile where it is damaged or another's."""
    if not path.exists():
        raise DamagedFile(f"{path.name} is not there")
    found = read_text(path)
    if found != values["genotype"]:
        raise DamagedFile(f"{path.name} holds {found[:80]}, and the search beside it found {values['genotype']}")
