"""The dataset ``synthped``, rendered on first use and then read like Market-1501."""

from __future__ import annotations

from pathlib import Path

from bench.data.cache import default_cache
from bench.data.dataset import DatasetReader, DatasetRequest, ReidDataset
from bench.data.synthped.folder import finished
from bench.data.synthped.spec import RENDERER_VERSION, SIZES, SynthPedSpec, sized_spec
from bench.data.synthped.writer import make
from bench.errors import BenchError
from bench.progress import Reporter

DEFAULT_SIZE = "demo"


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise BenchError(f"synthped takes a whole number of 0 or more as its seed, found {text!r}")
    return int(text)


def _place(request: DatasetRequest) -> tuple[str, SynthPedSpec, Path]:
    """Size, spec and folder of the requested set."""
    size, seed = request.options.get("size", DEFAULT_SIZE), _seed(request.options.get("seed", "0"))
    root = default_cache() if request.root is None else request.root
    return size, sized_spec(size, seed), root / f"synthped-{size}-seed{seed}-v{RENDERER_VERSION}"


def is_rendered(request: DatasetRequest) -> bool:
    """Tell whether the requested set is there already."""
    _, spec, folder = _place(request)
    return finished(spec, folder)


def read_synthped(request: DatasetRequest, reporter: Reporter) -> ReidDataset:
    """Read the set of the requested size and seed, rendered first where it is not there.

    It is kept under ``request.root``, or else in the user's cache, in a folder named after size, seed and renderer.
    """
    from bench.data.market1501 import read_market1501_folder

    size, spec, folder = _place(request)
    seed = spec.seed
    if not finished(spec, folder):
        reporter.note(f"rendering synthped {size}, seed {seed}, into {folder} (once; synthped is a rendered set)")
        make(spec, folder, reporter)
    name = f"synthped-{size}" + (f"-seed{seed}" if seed else "")
    details: dict[str, str | int | float] = {"size": size, "seed": seed, "renderer_version": RENDERER_VERSION}
    return read_market1501_folder(folder, name, rendered=True, details=details)


SYNTHPED = DatasetReader(
    name="synthped",
    summary="rendered pedestrians (the default): no download, made from a seed; sizes " + ", ".join(SIZES),
    read=read_synthped,
    needs_root=False,
    ready=is_rendered,
    option_names=("size", "seed"),
)
"""The plug-in of the group ``bench.datasets``."""
