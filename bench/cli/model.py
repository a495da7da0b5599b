"""``bench model``: networks leave the suite, and are held to what they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from bench.cli.options import (
    CacheOption,
    DataOption,
    DataRootOption,
    ResultsOption,
    data_request,
    refuse_unused,
    typed,
    words,
)
from bench.cli.terminal import OUT, TerminalReporter, macs, percent, show_table, show_values
from bench.data.cache import default_cache
from bench.errors import BenchError
from bench.files import check_writable

if TYPE_CHECKING:
    from bench.inference.export.card import ModelCard
    from bench.inference.export.check import ExitDifference
    from bench.inference.export.run_images import RunImages
    from bench.inference.export.trained import TrainedRun
    from bench.progress import Reporter

INT8_IMAGES = 128
"""Images that fix the ranges of int8, where no other number is asked for."""
EXACT = "float32"
"""The precision whose accuracy is that of the network, and need not be measured."""

FolderArgument = Annotated[Path, typer.Argument(help="Folder of an export: the one that holds model.json.")]
RunDatasetOption = Annotated[
    str | None, typer.Option("--dataset", "-d", help="Reader of the run's data, where its name does not tell.")
]


def export_command(
    run: Annotated[str, typer.Argument(help="A run: any part of its name, first digits of its key, or its folder.")],
    form: Annotated[str, typer.Option("--format", help="onnx: a graph a step; safetensors: weights.")] = "onnx",
    precision: Annotated[str, typer.Option(help="Of the graphs: float32, float16 or int8.")] = "float32",
    out: Annotated[Path | None, typer.Option(help="Folder to write.", show_default="<results>/exports/<run>")] = None,
    images: Annotated[
        int | None,
        typer.Option(
            min=1, max=1_000_000, help="Images that calibrate the ranges of int8.", show_default=str(INT8_IMAGES)
        ),
    ] = None,
    dataset: RunDatasetOption = None,
    data: DataOption = None,
    data_root: DataRootOption = None,
    cache: CacheOption = None,
    results: ResultsOption = Path("results"),
) -> None:
    """Export a trained network: one ONNX graph a step, or its weights, with a card that says how to use them.

    Int8 needs the run's data: its ranges are fixed on identities that were held out of training.
    """
    from bench.inference.export.trained import read_trained
    from bench.inference.export.write import check_replaceable, check_request, write_export
    from bench.runs.finding import find_run

    check_request(form, precision)
    if precision != "int8":
        of_images = {"--images": images, "--dataset": dataset, "--data": data, "--data-root": typed(data_root)}
        refuse_unused(of_images, "of --precision int8 alone, whose ranges images fix; add it, or leave it out")
    trained = read_trained(find_run(results, run))
    folder = out or results / "exports" / trained.folder.path.name / f"{form}-{precision}"
    check_writable(folder, "another --out")
    if out is not None:
        check_replaceable(out)
    reporter = TerminalReporter()
    calibration = None
    if precision == "int8":
        found = _run_images(trained, dataset, data, data_root, cache, reporter, needed=True)
        assert found is not None
        calibration = found.for_calibration(images or INT8_IMAGES)
    card = write_export(trained, folder, form=form, precision=precision, calibration=calibration, reporter=reporter)
    _show_card(folder, card)


def show_command(folder: FolderArgument) -> None:
    """Show what an export is, what its network takes and gives, and whether its files are whole."""
    from bench.inference.export.card import read_card, verify_files

    card = read_card(folder)
    verify_files(folder, card)
    _show_card(folder, card)


def check_command(
    folder: FolderArgument,
    run: Annotated[
        str | None, typer.Option(help="The run that it is an export of.", show_default="the run with its key")
    ] = None,
    backends: Annotated[
        str | None, typer.Option("--backend", help="Backends, comma-separated.", show_default="all that are installed")
    ] = None,
    images: Annotated[int, typer.Option(min=1, max=1_000_000, help="Query images that are compared.")] = 64,
    accuracy: Annotated[
        bool | None,
        typer.Option(
            "--accuracy/--no-accuracy",
            help="Also rank the run's gallery: rank-1 and mAP at every exit.",
            show_default="for less than float32",
        ),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, max=4_096, help="Threads of each backend.", show_default="all")
    ] = None,
    dataset: RunDatasetOption = None,
    data: DataOption = None,
    data_root: DataRootOption = None,
    cache: CacheOption = None,
    results: ResultsOption = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
) -> None:
    """Compare an export with the network of its run, exit by exit, on query images (on noise where there are none).

    Status 1 if an export of float32 has another bit in any code, or a number off by more than 1e-4 of the largest.
    """
    from bench.inference.export.card import read_card, verify_files
    from bench.inference.export.check import check_export, checked_card, installed_backends
    from bench.inference.export.run_images import noise_images
    from bench.inference.export.trained import read_trained
    from bench.runs.finding import find_run

    reporter = TerminalReporter()
    card = read_card(folder)
    # Before its run is looked for: a card that is another export's names another run.
    verify_files(folder, card)
    trained = read_trained(find_run(results, run or card.run))
    card = checked_card(folder, trained)
    chosen = words(backends) if backends else installed_backends(card)
    if not chosen:
        raise BenchError("no backend that runs this export is installed: pip install 'reid-budget-bench[export]'")
    found = _run_images(trained, dataset, data, data_root, cache, reporter, needed=bool(accuracy))
    given = found.queries(images) if found else noise_images(images, trained.input_size)
    source = "query images" if found else "images of noise"
    ranks = found if accuracy or (accuracy is None and card.precision != EXACT) else None
    differences = check_export(folder, trained, given, chosen, threads=threads, data=ranks, reporter=reporter)
    same = all(difference.same is not False for difference in differences)
    if as_json:
        values: dict[str, Any] = {"folder": str(folder), "run": card.run, "precision": card.precision}
        values |= {"calibration": card.calibration, "images": len(given), "source": source}
        values["same"] = same if card.precision == EXACT else None
        values["exits"] = [part.to_json() for part in differences]
        typer.echo(json.dumps(values, indent=1, allow_nan=False))
    else:
        _show_differences(card, differences, f"{len(given)} {source}", same)
    if not same:
        raise typer.Exit(1)


def _run_images(
    run: TrainedRun,
    dataset: str | None,
    data: list[str] | None,
    data_root: Path | None,
    cache: Path | None,
    reporter: Reporter,
    *,
    needed: bool,
) -> RunImages | None:
    """Open the images of a run; None where no option says where they are and the check works without them."""
    from bench.inference.export.run_images import open_run_images
    from bench.inference.opening import own_data, reader_of

    cache = cache or default_cache()
    try:
        reader = reader_of(str(run.spec["dataset"]), dataset)
        request = own_data(reader, str(run.spec["dataset"]), data_request(reader.name, data_root, data, cache))
        if not needed and not (data or data_root) and (reader.needs_root or not reader.ready(request)):
            reporter.note(f"the run's data ({run.spec['dataset']}) is not at hand: name it with --data-root or --data")
            return None
        return open_run_images(run, reader, request, cache, reporter)
    except BenchError as problem:
        if needed or data or data_root or dataset:
            raise
        reporter.note(str(problem))
        return None


def _show_card(folder: Path, card: ModelCard) -> None:
    height, width = card.preprocessing.size
    resized, cut = card.preprocessing.resize, card.preprocessing.size
    # Otherwise an image that is resized to what the graph takes is another part of the picture.
    cutting = f"resized to {resized[0]}×{resized[1]} and cut out of the middle, " if resized != cut else ""
    size = sum((folder / name).stat().st_size for name in card.files or ())
    values: dict[str, Any] = {
        "folder": folder,
        "what": f"{card.form}, {card.precision}" + (f", ranges from {card.calibration}" if card.calibration else ""),
        "run": f"{card.method}, preset {card.preset}, on {card.dataset}: {card.run[:12]}",
        "takes": f"{card.preprocessing.dtype} (batch, 3, {height}, {width}), {card.preprocessing.colour}, "
        f"{cutting}"
        f"mean {', '.join(map(str, card.preprocessing.mean))}, deviation {', '.join(map(str, card.preprocessing.std))}",
        "weights": card.weights_sha256[:12],
        "files": f"{len(card.files or ())}, {_megabytes(size)}",
        "suite": card.suite_version,
    }
    show_values("Export", values)
    rows = []
    for exit_ in card.exits:
        code = f"{exit_.dim:,} {'bits' if exit_.code == 'binary' else 'floats'}"
        row = [exit_.name, code, macs(exit_.cumulative_macs)]
        if exit_.file:
            tensors = f"{len(exit_.inputs)} → {len(exit_.outputs)}"
            row += [exit_.file, _megabytes((folder / exit_.file).stat().st_size), tensors]
        rows.append(row)
    columns = ["exit", "embedding", "MACs to here", *(["file", "size", "tensors"] if card.form == "onnx" else [])]
    OUT.print()
    show_table("Exits", columns, rows, texts=["file"])


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _show_differences(card: ModelCard, differences: list[ExitDifference], images: str, same: bool) -> None:
    ranked = any(part.mean_ap is not None for part in differences)
    columns = ["backend", "exit", "bits that differ", "largest difference", "relative"]
    columns += ["rank-1 (%)", "mAP (%)"] if ranked else []
    rows = []
    for part in differences:
        bits = "-" if part.bits is None else f"{part.flipped:,} of {part.bits:,}"
        floats = ["-" if value is None else f"{value:.1e}" for value in (part.absolute, part.relative)]
        row = [part.backend, part.exit, bits, *floats]
        for value, network in ((part.rank_1, part.reference_rank_1), (part.mean_ap, part.reference_mean_ap)):
            if ranked and value is not None and network is not None:
                row.append(f"{percent(value)} (network {percent(network)})")
        rows.append(row)
    caption = (
        f"{card.method}, {card.precision}, beside the network in float32 on {images}. Relative: to the largest number "
        "of the same embedding."
    )
    show_table("Export and network", columns, rows, caption, texts=["exit"])
    if card.precision == EXACT:
        verdict = "[green]the same[/green]" if same else "[bold red]not the same[/bold red]"
        OUT.print(f"The export computes {verdict} as the network.")
    else:
        OUT.print(escape(f"An export of {card.precision} is not held to the network; its accuracy is what it costs."))
