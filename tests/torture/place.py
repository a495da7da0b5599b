"""Where commands are tortured: a results folder and a cache that are put back as they were before every case."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from bench.temporary import BESIDE

STALE = ("*.new", ".*.making", ".report-*", "*.partial")
"""Other names of what a command leaves where it is killed."""


@dataclass(frozen=True)
class Place:
    """Folders of one case. They always lie at the same path: decoded images are kept under the paths of their files."""

    scratch: Path

    @property
    def root(self) -> Path:
        """All that a command reads and writes."""
        return self.scratch / "work"

    @property
    def results(self) -> Path:
        """The results folder."""
        return self.root / "results"

    @property
    def cache(self) -> Path:
        """The cache."""
        return self.root / "cache"

    @property
    def said(self) -> Path:
        """What commands printed."""
        return self.scratch / "said"

    def keep(self, state: str) -> None:
        """Keep what is there now under a name."""
        shutil.copytree(self.root, self.scratch / state, symlinks=True)

    def restore(self, state: str) -> None:
        """Put back what was kept under a name."""
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.scratch / state, self.root, symlinks=True)

    def run_folder(self) -> Path:
        """The folder of the one run."""
        (folder,) = (path for path in self.results.glob("runs/*/*") if path.is_dir())
        return folder

    def stale(self) -> list[Path]:
        """Temporary files and folders that no process works on any more."""
        there = [path for path in self.root.rglob(".*") if BESIDE.fullmatch(path.name)]
        return there + [path for name in STALE for path in self.root.rglob(name)]
