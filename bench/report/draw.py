"""Draw figures in several processes: most of a report's time goes into them, and each stands by itself.

This process is one of them; what the others draw has to be picklable.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from bench.child_process import helpers
from bench.findings.sections import Section
from bench.report.kinds import Kind, leaving_out

MOST = 2
"""Each holds some 150 MB, and the one that asks has the tables as well."""

FEW = 8
"""Fewer figures are drawn sooner than another process has loaded what draws them."""


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


_Filled: TypeAlias = tuple[list[Drawn], list[str]]
"""Figures of a job, and remarks."""
_SECTIONS: list[Section] = []
"""In a process that helps: what is drawn, handed over once and not with every job."""


def processes() -> int:
    """How many processes draw on this machine: one a core, up to a bound."""
    return min(getattr(os, "process_cpu_count", os.cpu_count)() or 1, MOST)


@contextmanager
def drawing_jobs(
    sections: Sequence[Section], jobs: Sequence[Job], workers: int = 1
) -> Iterator[Iterator[tuple[int, list[Drawn], list[str]]]]:
    """Begin to draw in all processes but this one, which goes on with something else and draws what is left then.

    Gives an iterator of each job's index, figures and remarks, as they are drawn; one worker is this process alone,
    which draws a few figures by itself in any case.
    A figure that cannot be drawn costs a remark. Raises OSError where none can be written, and BenchError where a
    process was ended from outside.
    """
    if workers < 2 or len(jobs) < FEW:
        yield ((index, *_fill(sections, job)) for index, job in enumerate(jobs))
        return
    with helpers(workers - 1, "draws figures", _begin, list(sections)) as pool:
        futures = {pool.submit(_fill_here, job): index for index, job in enumerate(jobs)}
        yield _drawn(sections, jobs, futures)


def _drawn(
    sections: Sequence[Section], jobs: Sequence[Job], futures: dict[Future[_Filled], int]
) -> Iterator[tuple[int, list[Drawn], list[str]]]:
    """Draw from the last job on what no other process has begun, and give what these have done in between."""
    for future, index in reversed(list(futures.items())):
        if future.cancel():
            del futures[future]
            yield index, *_fill(sections, jobs[index])
        for done in [one for one in futures if one.done()]:
            yield futures.pop(done), *done.result()
    for future in as_completed(futures):
        yield futures[future], *future.result()


def _begin(sections: list[Section]) -> None:
    """Keep what is drawn."""
    _SECTIONS[:] = sections
    gc.freeze()  # they stay to the end: the cyclic collector need not look through them with every figure


def _fill_here(job: Job) -> _Filled:
    return _fill(_SECTIONS, job)


def _fill(sections: Sequence[Section], job: Job) -> _Filled:
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
