"""Whether exports, galleries and searched architectures that lie under a results folder are whole.

Each lies where the user put it, so each is found by its name: ``model.json`` of an export, ``*.gallery``,
``architecture.json``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bench.architecture.kept import FILE as ARCHITECTURE
from bench.architecture.kept import GENOTYPE, check_genotype, read_architecture
from bench.digests import carries_digest
from bench.inference.export.card import CARD, read_card, verify_files
from bench.inference.gallery import load_gallery
from bench.integrity.checks import Finding, Verification, checked, is_hidden, no_digest
from bench.progress import SILENT, Reporter

EXPORT_AGAIN = "export the run again (bench model export)"
BUILD_AGAIN = "build it again (bench gallery build)"
SEARCH_AGAIN = "the same bench architecture search makes it again"


def verify_exported(results: Path, verification: Verification, reporter: Reporter = SILENT) -> None:
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
        if path.is_file() and not is_hidden(path, results)
    ]
    with reporter.task("verify exports and galleries", len(found), unit="files") as task:
        for path, check, advice in found:
            verification.files += 1
            verification.findings += checked(path, partial(_remarks, check=check), advice)
            task.advance()


def _remarks(path: Path, check: Callable[[Path], None]) -> Iterator[Finding]:
    check(path)
    if path.suffix == ".json" and not carries_digest(path):
        yield no_digest(path)


def _export(path: Path) -> None:
    verify_files(path.parent, read_card(path.parent))


def _gallery(path: Path) -> None:
    load_gallery(path)


def _architecture(path: Path) -> None:
    check_genotype(path.with_name(GENOTYPE), read_architecture(path))
