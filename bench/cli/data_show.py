"""``bench data show``: people of a dataset on one sheet, to look at."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from bench.cli.data import open_dataset
from bench.cli.options import CacheOption, DataOption, DataRootOption, DatasetArgument
from bench.cli.terminal import OUT, TerminalReporter, printable


class Split(StrEnum):
    """What can be shown."""

    TRAIN = "train"
    QUERY = "query"
    GALLERY = "gallery"


def show_command(
    name: DatasetArgument,
    out: Annotated[Path, typer.Option(help="Picture to write (PNG).")],
    identities: Annotated[int, typer.Option(min=1, max=10_000, help="People to show: rows.")] = 10,
    split: Annotated[Split, typer.Option(help="Images to show.")] = Split.TRAIN,
    seed: Annotated[int, typer.Option(min=0, help="Draws the people, and one image of each in each camera.")] = 0,
    data_root: DataRootOption = None,
    data: DataOption = None,
    cache: CacheOption = None,
) -> None:
    """Draw people of a dataset: a row an identity, a column a camera, blank where the camera did not see them."""
    # Here, not at the top: help should not wait for numpy.
    import numpy as np

    from bench.data.labelled_sheet import write_labelled_sheet

    dataset = open_dataset(name, data_root, data, cache, TerminalReporter())
    samples = {Split.TRAIN: dataset.train, Split.QUERY: dataset.query, Split.GALLERY: dataset.gallery}[split]
    people, cameras = write_labelled_sheet(samples, out, np.random.default_rng(seed), identities=identities)
    text = f"{people} people of {printable(dataset.name)}, {split}, in {cameras} cameras: {printable(out)}"
    OUT.print(escape(text), soft_wrap=True)
