"""``bench gallery``: galleries that are kept, built from images and changed without being built again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from bench.cli.options import (
    CacheOption,
    DataOption,
    DataRootOption,
    ResultsOption,
    choice,
    data_request,
    refuse_unused,
    typed,
)
from bench.cli.show import RunArgument
from bench.cli.terminal import OUT, TerminalReporter, macs, printable, show_table, show_values
from bench.counts import count_of
from bench.data.cache import default_cache
from bench.errors import BenchError
from bench.files import check_writable

if TYPE_CHECKING:
    from bench.inference.enrolment import Enrolled
    from bench.inference.gallery import Gallery

SPLITS = ("train", "query", "gallery")
FileArgument = Annotated[Path, typer.Argument(help="File of a gallery.")]
ImagesOption = Annotated[Path | None, typer.Option("--images", help="Folder of images to enrol, searched recursively.")]
SplitOption = Annotated[str | None, typer.Option(help="Enrol a split of a dataset: train, query or gallery.")]
DatasetOption = Annotated[
    str | None, typer.Option("--dataset", "-d", help="Dataset of --split (default: the run's own).")
]
PatternOption = Annotated[
    str | None,
    typer.Option(
        help="What the file names of --images say: a template as '{pid}_c{camid}_{}.jpg', or a regular expression with "
        "the groups pid and camid (default: names as Market-1501's)."
    ),
]
PidOption = Annotated[int | None, typer.Option(help="Identity of all --images, in place of what their names say.")]
CamidOption = Annotated[int | None, typer.Option(help="Camera of all --images, in place of what their names say.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]


def build_command(
    run: RunArgument,
    out: Annotated[Path, typer.Option(help="The file to write.")],
    images: ImagesOption = None,
    split: SplitOption = None,
    dataset: DatasetOption = None,
    pattern: PatternOption = None,
    pid: PidOption = None,
    camid: CamidOption = None,
    features: Annotated[
        bool, typer.Option("--features", help="Keep the first exit's features too, which ets and ets+gs read.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file where it is there.")] = False,
    device: DeviceOption = "auto",
    data_root: DataRootOption = None,
    data: DataOption = None,
    results: ResultsOption = Path("results"),
    cache: CacheOption = None,
) -> None:
    """Embed images at every exit of a run's network, and keep their codes in one file.

    Those of --images or of --split; without either, the gallery of the run's own dataset.
    """
    from bench.inference.gallery import save_gallery

    if out.exists() and not overwrite:
        raise BenchError(f"{out}: is there already; add to it with bench gallery add, or --overwrite")
    check_writable(out.parent, "another --out")
    split = split or (None if images else "gallery")
    wanted = (images, split, dataset, pattern, pid, camid)
    enrolled = _enrol(run, *wanted, device, data_root, data, results, cache, features=features)
    save_gallery(enrolled.gallery, out)
    _show(out, enrolled.gallery)
    _show_cost(enrolled)


def add_command(
    file: FileArgument,
    images: ImagesOption = None,
    split: SplitOption = None,
    dataset: DatasetOption = None,
    pattern: PatternOption = None,
    pid: PidOption = None,
    camid: CamidOption = None,
    device: DeviceOption = "auto",
    data_root: DataRootOption = None,
    data: DataOption = None,
    results: ResultsOption = Path("results"),
    cache: CacheOption = None,
) -> None:
    """Add images to a gallery: only they are embedded, by the network of the run that built it."""
    from bench.inference.gallery import changing, load_gallery, save_gallery

    with changing(file):
        gallery = load_gallery(file)
        wanted = (images, split, dataset, pattern, pid, camid)
        features = gallery.features is not None
        enrolled = _enrol(gallery.run, *wanted, device, data_root, data, results, cache, features=features)
        larger = gallery.append(enrolled.gallery)
        save_gallery(larger, file)
    _show(file, larger)
    _show_cost(enrolled)


def remove_command(
    file: FileArgument,
    names: Annotated[list[str] | None, typer.Option("--name", help="Name of an image to remove; repeatable.")] = None,
    pids: Annotated[
        list[int] | None, typer.Option("--pid", help="Identity whose images are all removed; repeatable.")
    ] = None,
) -> None:
    """Remove images from a gallery by name or by identity; nothing is embedded again."""
    from bench.inference.gallery import changing, load_gallery, save_gallery

    if not names and not pids:
        raise BenchError("say what to remove: --name of an image, or --pid of an identity")
    with changing(file):
        gallery = load_gallery(file)
        smaller = gallery.remove(names or (), pids or ())
        save_gallery(smaller, file)
    OUT.print(f"{count_of(len(gallery) - len(smaller), 'image')} removed")
    _show(file, smaller)


def show_command(
    file: FileArgument,
    names: Annotated[bool, typer.Option("--names", help="List the images, with identity and camera.")] = False,
) -> None:
    """Show a gallery: images, identities, cameras, and the bytes of an image's codes at each exit."""
    from bench.inference.gallery import load_gallery

    gallery = load_gallery(file)
    _show(file, gallery)
    if names:
        rows = zip(gallery.names, map(str, gallery.pids), map(str, gallery.camids), strict=True)
        show_table("images", ["name", "identity", "camera"], [[printable(name), *labels] for name, *labels in rows])


