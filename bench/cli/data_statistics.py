"""``bench data stats``: what a dataset is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bench.cli.data import open_dataset
from bench.cli.options import CacheOption, DataOption, DataRootOption, DatasetArgument
from bench.cli.terminal import TerminalReporter, percent, printable, show_table
from bench.counts import NOTHING, count_of

if TYPE_CHECKING:
    from bench.data.statistics import SplitStatistics, Spread


def statistics_command(
    name: DatasetArgument,
    data_root: DataRootOption = None,
    data: DataOption = None,
    cache: CacheOption = None,
) -> None:
    """Count images, identities and cameras of every split, and measure the images."""
    # Here, not at the top: help should not wait for numpy.
    from bench.data.image_size import image_sizes
    from bench.data.statistics import dataset_statistics

    reporter = TerminalReporter()
    dataset = open_dataset(name, data_root, data, cache, reporter)
    paths = [sample.path for sample in (*dataset.train, *dataset.query, *dataset.gallery)]
    splits = dataset_statistics(dataset, image_sizes(paths, reporter))
    _show_splits(f"{printable(dataset.name)} in {printable(dataset.root)}", splits)
    _show_counts("Images per camera", "camera", splits, {split.name: split.images_per_camera for split in splits})
    people = {split.name: split.identities_per_cameras for split in splits}
    _show_counts("Identities per number of cameras", "cameras", splits, people)
    unreadable = sum(split.unreadable for split in splits if split.name in ("training", "test"))
    if unreadable:
        images, verb, listed = count_of(unreadable, "image"), *(("has", "it") if unreadable == 1 else ("have", "them"))
        reporter.note(f"{images} {verb} no size that can be read; bench data verify {name} lists {listed}")


def _show_splits(title: str, splits: Sequence[SplitStatistics]) -> None:
    columns = ["split", "images", "identities", "cameras", "images per identity", "distractors (%)", "junk (%)"]
    rows = [
        [
            split.name,
            *(f"{count:,}" for count in (split.images, split.identities, split.cameras)),
            _spread(split.images_per_identity),
            *(f"{count:,} ({percent(count / split.images)})" for count in (split.distractors, split.junk)),
        ]
        for split in splits
    ]
    show_table(title, columns, rows, "test: query and gallery together; of three numbers: least, median, greatest")
    columns = ["split", "height", "width", "most images (height × width)"]
    rows = [
        [
            split.name,
            _spread(split.heights),
            _spread(split.widths),
            "{} × {}".format(*split.usual_size) if split.usual_size else NOTHING,
        ]
        for split in splits
    ]
    show_table("Image sizes in pixels", columns, rows)


def _show_counts(
    title: str, what: str, splits: Sequence[SplitStatistics], counts: Mapping[str, Mapping[int, int]]
) -> None:
    """A row for each number that occurs in a split, a column for each split."""
    numbers = sorted({number for of_split in counts.values() for number in of_split})
    rows = [[str(number), *(f"{counts[split.name].get(number, 0):,}" for split in splits)] for number in numbers]
    show_table(title, [what, *(split.name for split in splits)], rows)


def _spread(spread: Spread | None) -> str:
    return f"{spread.least:,} / {spread.median:,g} / {spread.greatest:,}" if spread else NOTHING
