"""A search from a request to a genotype file: found where it is there, gone on with where it was begun."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench import registry
from bench.architecture.kept import FILE, GENOTYPE, read_architecture
from bench.data.dataset import ImageSample
from bench.data.images import ImageStore, dataset_fingerprint, open_store
from bench.data.split import hold_out, relabel
from bench.digests import DamagedFile
from bench.errors import BenchError, unknown_name
from bench.files import SCHEMA_VERSION, write_json, write_text
from bench.methods import ArchitectureSearch, Method
from bench.precision import resolve_precision
from bench.progress import SILENT, Reporter
from bench.retrieval.labels import cameras, labels_of
from bench.running.keep import find, saving
from bench.running.request import RunRequest
from bench.runs.folder import RunFolder
from bench.settings import override
from bench.spec import digest
from bench.training.recipe import Recipe

SEARCH_VERSION = 1
"""Raised when a change to the code changes what a search arrives at."""
SPLIT_STREAM = 4
"""Separates the random numbers of the halves from others of the same seed."""


@dataclass(frozen=True)
class Resolved:
    """What a request asks for: the method, its search, the options of the network and the recipe."""

    method: Method
    search: ArchitectureSearch
    options: Mapping[str, Any]
    recipe: Recipe


@dataclass(frozen=True)
class FoundArchitecture:
    """A search that has ended: its values (plain), and the files that hold them and the genotype."""

    values: Mapping[str, Any]
    file: Path
    genotype: Path


def resolve(request: RunRequest) -> Resolved:
    """Look up what is asked for. Raises :class:`BenchError` for a method without candidates, or a setting of none."""
    method = registry.method(request.method)
    if method.architecture is None:
        having = [name for name in registry.names("method") if registry.method(name).architecture is not None]
        raise BenchError(f"method {request.method} has no architecture to search for; these have: {', '.join(having)}")
    presets = method.architecture.presets
    if request.preset not in presets:
        raise unknown_name(f"preset of the search of {request.method}", request.preset, sorted(presets))
    preset = presets[request.preset]
    options, recipe = override(preset.network, preset.recipe, request.settings, method.option_ranges)
    if recipe.keep != "last":
        raise BenchError(f"keep={recipe.keep} chooses among weights, and a search keeps none of them: leave it out")
    return Resolved(method, method.architecture, options, recipe)


def find_architecture(request: RunRequest, reporter: Reporter = SILENT) -> FoundArchitecture:
    """Search for what is asked for, or find it; writes ``architecture/<dataset>/<name>/``.

    Of a run request, method, preset, settings, data, seed, held-out share, device and places count. The held-out
    identities are those of a run of the same seed: no search sees them. Raises :class:`BenchError` as
    :func:`resolve` and :func:`bench.architecture.search.search` do, or where nothing can be written.
    """
    wanted = resolve(request)
    dataset = registry.dataset(request.dataset).open(request.data, reporter)
    store = open_store(dataset.train, wanted.recipe.stored_size, request.cache / "images", reporter)
    spec = {
        "dataset": dataset.name,
        "rendered": dataset.rendered,
        "fingerprint": dataset_fingerprint(store),
        "method": request.method,
        "preset": request.preset,
        "network": dict(wanted.options),
        "recipe": asdict(wanted.recipe),
        "seed": request.seed,
        "calibration_share": request.calibration_share,
        "precision": resolve_precision(request.precision, request.device),
        "search_version": SEARCH_VERSION,
    }
    key = digest(spec)
    name = f"{request.method}-{request.preset}-seed{request.seed}-{key[:8]}"
    folder = RunFolder(request.results / "architecture" / dataset.name / name)
    file, genotype = folder.path / FILE, folder.path / GENOTYPE
    with folder.alone():
        if request.fresh:
            folder.clear()
        values = find(file, lambda path: _own(path, key), reporter, found=f"search found in {folder.path}")
        if values is None:
            values = {
                "schema": SCHEMA_VERSION,
                "key": key,
                **spec,
                **_run(request, wanted, store, folder, key, reporter),
            }
            with saving(file):
                write_json(file, values)
            values = _own(file, key)
            folder.checkpoint.unlink(missing_ok=True)
        with saving(genotype):
            write_text(genotype, str(values["genotype"]))
    return FoundArchitecture(values, file, genotype)


def _own(path: Path, key: str) -> dict[str, Any]:
    values = read_architecture(path)
    if values["key"] != key:
        raise DamagedFile(f"{path} is of the search {str(values['key'])[:8]}, not of {key[:8]}")
    return values


def _run(
    request: RunRequest, wanted: Resolved, store: ImageStore, folder: RunFolder, key: str, reporter: Reporter
) -> dict[str, Any]:
    # Here, not at the top: what is found needs no torch.
    import torch

    from bench import provenance
    from bench.architecture.search import Halves, search
    from bench.device import DeviceImages, device_name, open_device, precision_name
    from bench.training.retrieval_history import TrainingImages

    fabric = open_device(request.device, request.precision)
    samples, _, _ = hold_out(store.samples, request.calibration_share, request.seed)
    labels, images = relabel(samples), DeviceImages(store, fabric, wanted.recipe.input_size)
    pids, camids = labels_of(samples)
    indices = store.indices(samples)
    halves = [
        TrainingImages(images, indices[rows], pids[rows], cameras(camids)[rows], labels[rows])
        for rows in halves_of(samples, request.seed)
    ]
    torch.manual_seed(request.seed)
    network = wanted.search.build(wanted.options, int(labels.max()) + 1, wanted.recipe.input_size)
    history = search(
        network,
        lambda outputs, labels: wanted.search.loss(outputs, labels, wanted.options),
        Halves(*halves),
        wanted.recipe,
        rate=float(wanted.options["architecture_rate"]),
        decay=float(wanted.options["architecture_decay"]),
        seed=request.seed,
        key=key,
        checkpoint=folder.checkpoint,
        fabric=fabric,
        reporter=reporter,
    )
    return {
        "option": wanted.search.option,
        "genotype": network.genotype(),
        "candidates": list(network.candidates),
        "probabilities": network.probabilities(),
        "history": history,
        "images": [len(half.labels) for half in halves],
        "provenance": provenance.collect(
            device=device_name(fabric),
            precision=precision_name(fabric),
            threads=torch.get_num_threads(),
            versions={"search": SEARCH_VERSION},
        ),
    }


def halves_of(samples: tuple[ImageSample, ...], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut images in two halves (rows of each), identity by identity: of an odd number, training has one more."""
    labels = relabel(samples)
    generator = np.random.default_rng((SPLIT_STREAM, seed))
    training, validation = [], []
    for label in range(int(labels.max()) + 1):
        rows = generator.permutation(np.flatnonzero(labels == label))
        training.append(rows[: -(-len(rows) // 2)])
        validation.append(rows[-(-len(rows) // 2) :])
    return np.sort(np.concatenate(training)), np.sort(np.concatenate(validation))