def _enrol(
    run: str,
    images: Path | None,
    split: str | None,
    dataset: str | None,
    pattern: str | None,
    pid: int | None,
    camid: int | None,
    device: str,
    data_root: Path | None,
    data: list[str] | None,
    results: Path,
    cache: Path | None,
    *,
    features: bool,
) -> Enrolled:
    if (images is None) == (split is None):
        raise BenchError("say what to enrol, one of both: --images FOLDER, or --split gallery")
    if images is None:
        told = {"--pattern": pattern, "--pid": pid, "--camid": camid}
        refuse_unused(told, "of --images FOLDER alone; name it, or leave it out")
    else:
        of_split = {"--dataset": dataset, "--data": data, "--data-root": typed(data_root)}
        refuse_unused(of_split, "of --split alone, and --images FOLDER is of no dataset; leave out one of both")
        if pid is not None and camid is not None:
            refuse_unused(
                {"--pattern": pattern},
                "--pid and --camid say all that names are read for; leave it out, or one of them",
            )
    # Here, not at the top: help should not wait for torch.
    from bench.inference.enrolment import MARKET_NAMES, enrol, images_of_folder, images_of_split
    from bench.inference.export.trained import read_trained
    from bench.inference.opening import own_data, reader_of
    from bench.runs.finding import find_run

    where = cache or default_cache()
    trained = read_trained(find_run(results, run))
    reporter = TerminalReporter()
    if images is not None:
        found = images_of_folder(images.expanduser(), pattern or MARKET_NAMES, pid, camid)
    else:
        own = trained.spec["dataset"]
        reader = reader_of(own, dataset)
        request = data_request(reader.name, data_root, data, where)
        request = request if dataset else own_data(reader, own, request)
        wanted = choice("--split", split or "", SPLITS)
        found = images_of_split(reader.name, request, wanted, None if dataset else own, reporter)
    return enrol(trained, found, where, device, features=features, reporter=reporter)


def _show(file: Path, gallery: Gallery) -> None:
    show_values(
        printable(file),
        {
            "images": f"{len(gallery):,}",
            "identities": _identities(gallery.pids.tolist()),
            "cameras": f"{len(set(gallery.camids.tolist())):,}",
            "codes of": f"run {gallery.run[:8]}, weights {gallery.network[:12]}",
            "features": f"{gallery.feature_bytes:,} bytes an image" if gallery.feature_bytes else "not kept",
            "bytes an image": f"{gallery.image_bytes:,}",
        },
    )
    rows = [
        [spec.name, spec.code, f"{spec.dim:,}", f"{spec.image_bytes:,}", f"{spec.image_bytes * len(gallery):,}"]
        for spec in gallery.exits
    ]
    show_table("", ["exit", "code", "length", "bytes an image", "bytes"], rows, texts=["code"])


def _identities(pids: Sequence[int]) -> str:
    """Count people, and apart from them the images that show nobody who is known."""
    known = [pid for pid in pids if pid > 0]
    unknown = len(pids) - len(known)
    beside = f", and {count_of(unknown, 'image')} of nobody (identity 0 or -1)" if unknown else ""
    return f"{len(set(known)):,}{beside}"


def _show_cost(enrolled: Enrolled) -> None:
    count = len(enrolled.gallery)
    OUT.print(
        escape(
            f"embedded {count_of(count, 'image')} in {enrolled.seconds:.1f} s: {macs(enrolled.image_macs)} "
            f"multiply-adds an image, {enrolled.macs / 1e9:,.1f} G in all"
        ),
        soft_wrap=True,
    )
