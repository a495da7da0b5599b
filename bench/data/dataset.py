"""A re-identification dataset as a value: which image shows whom, seen by which camera, in which split."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import BenchError, unknown_name
from bench.progress import SILENT, Reporter

JUNK = -1
"""Identity of boxes that show no person properly: left out before ranks are counted (Market-1501's ``-1``)."""
DISTRACTOR = 0
"""Identity of people who match no query: they stay in the gallery and count as wrong (Market-1501's ``0000``)."""


@dataclass(frozen=True, order=True)
class ImageSample:
    """One image: its file, the person (``pid``) and the camera (``camid``).

    ``tracklet`` numbers, within a split, the short video that the image is taken from; None for single images.
    ``clothes`` number what the person wears, where images of the query's identity in the query's clothes are junk too;
    None where cameras alone decide. ``draws`` number the galleries that the image was drawn for, where a set is scored
    over several of them; empty where there is one gallery.
    """

    path: Path
    pid: int
    camid: int
    tracklet: int | None = None
    clothes: int | None = None
    draws: tuple[int, ...] = ()


@dataclass(frozen=True)
class ReidDataset:
    """The three splits of a set. Image samples are sorted by file name within each split.

    ``train`` holds real identities alone (pid > 0); ``gallery`` may hold distractors (pid 0) and junk (pid −1).
    Training and test identities are different people. ``rendered`` marks generated images: every table says so.
    """

    name: str
    root: Path
    train: tuple[ImageSample, ...]
    query: tuple[ImageSample, ...]
    gallery: tuple[ImageSample, ...]
    rendered: bool = False
    details: Mapping[str, str | int | float] = field(default_factory=dict)

    def summary(self) -> str:
        """Name, image counts and folder, in one sentence."""
        return (
            f"{self.name}: {len(self.train)} training, {len(self.query)} query and {len(self.gallery)} gallery images "
            f"in {self.root}"
        )


def check_identities(train: Iterable[ImageSample], test: Iterable[ImageSample], source: str) -> None:
    """Raise :class:`BenchError` where an identity is in training and test."""
    shared = sorted({sample.pid for sample in train} & {sample.pid for sample in test})
    if shared:
        raise BenchError(
            f"{source}: training and test identities must be different people, but {len(shared)} are in both, "
            f"identity {shared[0]} among them; move all images of a person to one side"
        )


@dataclass(frozen=True)
class DatasetRequest:
    """The user's request: where the data is, and the reader's options (such as ``size`` of a rendered set)."""

    root: Path | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The root, for readers that need one; :meth:`DatasetReader.open` has checked that it is given."""
        assert self.root is not None, "DatasetReader.open asks for the root of a reader that needs one"
        return self.root.expanduser()


def choice(options: Mapping[str, str], name: str, choices: Sequence[str]) -> str:
    """Value of an option that takes one of ``choices``; the first is the default.

    Raises :class:`BenchError` for another value.
    """
    value = options.get(name, choices[0])
    if value not in choices:
        raise unknown_name(f"value of the dataset's option {name}", value, choices)
    return value


@dataclass(frozen=True)
class DatasetReader:
    """A kind of dataset, as a plug-in of the group ``bench.datasets`` registers it.

    ``read(request, reporter)`` finds the files and returns the value; a rendered set is rendered first.
    ``needs_root`` says whether ``--data-root`` must be given. ``ready(request)`` is False where ``read`` has to render
    first. ``official(options)`` gives the authors' counts of the splits as ``read`` returns them with these options, as
    far as they are known: "training images", "training identities", "query images", "query identities",
    "gallery images" (junk and distractors included), "gallery identities" (without them), "query tracklets", "gallery
    tracklets" and "cameras". ``options_of(name)`` gives the options that make a set of this name, where the name holds
    them.
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
        """Read the set.

        Raises :class:`BenchError` where the request does not fit this reader, a file cannot be read, or an identity
        is in training and test.
        """
        self.check(request)
        try:
            dataset = self.read(request, reporter)
        except OSError as problem:
            location = problem.filename or request.root
            raise BenchError(
                f"{location}: {self.name} cannot be read ({problem.strerror or problem}); check that the path exists "
                "and its permissions"
            ) from problem
        # A plug-in's reader may not have checked it.
        check_identities(dataset.train, (*dataset.query, *dataset.gallery), f"{self.name} in {dataset.root}")
        return dataset

    def check(self, request: DatasetRequest) -> None:
        """Raise :class:`BenchError` for an unknown option, or where the root is missing."""
        unknown = sorted(set(request.options) - set(self.option_names))
        if unknown:
            known = ", ".join(self.option_names) or "none"
            raise BenchError(f"dataset {self.name} has no option {unknown[0]!r}; its options: {known}")
        if self.needs_root and request.root is None:
            raise BenchError(f"dataset {self.name} is read from disk: give --data-root DIR, or set BENCH_DATA_ROOT")
