"""Provenance of a result: code, packages, machine and command, kept with it so that it can be checked."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "torch",
    "torchvision",
    "lightning-fabric",
    "fvcore",
    "numpy",
    "numkong",
    "pillow",
)


@cache
def code_version() -> dict[str, Any]:
    """Version of this code: the package's and, in a checkout, the commit and whether tracked files were changed."""
    found: dict[str, Any] = {"package": _installed("reid-budget-bench"), "commit": None, "dirty": None}
    root = Path(__file__).resolve().parent.parent
    if (root / ".git").exists():
        found["commit"] = _git(root, "rev-parse", "HEAD")
        changes = _git(root, "status", "--porcelain", "--untracked-files=no")
        found["dirty"] = None if changes is None else bool(changes)
    return found


def collect(
    *, device: str, precision: str, threads: int, versions: dict[str, int], world_size: int = 1
) -> dict[str, Any]:
    """Provenance of a result computed now: code, packages, machine, device, command line, time (UTC).

    ``world_size`` is the number of processes that shared it.
    """
    return {
        "code": code_version(),
        "versions": versions,
        "packages": {name: _installed(name) for name in PACKAGES},
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "device": device,
        "precision": precision,
        "threads": threads,
        "world_size": world_size,
        "argv": [Path(sys.argv[0]).name, *(without_folders(as_utf8(part)) for part in sys.argv[1:])],
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def as_utf8(argument: str) -> str:
    """Read what was typed as UTF-8, whatever the locale: one of ASCII gives lone surrogates, which no other JSON takes.

    Bytes that are no UTF-8 are escaped.
    """
    try:
        typed = argument.encode(errors="surrogateescape")
    except UnicodeEncodeError:  # surrogates that stand for no bytes
        typed = argument.encode(errors="backslashreplace")
    return typed.decode(errors="backslashreplace")


def without_folders(argument: str) -> str:
    """Shorten an absolute path to its last part, because records are published."""
    name, equals, value = argument.rpartition("=")
    path = Path(value)
    return f"{name}{equals}…/{path.name}" if path.is_absolute() else argument


@cache
def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _git(root: Path, *arguments: str) -> str | None:
    return _answer("git", "-C", str(root), *arguments)


def _answer(*command: str) -> str | None:
    try:
        answer = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def _processor() -> str:
    if sys.platform == "darwin" and (model := _answer("sysctl", "-n", "machdep.cpu.brand_string")):
        return f"{model}, {os.cpu_count()} cores"  # all of Apple's are "arm" to the platform module
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return f"{line.partition(':')[2].strip()}, {os.cpu_count()} cores"
    except OSError:
        pass
    return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
