"""A re-identification dataset as a value: which image shows whom, seen by which camera, in which split."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import BenchError, unknown_name
from bench.progress import SILENT, Reporter

JUNK = -1
"""Identity of boxes that show nobody well: dropped before ranks are counted (Market-1501's ``-1``)."""
DISTRACTOR = 0
"""Identity of people who are nobody's match: they stay in the gallery and count as wrong (Market-1501's ``0000``)."""


@dataclass(frozen=True, order=True)
class ImageSample:
    """One image: its file, the person (``pid``) and the camera (``camid``).

    ``tracklet`` numbers, within a split, the short video that the image is a sample of; None where images stand alone.
    """

    path: Path
    pid: int
    camid: int
    tracklet: int | None = None


@dataclass(frozen=True)
class ReidDataset:
    """The three splits of a set. Image samples are sorted by file name within each split.

    ``train`` holds real identities alone (pid > 0); ``gallery`` may hold distractors (pid 0) and junk (pid −1).
    Training and test identities are different people. ``rendered`` sets say so in every table.
    """

    name: str
    root: Path
    train: tuple[ImageSample, ...]
    query: tuple[ImageSample, ...]
    gallery: tuple[ImageSample, ...]
    rendered: bool = False
    details: Mapping[str, str | int | float] = field(default_factory=dict)

    def summary(self) -> str:
        """Say in words what was read from where."""
        return (
            f"{self.name}: {len(self.train)} training, {len(self.query)} query and {len(self.gallery)} gallery images "
            f"in {self.root}"
        )


@dataclass(frozen=True)
class DatasetRequest:
    """What a user said about the data: where it is, and the reader's options (``size``, ``seed`` of a rendered set)."""

    root: Path | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The root, for readers that need one: :meth:`DatasetReader.open` has seen to it that there is one."""
        assert self.root is not None, "DatasetReader.open asks for the root of a reader that needs one"
        return self.root.expanduser()


def choice(options: Mapping[str, str], name: str, choices: Sequence[str]) -> str:
    """Give an option that takes one of a few words; the first where it is not given."""
    value = options.get(name, choices[0])
    if value not in choices:
        raise unknown_name(f"value of the dataset's option {name}", value, choices)
    return value


@dataclass(frozen=True)
class DatasetReader:
    """A kind of dataset, as a plug-in of the group ``bench.datasets`` registers it.

    ``read(request, reporter)`` finds the files, makes them first where the set is rendered, and returns the value.
    ``needs_root`` says whether ``--data-root`` must be given; ``ready(request)`` whether ``read`` is quick, or has
    a set to make first. ``official(options)`` gives the counts that the whole set has by its authors, over the splits
    as ``read`` returns them with these options: "training images", "training identities", "query images",
    "query identities", "gallery images" (junk and distractors included) and "cameras"; those that are known.
    ``options_of(name)`` gives the options that make a set of this name, where the name tells them.
    """

    name: str
    summary: str
    read: Callable[[DatasetRequest, Reporter], ReidDataset]
    needs_root: bool = True
    ready: Callable[[DatasetRequest], bool] = lambda request: True
    option_names: tuple[str, ...] = ()
    official: Callable[[Mapping[str, str]], Mapping[str, int]] = lambda options: {}
    options_of: Callable[[str], Mapping[str, str]] = lambda name: {}

    def open(self, request: DatasetRequest, reporter: Reporter = SILENT) -> ReidDataset:
        """Read the set, after checking that the request fits this reader."""
        self.check(request)
        try:
            return self.read(request, reporter)
        except OSError as problem:
            place = problem.filename or request.root
            raise BenchError(
                f"{place}: {self.name} cannot be read ({problem.strerror or problem}); check that the path exists and "
                "its permissions"
            ) from problem

    def check(self, request: DatasetRequest) -> None:
        """Refuse a request that does not fit this reader."""
        unknown = sorted(set(request.options) - set(self.option_names))
        if unknown:
            known = ", ".join(self.option_names) or "none"
            raise BenchError(f"dataset {self.name} has no option {unknown[0]!r}; its options: {known}")
        if self.needs_root and request.root is None:
            raise BenchError(f"dataset {self.name} is read from disk: give --data-root DIR, or set BENCH_DATA_ROOT")
