"""Runs between a results folder and workers that cannot reach it: packed, sent, and merged."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from bench.errors import BenchError
from bench.files import read_json
from bench.precision import PRECISIONS
from bench.progress import Reporter
from bench.running.request import RunRequest
from bench.running.workers.events import Outcome
from bench.running.workers.work import do_run
from bench.runs.archive import pack_runs
from bench.runs.finding import every_run
from bench.runs.folder import RunFolder
from bench.runs.merging import merge_archive

ARCHIVE = "carried.tar"


def packed(request: RunRequest) -> bytes:
    """Pack what a results folder has of a run, to go on from elsewhere; nothing where it has nothing."""
    return _bytes_of([folder for folder in _kept_of(request) if folder.begun])


def _kept_of(request: RunRequest) -> list[RunFolder]:
    """Find the folders of a run: by what is asked for and the content of the data that each names."""
    found = []
    for folder in every_run(request.results) if (request.results / "runs").is_dir() else ():
        with suppress(BenchError, KeyError, OSError):
            kept = read_json(folder.spec)
            keys = {
                replace(request, precision=precision).spec(kept["dataset"], kept["fingerprint"]).key
                for precision in (PRECISIONS if request.precision == "auto" else (request.precision,))
            }
            if kept["key"] in keys:
                found.append(folder)
    return found


def _bytes_of(folders: list[RunFolder]) -> bytes:
    if not folders:
        return b""
    with tempfile.TemporaryDirectory() as place:
        archive = Path(place) / ARCHIVE
        pack_runs(folders, archive)
        return archive.read_bytes()


def do_carried(request: RunRequest, begun: bytes, reporter: Reporter, where: str, seconds: float) -> Outcome:
    """Do a run in a folder of its own, from what was sent along, and give all of it in the outcome."""
    with tempfile.TemporaryDirectory() as place:
        results = Path(place) / "results"
        if begun:
            archive = Path(place) / ARCHIVE
            archive.write_bytes(begun)
            merge_archive(archive, results)
        outcome = do_run(replace(request, results=results), reporter, where, seconds)
        folders = every_run(results) if (results / "runs").is_dir() else []
        return replace(outcome, archive=_bytes_of([folder for folder in folders if folder.begun]))


def put_back(request: RunRequest, outcome: Outcome) -> Outcome:
    """Put what came with an outcome into the results folder.

    A checkpoint gives way to the later one. A run that is there with another content is left alone, and the outcome
    then says so.
    """
    with tempfile.TemporaryDirectory() as place:
        archive = Path(place) / ARCHIVE
        archive.write_bytes(outcome.archive)
        if outcome.stopped:
            for folder in _kept_of(request):
                with folder.alone():
                    folder.checkpoint.unlink(missing_ok=True)
        try:
            conflicts = [name for run in merge_archive(archive, request.results) for name in run.conflicts]
        except BenchError as problem:
            return replace(outcome, archive=b"", failed=str(problem))
    if conflicts:
        told = f"it is in {request.results} with another content, and was left as it is: {', '.join(conflicts)} differ"
        return replace(outcome, archive=b"", failed=told)
    return replace(outcome, archive=b"")
