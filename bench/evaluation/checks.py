"""From the arrays of a file to embeddings that can be scored: every part checked, one clear error each.

Names of arrays: ``query.0``, ``query.1``, … are the queries' codes at the exits, ``query.pids`` and ``query.camids``
their labels; so for ``gallery`` and, where identities were held out, ``calibration_query`` and
``calibration_gallery``. With ``.clothes`` of a part, images of the query's identity in the query's clothes are junk;
``gallery.draws`` says which images are in which of several drawn galleries. ``costs`` are the exits'. ``.features`` and
``.entropy`` of a part, and ``training.…``, are read by some policies. All but codes, labels and costs may be left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.budget.policy import TrainingStatistics
from bench.errors import BenchError
from bench.evaluation.codes import CodedExit, coded_exits, ready_codes
from bench.evaluation.described import check_about, cost_of
from bench.evaluation.embeddings import EmbeddedImages, Embeddings, hash_arrays
from bench.evaluation.toolkits import from_toolkit, toolkit_of
from bench.retrieval.codes import half_precision
from bench.retrieval.labels import label_pair, search_labels
from bench.retrieval.table import FloatArray
from bench.spec import canonical_json

PARTS = ("query", "gallery", "calibration_query", "calibration_gallery")
CALIBRATION = PARTS[2:]
OF_A_PART = ("pids", "camids", "clothes", "draws", "features", "entropy")
TRAINING = ("training.retrieval_history", "training.features", "training.neighbours")

Arrays = Mapping[str, NDArray[Any]]


def checked(arrays: Arrays, about: Mapping[str, Any]) -> Embeddings:
    """Check what a file holds, or a dump of a toolkit.

    Raises BenchError for the first thing that is not as it should be.
    """
    if toolkit_of(arrays):
        arrays, about = from_toolkit(dict(arrays), about)
    _check_names(arrays)
    check_about(about)
    exits = _count_exits(arrays)
    costs = _costs(arrays, exits)
    searches = about["cost"].get("search", [0] * exits)
    if len(searches) != exits:
        raise BenchError(f"about.cost.search has one number for each of {exits} exits; found {len(searches)}")
    held_out = [part for part in CALIBRATION if f"{part}.0" in arrays]
    if len(held_out) == 1:
        raise BenchError(f"{held_out[0]}.0 is there, and its counterpart is not: calibration has queries and a gallery")
    coded = coded_exits(arrays, about.get("exits"), exits)
    query, gallery, *others = (_images(arrays, part, coded) for part in (*PARTS[:2], *held_out))
    _check_findable(query, gallery, "")
    calibration = (others[0], others[1]) if others else None
    if calibration:
        _check_findable(*calibration, "calibration: ")
    training = _training(arrays)
    _check_features([query, gallery, *others], training)
    return Embeddings(
        exits=tuple(exit_.spec for exit_ in coded),
        query=query,
        gallery=gallery,
        costs=costs,
        cost=cost_of(about),
        about=about,
        content=hash_arrays(arrays.items(), canonical_json(about)),
        calibration=calibration,
        training=training,
    )


def _check_names(arrays: Arrays) -> None:
    """Refuse arrays of unknown names: a misspelt name must not pass for an array that is left out."""
    for name in arrays:
        part, _, what = name.rpartition(".")
        known = name in ("costs", *TRAINING) or (part in PARTS and (what in OF_A_PART or what.isdecimal()))
        if not known:
            raise BenchError(
                f"unknown array {name!r}; expected costs, {', '.join(f'{one}.0' for one in PARTS)}, the same with the "
                f"other exits' numbers or with .{', .'.join(OF_A_PART)}, and {', '.join(TRAINING)}"
            )


def _count_exits(arrays: Arrays) -> int:
    """Count the exits, which every part has from 0 on without a gap."""
    counts = {}
    for part in PARTS:
        numbers = sorted(
            int(what) for name in arrays for one, _, what in [name.rpartition(".")] if one == part and what.isdecimal()
        )
        if numbers != list(range(len(numbers))):
            missing = next(number for number in range(len(numbers)) if number not in numbers)
            raise BenchError(f"exits are numbered from 0 without a gap; {part}.{missing} is missing")
        counts[part] = len(numbers)
    for part, count in counts.items():
        if count != counts["query"] and (count or part not in CALIBRATION):
            raise BenchError(f"expected {part} at as many exits as query, {counts['query']}; found {count}")
    if not counts["query"]:
        raise BenchError("expected embeddings of at least one exit, query.0 and gallery.0; found none")
    return counts["query"]


def _costs(arrays: Arrays, exits: int) -> FloatArray:
    """Read the costs (S,), which are positive and rise from exit to exit."""
    if "costs" not in arrays:
        raise BenchError("costs is missing: what a query has paid that leaves at each exit, one number an exit")
    costs = arrays["costs"]
    if costs.shape != (exits,) or costs.dtype.kind not in "iuf":
        raise BenchError(f"costs are one number for each of {exits} exits; found {costs.dtype} {costs.shape}")
    values = costs.astype(np.float64)
    wrong = ~(np.diff(values, prepend=0.0) > 0) | ~np.isfinite(values)
    if wrong.any():
        raise BenchError(
            f"costs are positive and rise from exit to exit, each with all that was spent before; found "
            f"{', '.join(f'{value:.6g}' for value in values)}"
        )
    return values


def _images(arrays: Arrays, part: str, coded: tuple[CodedExit, ...]) -> EmbeddedImages:
    missing = [name for name in (f"{part}.pids", f"{part}.camids") if name not in arrays]
    if missing:
        raise BenchError(f"{missing[0]} is missing: identities and cameras are whole numbers, one of each an image")
    pids, camids = label_pair(arrays[f"{part}.pids"], arrays[f"{part}.camids"], part)
    if f"{part}.clothes" in arrays:
        camids = np.stack([camids, label_pair(pids, arrays[f"{part}.clothes"], f"{part}.clothes")[1]], axis=1)
    draws = arrays.get(f"{part}.draws", np.zeros((len(pids), 0), dtype=bool))
    if (
        draws.dtype != np.bool_
        or draws.shape[:1] != pids.shape
        or draws.ndim != 2
        or (draws.size and part != "gallery")
    ):
        raise BenchError(
            f"draws say which images are in each drawn gallery, booleans ({len(pids)}, galleries), of the gallery "
            f"alone; found {part}.draws, {draws.dtype} {draws.shape}"
        )
    codes = tuple(
        ready_codes(arrays[f"{part}.{index}"], exit_, f"{part}.{index}", len(pids)) for index, exit_ in enumerate(coded)
    )
    features, entropy = arrays.get(f"{part}.features"), arrays.get(f"{part}.entropy")
    if features is not None:
        features = half_precision(_floats(f"{part}.features", features, (len(pids), None)))
    if entropy is not None:
        entropy = _floats(f"{part}.entropy", entropy, (len(pids), len(coded))).astype(np.float64)
    return EmbeddedImages(codes, pids, camids, draws, features, entropy)


def _check_findable(query: EmbeddedImages, gallery: EmbeddedImages, which: str) -> None:
    """Refuse queries none of which has a match, and clothes of queries or of the gallery alone."""
    if query.camids.ndim != gallery.camids.ndim:
        raise BenchError(f"{which}clothes are given for both query and gallery, or for neither")
    try:
        search_labels(query.pids, gallery.pids, query.camids, gallery.camids)
    except BenchError as problem:
        raise BenchError(f"{which}{problem}") from problem


def _training(arrays: Arrays) -> TrainingStatistics | None:
    found = [arrays[name] for name in TRAINING if name in arrays]
    if not found:
        return None
    if len(found) < len(TRAINING):
        missing = next(name for name in TRAINING if name not in arrays)
        raise BenchError(f"{missing} is missing: policies that learn from training need {', '.join(TRAINING)}")
    history, features, neighbours = found
    images = history.shape[1] if history.ndim == 2 else -1
    if history.dtype.kind not in "iu" or images < 0 or not np.isin(history, (-1, 0, 1)).all():
        raise BenchError(
            f"{TRAINING[0]} holds -1, 0 and 1, measurements × images; found {history.dtype} {history.shape}"
        )
    features = half_precision(_floats(TRAINING[1], features, (images, None)))
    if neighbours.dtype.kind not in "iu" or neighbours.ndim != 2 or len(neighbours) != images:
        raise BenchError(
            f"{TRAINING[2]} are indices of training images, ({images}, k); found {neighbours.dtype} {neighbours.shape}"
        )
    if len(neighbours) and (neighbours.min() < -1 or neighbours.max() >= images):
        raise BenchError(f"{TRAINING[2]} are from -1 (none) to {images - 1}; found others")
    return TrainingStatistics(history.astype(np.int8), features, neighbours.astype(np.int64))


def _check_features(parts: list[EmbeddedImages], training: TrainingStatistics | None) -> None:
    """Refuse features that only some parts have, or of unequal lengths."""
    widths = [None if part.features is None else part.features.shape[1] for part in parts]
    if training is not None:
        widths.append(training.features.shape[1])
    if len(set(widths)) > 1:
        raise BenchError(
            f"features are given for all of query, gallery, calibration and training or for none, all of one length; "
            f"found lengths {', '.join('none' if width is None else str(width) for width in widths)}"
        )


def _floats(name: str, values: NDArray[Any], shape: tuple[int, int | None]) -> NDArray[Any]:
    """Check finite floats of a shape, whose second number may be any."""
    fits = values.ndim == 2 and len(values) == shape[0] and shape[1] in (None, values.shape[1])
    if not fits or values.dtype.kind != "f":
        expected = f"({shape[0]}, {shape[1] or 'any'})"
        raise BenchError(f"{name} are floats {expected}; found {values.dtype} {values.shape}")
    if not np.isfinite(values).all():
        raise BenchError(f"{name} must be finite; found NaN or infinity")
    return values
