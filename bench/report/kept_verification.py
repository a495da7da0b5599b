"""Whether exports, galleries and searched architectures that lie under a results folder are whole.

Each lies where the user put it, so each is found by its name: ``model.json`` of an export, ``*.gallery``,
``architecture.json``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from bench.architecture.kept import FILE as ARCHITECTURE
from bench.architecture.kept import GENOTYPE, check_genotype, read_architecture
from bench.digests import carries_digest
from bench.errors import BenchError
from bench.inference.export.card import CARD, read_card, verify_files
from bench.inference.gallery import load_gallery
from bench.progress import SILENT, Reporter
from bench.runs.verification import AS_IT_IS, NO_DIGEST, Finding, Verification, hidden

EXPORT_AGAIN = "export the run again (bench model export)"
BUILD_AGAIN = "build it again (bench gallery build)"
SEARCH_AGAIN = "the same bench architecture search makes it again"
WRONG_FORM = (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError)


def verify_kept(results: Path, verification: Verification, reporter: Reporter = SILENT) -> None:
    """Check every export, gallery and searched architecture under a results folder, and add what is found."""
    kinds: tuple[tuple[str, Callable[[Path], None], str], ...] = (
        (CARD, _export, EXPORT_AGAIN),
        ("*.gallery", _gallery, BUILD_AGAIN),
        (ARCHITECTURE, _architecture, SEARCH_AGAIN),
    )
    found = [
        (path, check, advice)
        for pattern, check, advice in kinds
        for path in sorted(results.rglob(pattern))
        if path.is_file() and not any(map(hidden, path.relative_to(results).parts))
    ]
    with reporter.task("verify exports and galleries", len(found), unit="files") as task:
        for path, check, advice in found:
            verification.files += 1
            verification.findings += _findings(path, check, advice)
            task.advance()


def _findings(path: Path, check: Callable[[Path], None], advice: str) -> Iterator[Finding]:
    try:
        check(path)
        bare = path.suffix == ".json" and not carries_digest(path)
    except OSError as problem:
        yield Finding(path, f"cannot be read ({problem.strerror or problem})", "make it readable, and check again")
    except BenchError as problem:
        yield Finding(path, str(problem).replace(f"{path}", path.name).split("; ")[0], advice)
    except WRONG_FORM as problem:
        yield Finding(path, f"not of the form that this suite writes ({problem!r})", advice)
    else:
        if bare:
            yield Finding(path, NO_DIGEST, AS_IT_IS, wrong=False)


def _export(path: Path) -> None:
    verify_files(path.parent, read_card(path.parent))


def _gallery(path: Path) -> None:
    load_gallery(path)


def _architecture(path: Path) -> None:
    check_genotype(path.with_name(GENOTYPE), read_architecture(path))
