"""A backend by its name, opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench import registry
from bench.errors import BenchError
from bench.inference.backends.backend import PRECISIONS, Backend, BackendKind, needed

if TYPE_CHECKING:
    from bench.networks import MultiExitNetwork


def open_backend(
    name: str,
    model: MultiExitNetwork | Path,
    *,
    precision: str | None = None,
    threads: int | None = None,
    device: str = "auto",
) -> Backend:
    """Open a backend by name on a network, or on the folder of an export.

    ``precision`` of None is float32 for a network, and what an export was written in for its graphs. ``threads`` of
    None leaves the engine's own choice. ``device`` is ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises :class:`BenchError` where the name is unknown, its packages are not installed, or it cannot run the model so.
    """
    kind: BackendKind = registry.backend(name)
    if precision is not None and precision not in PRECISIONS:
        raise BenchError(f"precision is one of {', '.join(PRECISIONS)}, not {precision!r}")
    if threads is not None and threads < 1:
        raise BenchError(f"a backend runs on 1 thread or more, not {threads}")
    for package in kind.packages:
        needed(package, kind.extra, f"backend {name}")
    return kind.open(model, precision=precision, threads=threads, device=device)
