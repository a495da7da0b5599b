"""Runs out of an archive, put beside those that are there: what is new is added, and nothing is replaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.digests import digest_of_file
from bench.errors import BenchError
from bench.files import read_json
from bench.runs.archive import BrokenArchive, Packed, read_archive
from bench.runs.file_checks import check_file
from bench.runs.folder import RunFolder
from bench.temporary import folder_in

TEMPORARY = ".merge-"
"""Begins the name of the folder that an archive is unpacked into, beside ``runs``."""
LAST = "training.json"
"""The file that says that a run is trained: it comes after what it vouches for."""


@dataclass(frozen=True)
class MergedRun:
    """One run of an archive: the files that were added, and those that differ, because of which none was."""

    folder: Path
    added: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()


def merge_archive(path: Path, results: Path) -> list[MergedRun]:
    """Put the runs of an archive under ``results``, run by run, each as a whole or not at all.

    A file that is there with the same content is left alone, so merging again changes nothing. Where one is there with
    other content, nothing of its run is added. The archive is checked to its end before anything is put into place.
    Raises BrokenArchive where it is damaged, and BenchError where it cannot be read, another process is at work on one
    of the runs, or ``results`` cannot be written.
    """
    try:
        results.mkdir(parents=True, exist_ok=True)
        with folder_in(results, TEMPORARY) as unpacked:
            packed = read_archive(path, unpacked)
            for one in packed:
                _check_form(path, unpacked / one.place)
            by_run: dict[str, list[Packed]] = {}
            for one in packed:
                by_run.setdefault(one.run, []).append(one)
            return [_merge_run(files, unpacked, results) for _, files in sorted(by_run.items())]
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise BenchError(f"cannot merge into {results}: {reason}; choose other --results") from problem


def _check_form(archive: Path, file: Path) -> None:
    try:
        check_file(file)
    except BenchError as problem:
        reason = str(problem).replace(f"{file}", file.name)
        place = f"{file.parent.name}/{file.name}"
        raise BrokenArchive(f"{archive}: {place} is not what this suite writes: {reason}") from None


def _merge_run(files: Sequence[Packed], unpacked: Path, results: Path) -> MergedRun:
    folder = RunFolder(results / files[0].run)
    new, same, conflicts = [], [], []
    with folder.alone():
        names = {Path(one.place).name for one in files}
        finished = all(file.exists() or file.name in names for file in (folder.weights, folder.training))
        for one in files:
            target = results / one.place
            if target == folder.checkpoint and finished:
                continue  # the state in the middle of a training that has ended since
            if not target.exists():
                new.append(one)
            elif _is_same(target, one, unpacked / one.place):
                same.append(target.name)
            else:
                conflicts.append(target.name)
        if not conflicts:
            for one in sorted(new, key=lambda one: (Path(one.place).name == LAST, Path(one.place).name)):
                (unpacked / one.place).replace(results / one.place)
            if finished:
                folder.checkpoint.unlink(missing_ok=True)
        added = () if conflicts else tuple(Path(one.place).name for one in new)
    return MergedRun(folder.path, added, tuple(same), tuple(conflicts))


def _is_same(kept: Path, one: Packed, unpacked: Path) -> bool:
    """Whether a file is there already. Specs of one key are the same, wherever the files lie that they name."""
    if kept.name == "spec.json":
        return read_json(kept).get("key") == read_json(unpacked).get("key")
    return kept.stat().st_size == one.bytes and digest_of_file(kept) == one.xxh3_128
