"""Checks of a dataset: errors in it, and remarks that matter for the meaning of its scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

from bench.data.dataset import DISTRACTOR, JUNK, ImageSample, ReidDataset
from bench.data.inspection import Inspection
from bench.data.protocol import has_match
from bench.data.tracklets import entries

State = Literal["ok", "wrong", "remark"]


@dataclass(frozen=True)
class Finding:
    """Result of one check: its state, a short text, and every case (a file, an identity) that it concerns."""

    check: str
    state: State
    found: str
    cases: tuple[str, ...] = ()


def verify(
    dataset: ReidDataset, official: Mapping[str, int], inspected: Mapping[Path, Inspection]
) -> tuple[Finding, ...]:
    """Check a set: ``official`` counts, cameras and matches, and the inspected files."""
    return (
        *_counts(dataset, official),
        *_cameras(dataset),
        _queries_without_match(dataset),
        _unreadable(inspected),
        _training_copies(dataset, inspected),
        *_query_copies(dataset, inspected),
    )


def counts(dataset: ReidDataset) -> dict[str, int]:
    """Counts of a set, by the names of the official counts."""
    numbers: dict[str, int] = {}
    for split, samples in (("training", dataset.train), ("query", dataset.query), ("gallery", dataset.gallery)):
        numbers[f"{split} images"] = len(samples)
        numbers[f"{split} identities"] = len(_cameras_of(samples))
        if _are_tracklets(samples):
            numbers[f"{split} tracklets"] = len(entries(samples))
    return numbers | {"cameras": len({sample.camid for sample in (*dataset.train, *dataset.query, *dataset.gallery)})}


def _counts(dataset: ReidDataset, official: Mapping[str, int]) -> Iterator[Finding]:
    for name, count in counts(dataset).items():
        expected = official.get(name)
        if expected is None:
            yield Finding(name, "ok", f"{count:,}")
        elif count == expected:
            yield Finding(name, "ok", f"{count:,}, as its authors count")
        else:
            yield Finding(name, "wrong", f"{count:,}, its authors count {expected:,} ({count - expected:+,})")
    if not official:
        yield Finding("official counts", "remark", "none are known for this set: nothing to compare with")


def _cameras(dataset: ReidDataset) -> Iterator[Finding]:
    parts = {"training": dataset.train, "test": (*dataset.query, *dataset.gallery)}
    seen = {split: _cameras_of(samples) for split, samples in parts.items()}
    for split, by_identity in seen.items():
        numbers = [len(cameras) for cameras in by_identity.values()]
        if numbers:
            text = f"{min(numbers)} to {max(numbers)}, median {median(numbers):g}"
            yield Finding(f"cameras per {split} identity", "ok", text)
    single = sorted(pid for pid, cameras in seen["training"].items() if len(cameras) == 1)
    if single:
        found = f"{len(single):,} of {len(seen['training']):,}: they teach nothing about other cameras"
        cases = tuple(f"identity {pid}, camera {min(seen['training'][pid])}" for pid in single)
        yield Finding("training identities of one camera", "remark", found, cases)
    else:
        yield Finding("training identities of one camera", "ok", "none")


def _queries_without_match(dataset: ReidDataset) -> Finding:
    queries = entries(dataset.query)
    alone = [sample for sample, match in zip(queries, has_match(queries, dataset.gallery), strict=True) if not match]
    if not alone:
        return Finding("queries without a match", "ok", "none")
    what = "tracklets" if _are_tracklets(queries) else "images"
    found = f"{len(alone):,} of {len(queries):,} query {what}: no score counts them"
    cases = tuple(
        f"{_name(dataset, sample)}: identity {sample.pid}, camera {sample.camid}"
        + ("" if sample.clothes is None else f", clothes {sample.clothes}")
        for sample in alone
    )
    return Finding("queries without a match", "remark", found, cases)


def _unreadable(inspected: Mapping[Path, Inspection]) -> Finding:
    problems = tuple(inspection.problem for inspection in inspected.values() if inspection.problem)
    if problems:
        return Finding("images", "wrong", f"{len(problems):,} of {len(inspected):,} cannot be read", problems)
    return Finding("images", "ok", f"all {len(inspected):,} files can be decoded")


def _training_copies(dataset: ReidDataset, inspected: Mapping[Path, Inspection]) -> Finding:
    """Test images that are also training images: their identity is wrong in one of the splits."""
    trained = _by_content(dataset.train, inspected)
    cases = []
    for sample in dict.fromkeys((*dataset.query, *dataset.gallery)):
        for original in trained.get(inspected[sample.path].digest, ())[:1]:
            cases.append(_pair(dataset, original, sample))
    if cases:
        return Finding("copies in training and test", "wrong", f"{len(cases):,} test images", tuple(cases))
    return Finding("copies in training and test", "ok", "none")


def _query_copies(dataset: ReidDataset, inspected: Mapping[Path, Inspection]) -> Iterator[Finding]:
    """Gallery images with the bytes of a query.

    A copy with the query's own identity and camera is never ranked, nor is junk. Any other copy is a match that cannot
    be missed, or one picture under two identities. A file that both lists name with one label is no copy: official
    protocols have such files.
    """
    queries = _by_content(dataset.query, inspected)
    ranked: list[str] = []
    harmless: list[str] = []
    for answer in dataset.gallery:
        for query in queries.get(inspected[answer.path].digest, ()):
            own = (query.pid, query.camid) == (answer.pid, answer.camid)
            if own and query.path == answer.path:
                continue
            (harmless if own or answer.pid == JUNK else ranked).append(_pair(dataset, query, answer))
    checks: tuple[tuple[str, State, Sequence[str], str], ...] = (
        ("copies of a query, ranked", "wrong", ranked, "under another camera or identity"),
        (
            "copies of a query, not ranked",
            "remark",
            harmless,
            "under its own label, or as junk: dropped before ranking",
        ),
    )
    for check, state, cases, what in checks:
        yield Finding(check, state, f"{len(cases):,} {what}", tuple(cases)) if cases else Finding(check, "ok", "none")


def _cameras_of(samples: Iterable[ImageSample]) -> dict[int, set[int]]:
    """Cameras that saw each real identity."""
    seen: dict[int, set[int]] = {}
    for sample in samples:
        if sample.pid > DISTRACTOR:
            seen.setdefault(sample.pid, set()).add(sample.camid)
    return seen


def _are_tracklets(samples: Sequence[ImageSample]) -> bool:
    """Whether these are images of tracklets, each of which is ranked as one entry."""
    return any(sample.tracklet is not None for sample in samples)


def _by_content(samples: Iterable[ImageSample], inspected: Mapping[Path, Inspection]) -> dict[bytes, list[ImageSample]]:
    """Image samples by the sha256 of their bytes, without those that cannot be read."""
    by_content: dict[bytes, list[ImageSample]] = {}
    for sample in samples:
        if not inspected[sample.path].problem:
            by_content.setdefault(inspected[sample.path].digest, []).append(sample)
    return by_content


def _pair(dataset: ReidDataset, first: ImageSample, second: ImageSample) -> str:
    return " = ".join(
        f"{_name(dataset, sample)} (identity {sample.pid}, camera {sample.camid})" for sample in (first, second)
    )


def _name(dataset: ReidDataset, sample: ImageSample) -> str:
    """Path of the file, relative to the set's folder where it is below it."""
    return str(sample.path.relative_to(dataset.root) if sample.path.is_relative_to(dataset.root) else sample.path)
