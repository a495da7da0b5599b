"""``bench evaluate`` and ``bench embeddings``: embeddings from anywhere scored, and those of a run for anybody."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from bench.cli.options import CacheOption, DataOption, DataRootOption, ResultsOption, data_request
from bench.cli.outcome import show_run
from bench.cli.show import RunArgument
from bench.cli.sweeps import (
    ALL,
    AOption,
    APOption,
    BudgetsOption,
    PoliciesOption,
    ResamplesOption,
    ShufflesOption,
    SignalsOption,
    ThresholdingOption,
    evaluation_spec,
    sweep_spec,
)
from bench.cli.terminal import OUT, TerminalReporter, in_results, typed_path
from bench.errors import BenchError
from bench.files import check_writable

NAMES = "What it is called, in place of what the file says"


def evaluate_command(
    file: Annotated[Path, typer.Argument(help="File of embeddings, .npz or .safetensors (docs/bring-your-own.md).")],
    policies: PoliciesOption = ALL,
    thresholding: ThresholdingOption = "stream,exact",
    budgets: BudgetsOption = 21,
    a: AOption = "",
    shuffles: ShufflesOption = 10,
    resamples: ResamplesOption = 1000,
    ap: APOption = "step",
    signals: SignalsOption = "deployed",
    name: Annotated[str | None, typer.Option(rich_help_panel=NAMES, help="Name of the network.")] = None,
    dataset: Annotated[str | None, typer.Option("--dataset", rich_help_panel=NAMES, help="Name of the data.")] = None,
    seed: Annotated[int | None, typer.Option(rich_help_panel=NAMES, min=0, help="Seed of its training.")] = None,
    results: ResultsOption = Path("results"),
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Do everything again, whether or not results are kept.")
    ] = False,
) -> None:
    """Score embeddings of every exit, made by any network: its exits, and all policies that apply at every budget."""
    from bench.evaluation.evaluate import evaluate
    from bench.evaluation.request import EvaluationRequest

    request = EvaluationRequest(
        file=file,
        evaluation=evaluation_spec(ap, signals),
        sweep=sweep_spec(policies, thresholding, budgets, a, shuffles, resamples),
        leave_out=policies == ALL,
        results=results,
        name=name,
        dataset=dataset,
        seed=seed,
        fresh=fresh,
    )
    result = evaluate(request, TerminalReporter())
    spec = result.header["spec"]
    show_run(f"{spec['method']}, seed {spec['seed']}", result)
    OUT.print(f"\nnext: [bold]{escape(f'bench report{in_results(results)}')}[/bold]", soft_wrap=True)


def embeddings_command(
    run: RunArgument,
    out: Annotated[Path, typer.Option(help="The file to write, .npz or .safetensors.")],
    cost: Annotated[
        str | None,
        typer.Option(help="Costs of the sweep over this cost, as milliseconds (default: the newest sweep's)."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file where it is there.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    data_root: DataRootOption = None,
    data: DataOption = None,
    results: ResultsOption = Path("results"),
    cache: CacheOption = None,
) -> None:
    """Write the embeddings of a finished run with labels and costs: bench evaluate of them gives the run's records."""
    from bench.data.cache import default_cache
    from bench.evaluation.file import check_ending
    from bench.runs.finding import find_run

    check_ending(out)
    if out.exists() and not overwrite:
        raise BenchError(f"{out}: is there already; --overwrite replaces it")
    check_writable(out.parent, "another --out")
    folder = find_run(results, run)
    # A name that is no run's should not wait for torch.
    from bench.evaluation.from_run import write_run_embeddings
    from bench.inference.opening import dataset_of, reader_of

    where = cache or default_cache()
    reader = reader_of(dataset_of(folder))
    request = data_request(reader.name, data_root, data, where)
    write_run_embeddings(folder, out, request, where, cost=cost, device=device, reporter=TerminalReporter())
    OUT.print(f"embeddings of {escape(folder.path.name)} in {escape(str(out))}", soft_wrap=True)
    OUT.print(f"next: [bold]{escape(f'bench evaluate {typed_path(out)}')}[/bold]", soft_wrap=True)
