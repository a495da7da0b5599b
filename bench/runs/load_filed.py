"""Read the runs of a lab, whose records are too many for memory, into files, in several processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bench.child_process import helpers
from bench.runs.finished import Results, Run
from bench.runs.frames import Frames, NumbersFile
from bench.runs.load import none_usable, paths_of_runs, read_runs, results_of, tables_of_run, uncollected

FEW = 24
"""Fewer runs are read sooner than another process has loaded what reads them."""


@dataclass(frozen=True)
class _Share:
    """What one process has read: runs, the numbers of all of their tables in one file, and remarks."""

    file: NumbersFile
    runs: list[Run]
    remarks: list[str]


@contextmanager
def load_filed(results: Path, folder: Path, workers: int = 1) -> Iterator[Results]:
    """Read the runs under ``results`` as :func:`bench.runs.load.load` does; their records lie in ``folder`` meanwhile.

    So many ``workers`` read, each a part of the runs into a file of its own; this process is one of them, and by itself
    where there are few. Raises BenchError where there are no records, or none that can be used, and where a process was
    ended from outside; OSError where ``folder`` cannot be written.
    """
    remarks: list[str] = []
    found = paths_of_runs(results, remarks)
    count = workers if len(found) >= FEW else 1
    parts = [dict(islice(found.items(), number, None, count)) for number in range(count)]
    with ExitStack() as opened:
        with helpers(count - 1, "reads records") as pool:
            others = [
                pool.submit(_read, results, part, folder / f"records-{number}")
                for number, part in enumerate(parts[1:], start=1)
            ]
            shares = [_read(results, parts[0], folder / "records-0"), *(other.result() for other in others)]
        for share in shares:
            opened.enter_context(closing(share.file))
        runs = sorted((run for share in shares for run in share.runs), key=lambda run: run.identity)
        remarks += [remark for share in shares for remark in share.remarks]
        if not runs:
            raise none_usable(results, remarks)
        yield results_of(results, runs, remarks)


def _read(results: Path, found: Mapping[str, Sequence[Path]], path: Path) -> _Share:
    share = _Share(NumbersFile(path), [], [])
    for run in uncollected(read_runs(results, found, share.remarks)):
        share.runs.append(run.in_frames(Frames(tables_of_run(run), share.file)))
    return share
