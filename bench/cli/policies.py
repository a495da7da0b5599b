"""``bench policies``: who leaves at the first exit under each policy, and whether that was right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from bench.cli.options import (
    BackboneOption,
    CacheOption,
    DataOption,
    DataRootOption,
    DatasetOption,
    MethodArgument,
    PresetOption,
    RecipeOption,
    ResultsOption,
    SetOption,
    choice,
)
from bench.cli.outcome import data_name, of_kind, show_outcomes, show_policies
from bench.cli.requests import named_or_all, overrides, run_request
from bench.cli.terminal import OUT, TerminalReporter, show_values
from bench.errors import BenchError
from bench.files import check_writable
from bench.running.plan import describe
from bench.spec import EvaluationSpec, SweepSpec


def policies_command(
    method: MethodArgument,
    dataset: DatasetOption = "synthped",
    preset: PresetOption = "demo",
    recipe: RecipeOption = "own",
    seed: Annotated[int, typer.Option(min=0, help="Training seed.")] = 0,
    policies: Annotated[str, typer.Option(help="Exit policies, comma-separated, or all.")] = "all",
    signals: Annotated[str, typer.Option(help="What decisions look at: deployed, or protocol (leaks).")] = "deployed",
    backbone: BackboneOption = None,
    settings: SetOption = None,
    calibration: Annotated[
        float, typer.Option(help="Share of training identities held out: thresholds are chosen on them.")
    ] = 0.1,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    data_root: DataRootOption = None,
    data: DataOption = None,
    results: ResultsOption = Path("results"),
    cache: CacheOption = None,
) -> None:
    """Compare exit policies: precision and recall of leaving at the first exit, and which policy wins overall.

    The run is trained and swept first if it is not there. Writes the figure and the table (HashReID's Figure 5), and
    sample queries: their first match at every exit (Figure 6), and by class of policies such as ETS (Figure 7).
    """
    request = run_request(
        method=method,
        dataset=dataset,
        preset=preset,
        recipe=recipe,
        data_root=data_root,
        data=data,
        settings=overrides(settings, backbone=backbone),
        results=results,
        cache=cache,
        seed=seed,
        calibration_share=calibration,
        evaluation=EvaluationSpec(signals=choice("--signals", signals, ("deployed", "protocol"))),
        sweep=SweepSpec(tuple(named_or_all("--policies", policies, "policy"))),
        leave_out=policies == "all",
        device=device,
    )
    if not calibration:
        raise BenchError("thresholds are chosen on identities held out of training: --calibration above 0")
    check_writable(results)
    show_values(f"{method}, seed {seed}", describe(request))

    # Here, not at the top: help and mistakes in the options should not wait for scipy.
    from bench.report.figures.example import example_figure, match_figure
    from bench.report.folder import write_outcomes
    from bench.running.examples import collect_pictures
    from bench.running.run import run

    result = run(request, TerminalReporter())
    if not of_kind(result, "outcome"):
        raise BenchError(f"{method} has one exit: no query leaves early, and there is nothing to compare")
    OUT.print()
    for name, learned in result.header["learned"].items():
        if learned:
            counts = ", ".join(f"{value:,} {what}" for what, value in learned.items())
            OUT.print(f"[dim]{escape(f'{name} learned from {counts}')}[/dim]")
    show_outcomes(result)
    show_policies(result)
    title = f"{method}, preset {preset}, seed {seed}, on {data_name(result)}"
    pictures = collect_pictures(request, TerminalReporter())
    drawings = {
        f"{found.policy.replace(':', '-')}-classes": example_figure(found, title) for found in pictures.examples
    }
    if pictures.top_matches:
        drawings["top-matches"] = match_figure(pictures.top_matches, title)
    folder = results / "policies" / result.folder.path.name
    for path in write_outcomes(results, result.folder.path, result.header, folder, drawings):
        OUT.print(f"[dim]{escape(str(path))}[/dim]", soft_wrap=True)
