"""Measurements that lie beside the runs of a results folder: one kind of them, found, checked and read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import WRONG_FORM, BenchError
from bench.files import read_json


@dataclass(frozen=True)
class MeasurementKind:
    """One kind of measurement: ``what`` ends "is no …", ``places`` are patterns under a results folder.

    ``check`` raises BenchError, or what reading another form ends in, where a file is not what was written in that
    place. It may give the record the names of today.
    """

    what: str
    places: tuple[str, ...]
    check: Callable[[Path, dict[str, Any]], None]

    def paths(self, results: Path) -> list[Path]:
        """Find the files, by name."""
        return sorted(path for place in self.places for path in results.glob(place))

    def read(self, results: Path) -> tuple[list[tuple[Path, dict[str, Any]]], list[str]]:
        """Read all files, each with its path, and remarks on those that cannot be used."""
        found: list[tuple[Path, dict[str, Any]]] = []
        remarks: list[str] = []
        for path in self.paths(results):
            name = path.relative_to(results).as_posix()
            try:
                record = read_json(path)
                self.check(path, record)
            except BenchError as problem:
                remarks.append(f"left out: {str(problem).replace(str(path), name)}")
            except WRONG_FORM as problem:
                remarks.append(f"left out: {name} is no {self.what} ({type(problem).__name__}: {problem})")
            else:
                found.append((path, record))
        return found, remarks

    def records(self, results: Path) -> tuple[list[dict[str, Any]], list[str]]:
        """Read all files, without their paths; and remarks."""
        found, remarks = self.read(results)
        return [record for _, record in found], remarks

    def by_folder(self, results: Path) -> tuple[list[tuple[str, dict[str, Any]]], list[str]]:
        """Read all files, each with the name of its folder; and remarks."""
        found, remarks = self.read(results)
        return [(path.parent.name, record) for path, record in found], remarks
