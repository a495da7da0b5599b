"""``bench data make``: render a dataset; and how all ``bench data`` commands open one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from bench import registry
from bench.cli.options import CacheOption, DataOption, DataRootOption, data_request, settings_of
from bench.cli.terminal import OUT, TerminalReporter, show_values
from bench.data.cache import default_cache
from bench.data.dataset import DISTRACTOR, JUNK, ImageSample, ReidDataset
from bench.errors import BenchError
from bench.progress import Reporter


def make_command(
    name: Annotated[str, typer.Argument(help="A dataset that can be made: synthped.")],
    size: Annotated[str | None, typer.Option(help="Short for --data size=…: smoke, demo, small or market.")] = None,
    data: DataOption = None,
    data_root: DataRootOption = None,
    cache: CacheOption = None,
    sheet: Annotated[Path | None, typer.Option(help="Also write a contact sheet (PNG) here.")] = None,
) -> None:
    """Render a dataset that is made rather than collected, and say what is in it."""
    reader = registry.dataset(name)
    if reader.needs_root:
        raise BenchError(f"{name} was photographed, not rendered: it cannot be made; give its folder with --data-root")
    dataset = open_dataset(name, data_root, _with_size(data, size), cache, TerminalReporter())
    show_values(
        dataset.name,
        {
            "folder": dataset.root,
            "training": _summary(dataset.train),
            "query": _summary(dataset.query),
            "gallery": _summary(dataset.gallery),
        },
    )
    if sheet:
        from bench.data.contact_sheet import write_contact_sheet

        write_contact_sheet(dataset, sheet)
        OUT.print(f"contact sheet in {escape(str(sheet))}")


def open_dataset(
    name: str, data_root: Path | None, data: list[str] | None, cache: Path | None, reporter: Reporter
) -> ReidDataset:
    """Read the set that a command line names."""
    request = data_request(name, data_root, data, cache or default_cache())
    return registry.dataset(name).open(request, reporter)


def _with_size(data: list[str] | None, size: str | None) -> list[str] | None:
    if size is None:
        return data
    other = settings_of(data).get("size", size)
    if other != size:
        raise BenchError(f"--size {size} and --data size={other} contradict each other; give one of them")
    return [*(data or []), f"size={size}"]


def _summary(samples: tuple[ImageSample, ...]) -> str:
    people = {sample.pid for sample in samples if sample.pid > 0}
    text = f"{len(samples):,} images of {len(people):,} people from {len({sample.camid for sample in samples})} cameras"
    for kind, pid in (("distractors", DISTRACTOR), ("junk", JUNK)):
        count = sum(sample.pid == pid for sample in samples)
        text += f", {count:,} {kind}" if count else ""
    return text
