"""``bench embed``: codes of a folder of images, at one exit or within a budget."""

from __future__ import annotations

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
)
from bench.cli.show import RunArgument
from bench.cli.terminal import OUT, TerminalReporter, printable, show_table
from bench.data.cache import default_cache
from bench.errors import BenchError
from bench.files import check_writable

if TYPE_CHECKING:
    from bench.inference.embedding import ImageCodes

POLICY, THRESHOLDING, BATCH = "gs", "calibrated", 32
"""What images within a budget are embedded by, where nothing else is asked for."""


def embed_command(
    run: RunArgument,
    images: Annotated[Path, typer.Option(help="Folder of images, searched recursively.")],
    out: Annotated[Path, typer.Option(help="The file to write, .npz.")],
    exit_number: Annotated[
        int | None, typer.Option("--exit", min=1, help="Number of the exit, from 1 (default: the last).")
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(help="Let a policy choose exits at this budget: a share of the way from the first to the last."),
    ] = None,
    policy: Annotated[str | None, typer.Option(help="Policy of --budget.", show_default=POLICY)] = None,
    thresholding: Annotated[
        str | None, typer.Option(help="Thresholds of --budget: calibrated, or stream.", show_default=THRESHOLDING)
    ] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, max=65_536, help="Batch size with --budget.", show_default=str(BATCH))
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file where it is there.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    data_root: DataRootOption = None,
    data: DataOption = None,
    results: ResultsOption = Path("results"),
    cache: CacheOption = None,
) -> None:
    """Write what a run's network makes of a folder of images: the codes of one exit, or of each image's own exit.

    Within a budget the run's data is read too: thresholds and the gallery are its own.
    """
    if exit_number is not None and budget is not None:
        raise BenchError("--exit takes one exit for all images, --budget one for each: give one of both")
    if budget is None:
        of_policy = {"--policy": policy, "--thresholding": thresholding, "--batch": batch}
        refuse_unused(
            {**of_policy, "--data": data, "--data-root": typed(data_root)},
            "of --budget alone, at which a policy chooses exits; give --budget too, or leave it out",
        )
    policy, thresholding, batch = policy or POLICY, thresholding or THRESHOLDING, batch or BATCH
    if out.suffix != ".npz":
        raise BenchError(f"{out}: codes are written as .npz, name the file so")
    if out.exists() and not overwrite:
        raise BenchError(f"{out}: is there already; --overwrite replaces it")
    check_writable(out.parent, "another --out")
    # Here, not at the top: help should not wait for torch.
    from bench.inference.embedding import embed_folder, save_codes
    from bench.inference.export.trained import read_trained
    from bench.runs.finding import find_run

    where = cache or default_cache()
    folder = find_run(results, run)
    trained = read_trained(folder)
    decided: dict[str, Any] | None = None
    if budget is None:
        index = (exit_number or len(trained.network.exits)) - 1
        codes = embed_folder(trained, images.expanduser(), index, where, device, TerminalReporter())
    else:
        from bench.inference.embedding import embed_within_budget
        from bench.inference.infer import deploy, open_steps
        from bench.inference.opening import open_run, reader_of
        from bench.inference.request import InferRequest

        request = InferRequest(policy=policy, budgets=(budget,), thresholding=thresholding, device=device, batch=batch)
        reader = reader_of(str(trained.spec["dataset"]))
        context = open_run(folder, data_request(reader.name, data_root, data, where), where, device, TerminalReporter())
        deployed = deploy(context, policy, request)
        if deployed.policy.drawn:
            raise BenchError(f"policy {policy} draws for the test queries alone; choose another")
        steps = open_steps(context, deployed.network, request, TerminalReporter())
        engine = deployed.engine(steps, deployed.decider(deployed.budget(budget), thresholding))
        codes = embed_within_budget(engine, images.expanduser(), trained.stored_size, trained.input_size, batch)
        decided = {"policy": policy, "thresholding": thresholding, "budget": budget}
    save_codes(out, codes, trained, decided)
    _show(out, codes)


def _show(out: Path, codes: ImageCodes) -> None:
    from bench.inference.embedding import left_at

    rows = [
        [spec.name, spec.code, f"{spec.dim:,}", f"{count:,}"]
        for spec, count in zip(codes.specs, left_at(codes), strict=True)
    ]
    show_table(printable(out), ["exit", "code", "length", "images"], rows, texts=["code"])
    OUT.print(escape(f"{len(codes.names):,} images in {printable(out)}"), soft_wrap=True)
