"""Options that several commands share, and how their texts are read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from bench import registry
from bench.data.dataset import DatasetRequest
from bench.errors import BenchError, unknown_name
from bench.methods import GROUPS

DATA_ROOT_VARIABLE = "BENCH_DATA_ROOT"
"""Environment variable that stands in for ``--data-root``."""


def complete_method(incomplete: str) -> list[str]:
    """Complete the name of a method, without importing any."""
    return [name for name in [*registry.names("method"), *GROUPS, "all"] if name.startswith(incomplete)]


def complete_dataset(incomplete: str) -> list[str]:
    """Complete the name of a dataset."""
    return [name for name in registry.names("dataset") if name.startswith(incomplete)]


MethodArgument = Annotated[
    str, typer.Option("--method", "-m", help="Name of a method (bench list methods).", autocompletion=complete_method)
]
MethodsArgument = Annotated[
    str,
    typer.Option(
        "--method",
        "-m",
        help=f"Names of methods with commas (bench list methods), or of groups: all, {', '.join(GROUPS)}.",
        autocompletion=complete_method,
    ),
]
PresetOption = Annotated[str, typer.Option(help="Size of the job: smoke, demo, small or paper.")]
RecipeOption = Annotated[
    str, typer.Option(help="Whose recipe trains it: own (its paper's), or shared (one for all methods).")
]
BackboneOption = Annotated[
    str | None,
    typer.Option(
        help="Encoder under HashReID, DaRe, BranchyNet, BoT, CtF, ABC, TriNet or PCB: resnet50, "
        "densenet201, mobilenet_v3_large, efficientnet_b0, … or timm:NAME."
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Override an option of the network or the recipe; repeatable."),
]
GalleryOption = Annotated[
    int, typer.Option(min=1, max=10**12, help="Gallery images to match with (Market-1501 has 19,732).")
]
DatasetOption = Annotated[
    str,
    typer.Option("--dataset", "-d", help="Name of a dataset (bench list datasets).", autocompletion=complete_dataset),
]
DatasetArgument = Annotated[
    str, typer.Argument(help="Name of a dataset (bench list datasets).", autocompletion=complete_dataset)
]
DataRootOption = Annotated[
    Path | None, typer.Option("--data-root", envvar=DATA_ROOT_VARIABLE, help="Folder that holds the dataset.")
]
DataOption = Annotated[
    list[str] | None,
    typer.Option("--data", metavar="NAME=VALUE", help="Option of the dataset, as size=market; repeatable."),
]
ResultsOption = Annotated[Path, typer.Option("--results", help="Results folder.")]
CacheOption = Annotated[
    Path | None,
    typer.Option("--cache", envvar="BENCH_CACHE", help="Folder of rendered sets and decoded images."),
]


BusyOption = Annotated[
    bool, typer.Option("--busy", help="Time although other bench processes run on this machine; the record says so.")
]
NoWorkersOption = Annotated[str | None, typer.Option("--workers", hidden=True)]


def refuse_workers(workers: str | None) -> None:
    """Raise BenchError where something that is timed is asked of several workers."""
    if workers is not None:
        raise BenchError("what is timed has the machine to itself: --workers is for bench run alone")


def settings_of(pairs: list[str] | None) -> dict[str, str]:
    """Read ``NAME=VALUE`` texts. Raises :class:`BenchError` for a text that is none."""
    settings = {}
    for pair in pairs or []:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise BenchError(f"expected NAME=VALUE, found {pair!r}")
        settings[name.strip()] = value.strip()
    return settings


def words(text: str) -> list[str]:
    """Read a list with commas, each word once."""
    return list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def typed(root: Path | None) -> Path | None:
    """Give a root of the data that was named on the command line, and none that the environment names."""
    return None if root is None or os.environ.get(DATA_ROOT_VARIABLE) == str(root) else root


def numbers(option: str, text: str) -> tuple[float, ...]:
    """Read numbers with commas, at least one. Raises BenchError where there is none, or one is no number."""
    try:
        found = tuple(float(word) for word in words(text))
    except ValueError:
        found = ()
    if not found:
        raise BenchError(f"{option} takes numbers with commas, found {text!r}")
    return found


def data_request(dataset: str, root: Path | None, options: list[str] | None, cache: Path) -> DatasetRequest:
    """Say where the data is: a rendered set lives in the cache unless a root was named on the command line."""
    if not registry.dataset(dataset).needs_root and typed(root) is None:
        root = cache
    return DatasetRequest(root, settings_of(options))


def refuse_unused(given: Mapping[str, object], why: str) -> None:
    """Look whether options were given that would do nothing. Raises BenchError that names them and says why.

    None, False and an empty list stand for an option that was not given.
    """
    names = [option for option, value in given.items() if value is not None and value is not False and value != []]
    if names:
        raise BenchError(f"{', '.join(names)}: {why}")


def choice(option: str, value: str, choices: tuple[Any, ...]) -> Any:
    """Take a value that must be one of a few."""
    if value not in choices:
        raise unknown_name(option, value, list(choices))
    return value
