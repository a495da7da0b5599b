"""``bench data split``: a folder of photographs becomes a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from bench.cli.terminal import OUT, TerminalReporter, printable, show_table, typed_path


def split_command(
    folder: Annotated[Path, typer.Argument(help="Folder of photographs.")],
    pattern: Annotated[
        str,
        typer.Option(
            help="Pattern of file names: a template as '{pid}_c{camid}s{}.jpg' or '{camid}/{pid}/{}.png', where {} is "
            "anything, or a regular expression with the groups pid and camid. Without a slash: the name alone.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="The CSV to write, in FOLDER or above it.", show_default="manifest.csv in FOLDER"),
    ] = None,
    test_share: Annotated[float, typer.Option(help="Share of the identities that are for testing.")] = 0.5,
    queries_per_camera: Annotated[int, typer.Option(help="Query images of a person in each camera.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Draws the test identities and their queries.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the CSV where it is there.")] = False,
) -> None:
    """Write a manifest (path, pid, camid, split) of a folder whose file names say who was seen by which camera."""
    # Here, not at the top: help should not wait for numpy.
    from bench.data.make_manifest import (
        NAME_COLUMNS,
        SHOWN,
        find_photographs,
        make_manifest,
        other_suffixes,
        told_suffixes,
        write_manifest,
    )
    from bench.data.name_pattern import name_pattern

    folder = folder.expanduser()
    out = folder / "manifest.csv" if out is None else out.expanduser()
    manifest = make_manifest(
        find_photographs(folder),
        name_pattern(pattern),
        test_share=test_share,
        queries_per_camera=queries_per_camera,
        seed=seed,
    )
    others = other_suffixes(folder, but=out)
    write_manifest(manifest, folder, out, overwrite=overwrite)
    reporter = TerminalReporter()
    if others:
        reporter.note(f"left out, no suffix of a photograph: {printable(told_suffixes(others))}")
    if manifest.unmatched:
        some = ", ".join(printable(path) for path in manifest.unmatched[:SHOWN])
        reporter.note(f"left out, not fitting the pattern: {len(manifest.unmatched):,} photographs, as {some}")
    for column, number in zip(NAME_COLUMNS, ("pid", "camid"), strict=True):
        if column in manifest.rows[0]:
            reporter.note(f"{number} was numbered; the names are in the column {column}")
    if zero := manifest.zero():
        reporter.note(
            f"identity {zero} is taken for one person; where it marks distractors, as in Market-1501, let the pattern "
            "take other identities alone: (?P<pid>0*[1-9][0-9]*)"
        )
    rows = [
        [split, *(f"{manifest.count(split, column):,}" for column in ("path", "pid", "camid"))]
        for split in ("train", "query", "gallery")
    ]
    show_table(printable(out), ["split", "images", "identities", "cameras"], rows)
    # A wrong pattern shows here: Market-1501's sequence taken for a part of the camera makes cameras 1s1, 1s2, …
    cameras = [[printable(name), f"{images:,}"] for name, images in manifest.images_per_camera().items()]
    show_table("cameras", ["name in the file names", "images"], cameras)
    OUT.print(
        f"next: [bold]bench data verify manifest --data-root {escape(typed_path(out))}[/bold], "
        f"then bench run --dataset manifest --data-root {escape(typed_path(out))}",
        soft_wrap=True,
    )
