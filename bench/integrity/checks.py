"""What a check of kept files finds, and how one file is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import WRONG_FORM, BenchError

SAME = 1e-9
"""How near a recorded number the one must come that is computed again."""
MAKE_READABLE = "make it readable, and check again"
AS_IT_IS = "nothing; what is written from now on has one"


@dataclass(frozen=True)
class Finding:
    """Something about one file: ``wrong``, or else only to be known."""

    path: Path
    problem: str
    advice: str
    wrong: bool = True
    removable: tuple[Path, ...] = ()
    """What is in the way and can go: it is made again, or it was left by a process that has ended."""


@dataclass
class Verification:
    """What was checked, and what was found."""

    files: int = 0
    runs: int = 0
    recomputed: int = 0
    """Records files whose exits were computed again from the exit table."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def wrong(self) -> list[Finding]:
        """Findings that are no mere remarks."""
        return [finding for finding in self.findings if finding.wrong]


def is_hidden(path: Path, under: Path) -> bool:
    """Whether a file below a folder is, or lies in, what is nobody's business but its process's."""
    return any(part.startswith(".") for part in path.relative_to(under).parts)


def no_digest(path: Path) -> Finding:
    """Say that the content of a file cannot be checked."""
    problem = "carries no digest, an earlier version wrote it: only its form is checked"
    return Finding(path, problem, AS_IT_IS, wrong=False)


def checked(path: Path, check: Callable[[Path], Iterable[Finding]], advice: str) -> list[Finding]:
    """Check one file; gives the remarks of ``check``, or what is wrong where it raises, with the advice."""
    try:
        return list(check(path))
    except OSError as problem:
        return [Finding(path, f"cannot be read ({problem.strerror or problem})", MAKE_READABLE)]
    except BenchError as problem:
        return [Finding(path, str(problem).replace(f"{path}", path.name).split("; ")[0], advice)]
    except WRONG_FORM as problem:
        return [Finding(path, f"not of the form that this suite writes ({problem!r})", advice)]
