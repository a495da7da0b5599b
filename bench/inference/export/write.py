"""Write an export: graphs or weights, and the card that says what they are."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bench import __version__
from bench.cost.macs import exit_macs
from bench.data.augmentation import IMAGENET_MEAN, IMAGENET_STD
from bench.errors import BenchError, unknown_name
from bench.inference.export.card import (
    CARD,
    FORMAT_VERSION,
    CardExit,
    ModelCard,
    Preprocessing,
    file_sha256,
    read_card,
    verify_files,
    write_card,
)
from bench.inference.export.graphs import save_graphs, trace_steps
from bench.inference.export.trained import TrainedRun, build_network, weights_sha256
from bench.networks import MultiExitNetwork
from bench.progress import SILENT, Reporter
from bench.training.weights import load_weights, save_weights

Form = Literal["onnx", "safetensors"]
FORMS: tuple[Form, ...] = get_args(Form)
WEIGHTS, GRAPHS = "weights.safetensors", "step-*.onnx"
GRAPH_PRECISIONS = ("float32", "float16", "int8")
PACKAGES = ("torch", "onnx", "onnxscript", "onnxruntime")


@dataclass(frozen=True)
class CalibrationImages:
    """Images that fix the ranges of int8: normalised float32 (N, 3, H, W), and in words which they are."""

    images: NDArray[np.float32]
    what: str


def check_request(form: str, precision: str) -> None:
    """Refuse a form or a precision that cannot be written, before anything is read. Raises :class:`BenchError`."""
    if form not in FORMS:
        raise unknown_name("format of an export", form, FORMS)
    if precision == "bfloat16":
        raise BenchError(
            "no engine here runs graphs in bfloat16; openvino runs float32 graphs in it: export float32, and open them "
            "in bfloat16"
        )
    if precision not in GRAPH_PRECISIONS:
        raise unknown_name("precision of an export", precision, GRAPH_PRECISIONS)
    if form == "safetensors" and precision != "float32":
        raise BenchError(f"weights are exported as they were trained, in float32, not {precision}")


def check_replaceable(folder: Path) -> None:
    """Look whether an export may be written to a folder: what it takes the place of, or removes, must be of an export.

    Raises :class:`BenchError` where files of the same names are somebody else's, such as a run's own weights.
    """
    there = [path.name for path in (folder / CARD, folder / WEIGHTS, *sorted(folder.glob(GRAPHS))) if path.exists()]
    try:
        listed = {CARD, *(read_card(folder).files or ())} if there else set()
    except BenchError:
        listed = set()
    strange = [name for name in there if name not in listed]
    if strange:
        raise BenchError(
            f"{folder} holds {', '.join(strange)}, which no export there lists and which would be lost; choose another "
            "--out, or move them away"
        )


def write_export(
    run: TrainedRun,
    folder: Path,
    *,
    form: str = "onnx",
    precision: str = "float32",
    calibration: CalibrationImages | None = None,
    reporter: Reporter = SILENT,
) -> ModelCard:
    """Write a run's network to a folder as ``form``, in ``precision``, and give its card.

    ``calibration`` must be there for int8. An export that is in the folder already is replaced: its card goes first and
    the new one comes last, so that a folder with a card is whole. Raises :class:`BenchError` for what cannot be
    exported so.
    """
    check_request(form, precision)
    if precision == "int8" and (calibration is None or not len(calibration.images)):
        raise BenchError("int8 needs images that fix its ranges; name the run's data with --data or --data-root")
    card = _card(run, form, precision)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CARD).unlink(missing_ok=True)
        if form == "safetensors":
            save_weights(run.network, folder / WEIGHTS)
            names = [WEIGHTS]
        else:
            card = _write_graphs(run, folder, card, calibration, reporter)
            names = [exit_.file for exit_ in card.exits]
        for stale in (*folder.glob(GRAPHS), folder / WEIGHTS):
            if stale.name not in names:
                stale.unlink(missing_ok=True)
        card = replace(card, files={name: file_sha256(folder / name) for name in names})
        write_card(folder, card)
    except OSError as problem:
        raise BenchError(f"cannot write the export to {folder}: {problem.strerror}; choose another --out") from None
    return card


def obtain_export(
    run: TrainedRun,
    folder: Path,
    *,
    precision: str = "float32",
    calibration: Callable[[], CalibrationImages] | None = None,
    reporter: Reporter = SILENT,
) -> ModelCard:
    """Give the graphs of a run in a folder: as they are if they are whole and of these weights, else written now.

    ``calibration()`` gives the images for int8, where graphs have to be written. Raises :class:`BenchError` for what
    cannot be exported so.
    """
    found = find_export(run, folder, precision, reporter)
    if found is not None:
        return found
    images = calibration() if calibration is not None and precision == "int8" else None
    return write_export(run, folder, precision=precision, calibration=images, reporter=reporter)


def find_export(run: TrainedRun, folder: Path, precision: str, reporter: Reporter = SILENT) -> ModelCard | None:
    """Give the card of the graphs of a run in a folder if they are whole and of these weights, else None."""
    if not (folder / CARD).is_file():
        return None
    try:
        card = read_card(folder)
        found = (card.form, card.precision, card.weights_sha256, card.format_version)
        if found == ("onnx", precision, weights_sha256(run.network), FORMAT_VERSION):
            verify_files(folder, card)
            reporter.note(f"exported graphs found in {folder}")
            return card
    except BenchError as problem:
        reporter.note(str(problem))
    return None


def read_network(folder: Path) -> MultiExitNetwork:
    """Build the network of a ``safetensors`` export again, in evaluation mode.

    Raises :class:`BenchError` where the folder holds no such export, or one that is damaged.
    """
    card = read_card(folder)
    if card.form != "safetensors":
        raise BenchError(
            f"{folder} holds {card.form} graphs, from which no network is built: export with --format safetensors"
        )
    verify_files(folder, card)
    network = build_network(card.method, card.options, card.identities, card.preprocessing.size)
    load_weights(network, folder / WEIGHTS)
    return network


def _card(run: TrainedRun, form: str, precision: str) -> ModelCard:
    costs = exit_macs(run.network, run.input_size)
    exits = (
        CardExit(spec.name, spec.dim, spec.code, int(cost)) for spec, cost in zip(run.network.exits, costs, strict=True)
    )
    options: Mapping[str, Any] = run.spec["network"]
    return ModelCard(
        form=form,
        precision=precision,
        method=run.spec["method"],
        preset=run.spec["preset"],
        run=run.key,
        dataset=run.spec["dataset"],
        # A file of pretrained weights is not needed again, and its path is private.
        options={**options, **({"weights": "none"} if "weights" in options else {})},
        identities=run.identities,
        exits=tuple(exits),
        preprocessing=Preprocessing(run.stored_size, run.input_size, IMAGENET_MEAN, IMAGENET_STD),
        weights_sha256=weights_sha256(run.network),
        suite_version=__version__,
        packages={name: _installed(name) for name in PACKAGES},
    )


def _write_graphs(
    run: TrainedRun, folder: Path, card: ModelCard, calibration: CalibrationImages | None, reporter: Reporter
) -> ModelCard:
    half = card.precision == "float16"
    network = copy.deepcopy(run.network).half() if half else run.network
    steps = list(trace_steps(network, run.input_size, half=half, reporter=reporter))
    if calibration is not None and card.precision == "int8":
        from bench.inference.export.quantise import quantise_steps

        steps = quantise_steps(steps, calibration.images, reporter)
        card = replace(card, calibration=calibration.what)
    return save_graphs(folder, steps, card)


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
