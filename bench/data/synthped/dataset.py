"""The dataset ``synthped``: rendered on first use, then read as a set in Market-1501's layout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from bench.data.cache import default_cache
from bench.data.dataset import DatasetReader, DatasetRequest, ReidDataset
from bench.data.synthped.folder import check_content, finished
from bench.data.synthped.spec import RENDERER_VERSION, SIZES, SynthPedSpec, sized_spec
from bench.errors import BenchError
from bench.progress import Reporter

DEFAULT_SIZE = "demo"
NUMBERS = ("height", "train_identities", "test_identities", "distractors", "junk")
"""Options that change a size: fields of :class:`SynthPedSpec`. Images are half as wide as high."""


def _whole_number(name: str, text: str) -> int:
    if not text.isdecimal():
        raise BenchError(f"synthped takes a whole number of 0 or more as its {name}, found {text!r}")
    return int(text)


def _locate(request: DatasetRequest) -> tuple[str, SynthPedSpec, Path]:
    """Name, spec and folder of the requested set; names list the options that differ from the plain size."""
    size = request.options.get("size", DEFAULT_SIZE)
    numbers: dict[str, Any] = {
        name: _whole_number(name, text) for name, text in request.options.items() if name != "size"
    }
    seed = numbers.pop("seed", 0)
    name = f"synthped-{size}" + "".join(f"-{option}{numbers[option]}" for option in sorted(numbers))
    if "height" in numbers:
        numbers["width"] = numbers["height"] // 2
    spec = replace(sized_spec(size, seed), **numbers)
    root = default_cache() if request.root is None else request.root
    return name + (f"-seed{seed}" if seed else ""), spec, root / f"{name}-seed{seed}-v{RENDERER_VERSION}"


def options_of(name: str) -> dict[str, str]:
    """Read the options back from the name of a set: ``synthped-smoke-height128-seed1``."""
    size, *numbers = name.split("-")[1:] or [DEFAULT_SIZE]
    return {"size": size, **{part.rstrip("0123456789"): part.lstrip(ascii_lowercase + "_") for part in numbers}}


def is_rendered(request: DatasetRequest) -> bool:
    """Whether the requested set is rendered already."""
    _, spec, folder = _locate(request)
    return finished(spec, folder)


def read_synthped(request: DatasetRequest, reporter: Reporter) -> ReidDataset:
    """Read the set of the requested size and seed; it is rendered first where it is missing.

    It is kept under ``request.root``, by default the user's cache; the folder's name has size, seed and version.
    Raises :class:`BenchError` for wrong options, where the folder holds something else, be it one image, and where the
    set cannot be written.
    """
    # Imported here so that listing datasets does not wait for it.
    from bench.data.market1501 import read_market1501_folder

    name, spec, folder = _locate(request)
    if finished(spec, folder):
        check_content(folder)
    else:
        reporter.note(f"rendering {name} into {folder} (once; synthped is a rendered set)")
        # Imported here so that reading a set does not wait for the renderer.
        from bench.data.synthped.writer import make

        try:
            make(spec, folder, reporter)
        except OSError as problem:
            raise BenchError(
                f"{folder}: cannot write the rendered set ({problem.strerror or problem}); free some space in the "
                "cache, and the same command goes on, or name another --cache"
            ) from problem
    details: dict[str, str | int | float] = {"seed": spec.seed, "renderer_version": RENDERER_VERSION}
    return read_market1501_folder(folder, name, rendered=True, details=details)


SYNTHPED = DatasetReader(
    name="synthped",
    summary="rendered pedestrians (the default): no download, made from a seed; sizes " + ", ".join(SIZES),
    read=read_synthped,
    needs_root=False,
    ready=is_rendered,
    option_names=("size", "seed", *NUMBERS),
    options_of=options_of,
)
"""The plug-in of the group ``bench.datasets``."""
