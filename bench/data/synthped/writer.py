"""Rendering of a whole set: its parts in parallel processes; an interrupted run is resumed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from typing import Any, cast

import numpy as np

from bench.data.synthped.folder import finish, finished, making_folder, only_maker, parts_done, prepare
from bench.data.synthped.process import CANNOT_WRITE
from bench.data.synthped.shots import GALLERY, QUERY, TRAIN, count_images
from bench.data.synthped.spec import RENDERER_VERSION, SynthPedSpec
from bench.data.synthped.worker import planned
from bench.errors import BenchError
from bench.progress import SILENT, Reporter
from bench.threads import usable_cores

_WORTH_A_PROCESS = 300
"""Images for each process: with fewer, starting a process takes longer than it saves."""


def make(spec: SynthPedSpec, folder: Path, reporter: Reporter = SILENT, workers: int | None = None) -> Path:
    """Render a set into ``folder`` unless it is there already; gives the folder.

    Parts that an interrupted run has written are not rendered again. ``workers`` is the number of processes, by default
    one for each processor that this process may use; the files do not depend on it. Raises :class:`BenchError` where
    ``folder`` holds something else.
    """
    folder = Path(folder).absolute()
    if finished(spec, folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with only_maker(folder, reporter):
        # The process that held the lock before may have finished the set.
        if not finished(spec, folder):
            making = making_folder(spec, folder)
            prepare(making, (TRAIN, QUERY, GALLERY))
            _render_missing(spec, making, reporter, workers)
            finish(making, folder, _meta(spec))
    return folder


def _meta(spec: SynthPedSpec) -> dict[str, object]:
    """Content of the marker of a finished set."""
    parts = planned(spec)
    levels = Counter(
        shot.difficulty.name.lower() for part in parts for shot in part.shots if shot.path.startswith(QUERY)
    )
    return {
        "set": "synthped, rendered pedestrians",
        "renderer_version": RENDERER_VERSION,
        "spec": spec.as_json(),
        "images": count_images(parts),
        "queries_by_difficulty": dict(sorted(levels.items())),
    }


def _render_missing(spec: SynthPedSpec, making: Path, reporter: Reporter, workers: int | None) -> None:
    """Render the parts that are not written yet; progress is reported for all parts."""
    parts, done = planned(spec), parts_done(making)
    missing = [index for index, part in enumerate(parts) if part.name not in done]
    images = sum(len(part.shots) for part in parts)
    left = sum(len(parts[index].shots) for index in missing)
    if left < images:
        reporter.note(f"going on with {making.name}: {images - left} of {images} images are there")
    if workers is None:
        workers = min(usable_cores(), 1 + left // _WORTH_A_PROCESS)
    with reporter.task("render synthped", images, unit="images") as task:
        if left < images:
            task.advance(images - left)
        for count in _rendered(spec, making, missing, max(workers, 1)):
            task.advance(count)


def rendering_environment() -> dict[str, str]:
    """Environment variables of a rendering process: this import path, a single thread, NumPy's baseline code.

    NumPy has its sines, powers and exponentials several times, and picks what a processor has units for: with AVX-512
    their last bits are others, and with them some pixels. The baseline is there on every processor of a family.
    """
    faster = cast(dict[str, Any], np.show_config(mode="dicts"))["SIMD Extensions"].get("found", [])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "NPY_DISABLE_CPU_FEATURES": " ".join(faster),
    }
    # NumPy refuses to be imported with both.
    environment.pop("NPY_ENABLE_CPU_FEATURES", None)
    return environment


def _start_worker() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.data.synthped.process"]
    environment = rendering_environment()
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def _ask(process: subprocess.Popen[str], line: str) -> str:
    """Send a rendering process a line, and wait for its reply.

    Raises OSError where it could not write, :class:`BenchError` where it was ended.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
        reply = process.stdout.readline()
    except OSError:
        reply = ""
    if reply.startswith(CANNOT_WRITE):
        number, _, name = reply.removeprefix(CANNOT_WRITE).strip().partition(" ")
        raise OSError(int(number), os.strerror(int(number)), name)
    if not reply:
        raise BenchError(
            f"a rendering process was ended from outside (status {process.wait()}), perhaps for lack of memory; the "
            "same command goes on from the images that are written"
        )
    return reply


def _rendered(spec: SynthPedSpec, making: Path, missing: list[int], workers: int) -> Iterator[int]:
    """Render parts in processes of their own; yields the number of images of each part as it is done."""
    if not missing:
        return
    head = json.dumps({"spec": asdict(spec), "making": str(making)})
    processes = [_start_worker() for _ in range(min(workers, len(missing)))]
    idle: SimpleQueue[tuple[subprocess.Popen[str], bool]] = SimpleQueue()
    for process in processes:
        idle.put((process, False))

    def render(index: int) -> int:
        """Let an idle process render a part; runs in a thread, which waits for it."""
        process, started = idle.get()
        try:
            return int(_ask(process, str(index) if started else f"{head}\n{index}"))
        finally:
            # A process that has failed goes back too: the next thread then fails at once instead of waiting.
            idle.put((process, True))

    pool = ThreadPoolExecutor(len(processes))
    try:
        for future in as_completed([pool.submit(render, index) for index in missing]):
            yield future.result()
    finally:
        # No process outlives this call. When they have ended, the threads that wait for them end too.
        for process in processes:
            process.kill()
        pool.shutdown(cancel_futures=True)
        for process in processes:
            process.communicate()
