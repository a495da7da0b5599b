"""``bench run``: train, price, sweep; a table at the end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from bench import registry
from bench.cli.devices import DevicesOption, LossOverOption, NodesOption, ranks_of, together
from bench.cli.grid import ResourcesOption, WorkersOption, run_by_workers, run_one_by_one, show_workers, workers_asked
from bench.cli.options import (
    BackboneOption,
    CacheOption,
    DataOption,
    DataRootOption,
    DatasetOption,
    MethodsArgument,
    PresetOption,
    RecipeOption,
    ResultsOption,
    SetOption,
    choice,
    words,
)
from bench.cli.requests import methods_of, overrides, run_request
from bench.cli.sweeps import (
    ALL,
    BUDGET,
    AOption,
    APOption,
    BudgetsOption,
    PoliciesOption,
    ResamplesOption,
    ShufflesOption,
    SignalsOption,
    ThresholdingOption,
    check_unused,
    evaluation_spec,
    sweep_spec,
)
from bench.cli.terminal import ERR, OUT, in_results, show_values
from bench.counts import count_of
from bench.data.views import VIEWS
from bench.deadline import NEVER, Deadline, read_duration
from bench.errors import BenchError
from bench.running.plan import describe, forecast, forecast_all
from bench.running.shard import Shard

TRAINING = "Training"
HELD_OUT = 0.1
"""Share of the training identities that is held out, where no other is asked for."""
SLICES = "Slices of the work"


def run_command(
    method: MethodsArgument,
    dataset: DatasetOption = "synthped",
    preset: PresetOption = "demo",
    recipe: RecipeOption = "own",
    seeds: Annotated[str, typer.Option("--seeds", "--seed", help="Training seeds, comma-separated.")] = "0",
    budget_sweep: Annotated[
        bool, typer.Option("--budget-sweep", rich_help_panel=BUDGET, help="Sweep exit policies over budgets.")
    ] = False,
    policies: PoliciesOption = ALL,
    thresholding: ThresholdingOption = "stream,exact",
    cost: Annotated[
        str,
        typer.Option(rich_help_panel=BUDGET, help="What budgets are in (bench list costs), as NAME or NAME:MACHINE."),
    ] = "macs",
    budgets: BudgetsOption = 21,
    a: AOption = "",
    shuffles: ShufflesOption = 10,
    resamples: ResamplesOption = 1000,
    ap: APOption = "step",
    signals: SignalsOption = "deployed",
    views: Annotated[
        str,
        typer.Option(
            rich_help_panel=BUDGET, help="Crops of an image: centre, or ten-crop, which costs ten times as much."
        ),
    ] = "centre",
    extras: Annotated[
        bool,
        typer.Option(
            "--extras", rich_help_panel=BUDGET, help="Score embeddings that are not exits too (DaRe's fourth stage)."
        ),
    ] = False,
    weights: Annotated[
        str | None, typer.Option(rich_help_panel=TRAINING, help="Pretrained weights: imagenet, none or a file.")
    ] = None,
    as_is: Annotated[
        bool,
        typer.Option("--as-is", rich_help_panel=TRAINING, help="Train nothing: score the weights of --weights FILE."),
    ] = False,
    backbone: BackboneOption = None,
    settings: SetOption = None,
    calibration: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=TRAINING,
            help="Share of training identities held out for calibration.",
            show_default=f"{HELD_OUT}; none with --as-is",
        ),
    ] = None,
    training_share: Annotated[
        float,
        typer.Option(
            rich_help_panel=TRAINING, help="Train for this share of the recipe's epochs; warm-up and milestones follow."
        ),
    ] = 1.0,
    device: Annotated[str, typer.Option(rich_help_panel=TRAINING, help="auto, cpu, cuda or mps.")] = "auto",
    precision: Annotated[
        str, typer.Option(rich_help_panel=TRAINING, help="auto, float32 or bfloat16 (mixed).")
    ] = "auto",
    data_root: DataRootOption = None,
    data: DataOption = None,
    results: ResultsOption = Path("results"),
    cache: CacheOption = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Do everything again, whether or not results are kept.")
    ] = False,
    time_limit: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=SLICES,
            help="Stop within this time, keep everything, and exit with status 75: 90s, 9m, 1h30m.",
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(rich_help_panel=SLICES, metavar="I/N", help="Only the I-th of N parts of these runs, as 2/5."),
    ] = None,
    devices: DevicesOption = None,
    nodes: NodesOption = None,
    loss_over: LossOverOption = "batch",
    workers: WorkersOption = None,
    resources: ResourcesOption = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")] = False,
) -> None:
    """Train a method (or find it trained), price its exits, and score it: with --budget-sweep at every budget."""
    deadline = NEVER if time_limit is None else Deadline(read_duration(time_limit))
    if fresh and deadline is not NEVER:
        raise BenchError("with --fresh every slice would begin again: name --time-limit or --fresh, not both")
    part = None if shard is None else Shard.read(shard)
    asked = workers_asked(workers, resources, limited=time_limit is not None, fresh=fresh)
    ranks = ranks_of(devices, nodes, workers)
    methods = methods_of("--method", method, preset)
    swept = sweep_spec(policies, thresholding, budgets, a, shuffles, resamples, cost)
    if not budget_sweep:
        check_unused(swept)
    sweep = swept if budget_sweep else None
    evaluation = evaluation_spec(ap, signals, choice("--views", views, VIEWS))
    held_out = (0.0 if as_is else HELD_OUT) if calibration is None else calibration
    requests = [
        run_request(
            method=name,
            dataset=dataset,
            preset=preset,
            recipe=recipe,
            data_root=data_root,
            data=data,
            settings=overrides(settings, backbone=backbone, weights=weights),
            results=results,
            cache=cache,
            seed=seed,
            training_share=training_share,
            calibration_share=held_out,
            as_is=as_is,
            evaluation=evaluation,
            sweep=sweep,
            extras=extras,
            leave_out=policies == ALL,
            device=device,
            precision=precision,
            fresh=fresh,
            ranks=ranks,
            loss_over=loss_over,
        )
        for name in methods
        for seed in seeds_of(seeds)
    ]
    if part:
        all_of_them, requests = len(requests), part.take(requests)
        OUT.print(f"shard {part.number}/{part.of}: {len(requests)} of {count_of(all_of_them, 'run')}")
    # Every request is looked through before the first one starts: a typing error in the last must not cost hours.
    for request in requests:
        show_values(f"{request.method}, seed {request.seed}", describe(request))
    if dry_run:
        if asked is not None:
            show_workers(asked, requests)
        costs = {request.method: forecast(request) for request in requests}
        for name, cost_here in costs.items():
            show_values(f"{name}: what it would cost here", cost_here.lines)
        if len(requests) > 1 and (total := forecast_all([costs[request.method] for request in requests])):
            show_values("all of them", {"time here": total})
        return
    with together(requests) as followed:
        if followed:
            return
        failures = run_one_by_one(requests, deadline) if asked is None else run_by_workers(requests, asked, deadline)
    if failures:
        for title, problem in failures:
            ERR.print(f"[bold red]failed:[/bold red] {escape(f'{title}: {problem}')}", soft_wrap=True)
        raise BenchError(f"{len(failures)} of {count_of(len(requests), 'run')} failed")
    one_exit = all("static" in registry.method(request.method).groups for request in requests)
    next_step = f"bench report{in_results(results)}" if sweep or one_exit else "the same command with --budget-sweep"
    OUT.print(f"\nnext: [bold]{escape(next_step)}[/bold]", soft_wrap=True)


def seeds_of(text: str) -> list[int]:
    """Read seeds with commas. Raises :class:`BenchError` where there is none, or one is no whole number."""
    seeds = []
    for word in words(text):
        if not word.isdecimal():
            raise BenchError(f"--seeds takes whole numbers with commas, found {word!r}")
        seeds.append(int(word))
    if not seeds:
        raise BenchError("--seeds takes at least one seed")
    return seeds
