"""``bench architecture``: search for the blocks of a network before it is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from bench.cli.options import (
    CacheOption,
    DataOption,
    DataRootOption,
    DatasetOption,
    MethodArgument,
    PresetOption,
    ResultsOption,
    SetOption,
    typed,
)
from bench.cli.requests import overrides, run_request
from bench.cli.run import HELD_OUT
from bench.cli.terminal import OUT, TerminalReporter, percent, show_table
from bench.files import check_writable


def search_command(
    method: MethodArgument = "cdnet",
    dataset: DatasetOption = "synthped",
    preset: PresetOption = "demo",
    seed: Annotated[int, typer.Option(help="Seed of the search.")] = 0,
    settings: SetOption = None,
    calibration: Annotated[
        float, typer.Option(help="Share of training identities held out, as for the runs that follow.")
    ] = HELD_OUT,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start the search again, whether or not a part is kept.")
    ] = False,
    data_root: DataRootOption = None,
    data: DataOption = None,
    results: ResultsOption = Path("results"),
    cache: CacheOption = None,
) -> None:
    """Search for a network's blocks among candidates (CNet and CDNet), and write them as a genotype file.

    Half of the images of every training identity train the candidates, the other half the choice. A search that was
    stopped goes on after its last epoch.
    """
    from bench.architecture.found import find_architecture  # not at the top: help should not wait for NumPy

    request = run_request(
        method=method,
        dataset=dataset,
        preset=preset,
        recipe="own",
        data_root=data_root,
        data=data,
        settings=overrides(settings),
        results=results,
        cache=cache,
        seed=seed,
        calibration_share=calibration,
        device=device,
        precision=precision,
        fresh=fresh,
    )
    check_writable(results)
    found = find_architecture(request, TerminalReporter())

    from bench.report.figures.architecture import architecture_figure, progress_figure
    from bench.report.folder import write_folder

    drawn = {"architecture": architecture_figure(found.values), "progress": progress_figure(found.values)}
    files = write_folder(found.file.parent, {}, drawn)
    rows = []
    for number, probabilities in enumerate(found.values["probabilities"], start=1):
        first, second = sorted(zip(probabilities, found.values["candidates"], strict=True), reverse=True)[:2]
        rows.append([str(number), first[1], percent(first[0]), second[1], percent(second[0])])
    columns = ["block", "chosen", "probability (%)", "next", "its probability (%)"]
    caption = "A block is named by its two kernels, and how often it is repeated."
    show_table(f"Architecture of {method}, {preset}, seed {seed}", columns, rows, caption, texts=["chosen", "next"])
    for path in (found.genotype, *files):
        OUT.print(f"[dim]{escape(str(path))}[/dim]", soft_wrap=True)
    # What decides which identities are held out goes with it: a search of others has seen some of them.
    asked = {"dataset": (dataset, "synthped"), "preset": (preset, "demo"), "seed": (seed, 0)}
    asked["calibration"] = (calibration, HELD_OUT)
    same = "".join(f" --{name} {value}" for name, (value, default) in asked.items() if value != default)
    where = f" --data-root {data_root}" if typed(data_root) else ""
    where += "".join(f" --data {option}" for option in data or ())
    train = f"bench run --method {method}{same}{where} --set {found.values['option']}={found.genotype}"
    OUT.print(f"Train it: {escape(train)}", soft_wrap=True)
