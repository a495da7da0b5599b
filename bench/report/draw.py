"""Draw figures in several processes: nearly all of a report's time goes into them, and each stands by itself.

Processes are started afresh, never forked from this one, which may run threads: what is drawn has to be picklable, and
a script that asks for more than one process has to be importable (``if __name__ == "__main__":``).
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.findings.sections import Section
from bench.report.kinds import Kind
from bench.report.leaving_out import leaving_out

MOST = 2
"""Each holds some 150 MB, beside the process that asks."""


@dataclass(frozen=True)
class Job:
    """One kind of figure, of all sections, of one, or of one of its setups; ``stem`` is the path of its files."""

    kind: Kind
    section: int | None
    setup: int | None
    stem: Path
    formats: Sequence[str]


@dataclass(frozen=True)
class Drawn:
    """A figure that was drawn: what is said of it, its SVG as text, and its files by format."""

    title: str
    caption: str
    description: str
    part: str
    origin: str
    svg: str
    files: dict[str, Path]


_SECTIONS: list[Section] = []
"""In a process that draws: what is drawn, handed over once and not with every job."""


def processes() -> int:
    """How many processes draw on this machine: one a core, up to a bound."""
    return min(getattr(os, "process_cpu_count", os.cpu_count)() or 1, MOST)


def draw(
    sections: Sequence[Section], jobs: Sequence[Job], workers: int = 1
) -> Iterator[tuple[int, list[Drawn], list[str]]]:
    """Give each job's index, figures and remarks, as soon as they are drawn; one worker is this process.

    A figure that cannot be drawn costs a remark. Raises OSError where none can be written, and BenchError where a
    process was ended from outside.
    """
    if workers < 2:
        for index, job in enumerate(jobs):
            yield index, *_fill(sections, job)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(list(sections),))
    try:
        jobs_by_future = {pool.submit(_fill_here, job): index for index, job in enumerate(jobs)}
        for future in as_completed(jobs_by_future):
            yield jobs_by_future[future], *future.result()
    except BrokenProcessPool as problem:
        raise BenchError(
            "a process that draws figures was ended from outside, perhaps for lack of memory; run the report again"
        ) from problem
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(sections: list[Section]) -> None:
    """Leave interrupts to the parent, end when it ends however that happens, and keep what is drawn."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _SECTIONS[:] = sections


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _fill_here(job: Job) -> tuple[list[Drawn], list[str]]:
    return _fill(_SECTIONS, job)


def _fill(sections: Sequence[Section], job: Job) -> tuple[list[Drawn], list[str]]:
    about: tuple[Any, ...] = (sections,)
    if job.section is not None:
        section = sections[job.section]
        about = (section,) if job.setup is None else (section, section.setups[job.setup])
    drawn: list[Drawn] = []
    remarks: list[str] = []
    with leaving_out(f"figure {job.kind.name}", remarks):
        for index, drawing in enumerate(job.kind(*about)):
            files = drawing.save(job.stem.with_name(f"{job.stem.name}-{index}"), job.formats)
            svg = files["svg"].read_text(encoding="utf-8") if "svg" in files else drawing.svg()
            facts = (drawing.title, drawing.caption, drawing.description, drawing.part, drawing.origin)
            drawn.append(Drawn(*facts, svg, files))
    return drawn, remarks
