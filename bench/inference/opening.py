"""A finished run, opened by its name with the images that it was made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import registry
from bench.data.dataset import DatasetReader, DatasetRequest
from bench.data.images import dataset_fingerprint, open_store
from bench.errors import BenchError
from bench.files import read_json
from bench.progress import SILENT, Reporter
from bench.running.context import RunContext, Stores
from bench.runs.folder import RunFolder
from bench.spec import OF_A_FILE, RunSpec, rebuilt


def reader_of(dataset: str, named: str | None = None) -> DatasetReader:
    """Find the reader of a run's dataset: the one ``named``, or the one whose name begins the dataset's.

    ``synthped`` reads ``synthped-demo``. Raises :class:`BenchError` where none fits.
    """
    if named is not None:
        return registry.dataset(named)
    fitting = [name for name in registry.names("dataset") if f"{dataset}-".startswith(f"{name}-")]
    if not fitting:
        raise BenchError(
            f"no reader is known for {dataset}, whose name begins with its reader's (bench list datasets): install the "
            "package that read it, or name a reader where the command takes --dataset"
        )
    return registry.dataset(max(fitting, key=len))


def own_data(reader: DatasetReader, dataset: str, data: DatasetRequest) -> DatasetRequest:
    """Add to a request the options that a run's dataset has in its name; those that were asked for stand."""
    return replace(data, options={**reader.options_of(dataset), **data.options})


def dataset_of(folder: RunFolder) -> str:
    """Name the dataset of a run, as its spec does.

    Raises :class:`BenchError` where the spec is none, or that of a file of embeddings.
    """
    spec = read_json(folder.spec)
    name = spec.get("dataset")
    if spec.get("preset") == OF_A_FILE:
        raise BenchError(f"{folder.path.name} is of a file of embeddings: there is no network to open")
    if not isinstance(name, str):
        raise BenchError(f"{folder.spec} is no spec of this suite: it names no dataset; run it again with --fresh")
    return name


def open_run(
    folder: RunFolder, data: DatasetRequest, cache: Path, device: str = "auto", reporter: Reporter = SILENT
) -> RunContext:
    """Open a run whose training has ended, to be read, with the dataset that its spec names.

    What is kept is read without a lock. What is not is made, and kept where the folder can be held.
    Raises :class:`BenchError` where the run is not finished, is of another version of the suite, or the images are not
    those that it was made of.
    """
    values = read_json(folder.spec)
    spec = _spec(folder, values)
    if not (folder.weights.exists() and folder.training.exists()):
        raise BenchError(f"{folder.path} holds no trained network; run it to its end first")
    reader = reader_of(spec.dataset)
    dataset = reader.open(own_data(reader, spec.dataset, data), reporter)
    stores = [
        open_store(samples, spec.recipe.stored_size, cache / "images", reporter)
        for samples in (dataset.train, dataset.query, dataset.gallery)
    ]
    if dataset_fingerprint(*stores) != spec.fingerprint:
        raise BenchError(
            f"{folder.path.name} was made of other images than those found in {dataset.root}: give the run's own data "
            "with --data-root and --data"
        )
    context = RunContext.set_up(spec, registry.method(spec.method), Stores(*stores), folder, device, reporter)
    return replace(context, reading=True)


def _spec(folder: RunFolder, values: Mapping[str, Any]) -> RunSpec:
    """Read the spec of a run back. Raises :class:`BenchError` where it does not give the run's key."""
    stored = {name: value for name, value in values.items() if name not in ("schema", "key")}
    try:
        method = registry.method(stored["method"])
        # A run that is older than an option of its network was made with the option's default.
        stored["network"] = {**method.option_defaults, **stored["network"]}
        spec: RunSpec = replace(rebuilt(RunSpec, stored), option_defaults=method.option_defaults)
        key = str(values["key"])
    except (KeyError, TypeError) as problem:
        raise BenchError(f"{folder.spec} is no spec of this version of the suite ({problem}); run it again") from None
    if spec.key != key:
        raise BenchError(
            f"{folder.path.name} was made by another version of the suite: its key is {key[:8]}, and its spec now "
            f"gives {spec.key[:8]}; run it again"
        )
    return spec
