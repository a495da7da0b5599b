"""Whether the cache is still what was written: stores of decoded images, and rendered sets, by their digests."""

from __future__ import annotations

from pathlib import Path

from bench.data.synthped.folder import MARKER, check_content
from bench.digests import DamagedFile, digest_of_file
from bench.errors import BenchError
from bench.files import read_json
from bench.integrity.checks import AS_IT_IS, MAKE_READABLE, Finding, Verification
from bench.integrity.unfinished import unfinished_files
from bench.progress import SILENT, Reporter

RENDERED_AGAIN = "remove it (--repair does); the same set is rendered again"
DECODED_AGAIN = "remove it (--repair does); the images are decoded again"


def verify_cache(cache: Path, verification: Verification, reporter: Reporter = SILENT) -> None:
    """Check a cache folder, and add what is found; a folder that is not there is empty."""
    stores = sorted((cache / "images").glob("*.npy"))
    with reporter.task("verify decoded images", len(stores), unit="stores") as task:
        for data in stores:
            verification.files += 2
            finding = _store_finding(data)
            if finding is not None and data.exists():
                verification.findings.append(finding)
            task.advance()
    facts = sorted((cache / "images").glob("*.json"))
    verification.findings += [
        Finding(path, "its decoded images are not there", "remove it (--repair does)", False, (path,))
        for path in facts
        if not path.with_suffix(".npy").exists()
    ]
    markers = sorted(cache.glob(f"*/{MARKER}"))
    with reporter.task("verify rendered sets", len(markers), unit="sets") as task:
        for marker in markers:
            verification.files += 1
            finding = _set_finding(marker.parent)
            if finding is not None:
                verification.findings.append(finding)
            task.advance()
    verification.findings += unfinished_files(cache)


def _set_finding(folder: Path) -> Finding | None:
    try:
        if check_content(folder):
            return None
    except OSError as problem:
        return Finding(folder, f"cannot be read ({problem.strerror})", MAKE_READABLE)
    except BenchError as problem:
        reason = str(problem).replace(f"{folder}/", "").replace(f"{folder} ", "")
        return Finding(folder, reason.split("; ")[0], RENDERED_AGAIN, removable=(folder,))
    return Finding(folder, "has no digest of its images: they are only counted", AS_IT_IS, wrong=False)


def _store_finding(data: Path) -> Finding | None:
    facts = data.with_suffix(".json")
    both = (data, facts) if facts.exists() else (data,)
    if not facts.exists():
        return Finding(data, "nothing says what it holds: it is not used", DECODED_AGAIN, False, both)
    try:
        kept = read_json(facts).get("pixels")
        found = digest_of_file(data)
    except DamagedFile as problem:
        reason = str(problem).split("; ")[0].replace(f"{facts}", facts.name)
        return Finding(facts, reason, DECODED_AGAIN, removable=both)
    except OSError as problem:
        return Finding(data, f"cannot be read ({problem.strerror})", MAKE_READABLE)
    if kept is None:
        return Finding(data, "has no digest of its pixels: it is not used", DECODED_AGAIN, False, both)
    if kept != found:
        return Finding(data, "is damaged, its pixels do not match their digest", DECODED_AGAIN, removable=both)
    return None
