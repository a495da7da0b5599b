"""Temporary files that were not renamed: of processes at work, or left by those that were killed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

from bench.integrity.checks import Finding

ABANDONED_SECONDS = 3600
"""A temporary file that is older was left by a process that was killed."""
TEMPORARY = re.compile(r"\..+(\.\w+)\.[a-z0-9_]{8}\1|\.(?:report|merge)-[a-z0-9_]{8}|\..+\.npy\.[0-9a-f]{32}\.partial")
"""Names of files and folders that are renamed, or vanish, when the process that writes them ends well."""


def unfinished_files(folder: Path) -> Iterator[Finding]:
    """Find temporary files that were not renamed; those of an hour or more can go."""
    for path in sorted(folder.rglob(".*")):
        if not TEMPORARY.fullmatch(path.name):
            continue
        try:
            old = is_abandoned(path)
        except OSError:  # its process has renamed or removed it
            continue
        yield Finding(
            path,
            "temporary file of a process that was killed" if old else "temporary file, perhaps of a process at work",
            "remove it (--repair does)" if old else "wait for the process; --repair removes it once it has ended",
            wrong=False,
            removable=(path,),
        )


def is_abandoned(path: Path) -> bool:
    """Whether a temporary file is so old that its process was killed. Raises OSError where the file is gone."""
    return time.time() - path.stat().st_mtime > ABANDONED_SECONDS
