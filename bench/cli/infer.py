"""``bench infer``: early exit for real, at one budget or several, beside its rivals."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from bench.at_work import check_alone
from bench.cli.options import (
    BusyOption,
    CacheOption,
    DataOption,
    DataRootOption,
    NoWorkersOption,
    ResultsOption,
    data_request,
    numbers,
    refuse_unused,
    refuse_workers,
)
from bench.cli.show import RunArgument
from bench.cli.terminal import OUT, TerminalReporter, macs, percent, printable, show_table
from bench.counts import count_of
from bench.data.cache import default_cache
from bench.errors import BenchError
from bench.files import check_writable
from bench.threads import wait_as_openmp_does

if TYPE_CHECKING:
    from bench.inference.request import InferRequest
    from bench.running.context import RunContext

BATCH, ROUNDS = 32, 2
"""What is asked for where nothing else is."""


def infer_command(
    run: RunArgument,
    policy: Annotated[str, typer.Option(help="Exit policy (bench list policies).")] = "gs",
    budget: Annotated[
        str, typer.Option(help="Shares of the way from the first exit's cost to the last's, comma-separated.")
    ] = "",
    a: Annotated[
        str, typer.Option("--a", help="Values of the budget parameter in place of shares, comma-separated.")
    ] = "",
    scenario: Annotated[
        str, typer.Option(help="How queries come: single-stream, multi-stream (8), offline or server.")
    ] = "offline",
    thresholding: Annotated[str, typer.Option(help="calibrated, or stream.")] = "calibrated",
    backend: Annotated[str, typer.Option(help="What runs the steps (bench list backends).")] = "torch",
    precision: Annotated[
        str | None, typer.Option(help="float32, bfloat16, float16 or int8 (default: the run's).")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, max=4_096, help="Threads of the backend.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    batch: Annotated[
        int | None, typer.Option(help="Batch size, offline and at a server.", show_default=str(BATCH))
    ] = None,
    rebatch: Annotated[
        bool,
        typer.Option(
            "--rebatch", help="Offline: queries that go on are collected until a full batch has reached the next exit."
        ),
    ] = False,
    rounds: Annotated[
        int | None,
        typer.Option(
            help="Timed passes over the queries, for every configuration; at a server also draws of arrivals.",
            show_default=str(ROUNDS),
        ),
    ] = None,
    queries: Annotated[int | None, typer.Option(help="Use only the first N queries (default: all).")] = None,
    latency_bound: Annotated[
        float | None,
        typer.Option(help="Bound on the 99th percentile of a server's latency, ms (default: five times one query's)."),
    ] = None,
    rival: Annotated[
        list[str] | None,
        typer.Option(help="Another run to compare with (its last exit), such as a smaller network; repeatable."),
    ] = None,
    export: Annotated[Path | None, typer.Option(help="Folder of an export of this run, for exported graphs.")] = None,
    gallery: Annotated[
        Path | None, typer.Option(help="A kept gallery (bench gallery build) that answers, in place of the run's own.")
    ] = None,
    images: Annotated[Path | None, typer.Option(help="Folder of images: who is this? Nothing is measured.")] = None,
    sheet: Annotated[Path | None, typer.Option(help="Picture of the answers to --images.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the sweep, of the order of rivals and of arrivals.")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the record here too.")] = None,
    data_root: DataRootOption = None,
    data: DataOption = None,
    results: ResultsOption = Path("results"),
    cache: CacheOption = None,
    busy: BusyOption = False,
    workers: NoWorkersOption = None,
) -> None:
    """Answer a run's test queries by early exit for real, and measure what that saves beside the full network.

    Latencies are from image files to answers; the network's own are beside. Every value is kept under
    results/inference.
    """
    from bench.inference.request import InferRequest
    from bench.inference.scenarios import AT_ONCE

    refuse_workers(workers)
    request = InferRequest(
        policy=policy,
        budgets=numbers("--budget", budget) if budget else () if a else (0.5,),
        a_values=numbers("--a", a) if a else (),
        scenario=scenario,
        thresholding=thresholding,
        backend=backend,
        precision=precision,
        threads=threads,
        device=device,
        batch=BATCH if batch is None else batch,
        rebatch=rebatch,
        rounds=ROUNDS if rounds is None else rounds,
        queries=queries,
        latency_bound=latency_bound,
        export=export,
        gallery=gallery.expanduser() if gallery else None,
        seed=seed,
    )
    if scenario in AT_ONCE:
        refuse_unused({"--batch": batch}, f"scenario {scenario} says how many queries come at once; leave it out")
    if sheet is not None and images is None:
        raise BenchError("--sheet draws the answers to --images FOLDER")
    if sheet is not None and gallery is not None:
        raise BenchError("a kept gallery holds codes and no pictures: leave out --sheet, or --gallery")
    if images is None:
        check_writable(results)
    else:
        measured: dict[str, object] = {"--json": json_file, "--rival": rival, "--rounds": rounds, "--queries": queries}
        measured |= {"--rebatch": rebatch, "--latency-bound": latency_bound}
        refuse_unused(measured, "of a measurement, and --images measures nothing; leave out one of both")
    if json_file is not None:
        if json_file.suffix != ".json" or json_file.is_dir():
            raise BenchError(f"--json {json_file}: expected the name of a file that ends with .json; choose another")
        check_writable(json_file.parent, "another --json")
    if sheet is not None:
        check_writable(sheet.parent, "another --sheet")
    # Answers to a folder of images are not timed.
    beside = check_alone(busy) if images is None else []
    if not beside:
        wait_as_openmp_does()

    # Here, not at the top: help and mistakes in the options should not wait for torch.
    from bench.files import write_json
    from bench.inference.infer import infer
    from bench.inference.opening import dataset_of, open_run, reader_of
    from bench.inference.records import write_record
    from bench.runs.finding import find_run

    reporter = TerminalReporter()
    where = cache or default_cache()

    def opened(name: str) -> RunContext:
        folder = find_run(results, name)
        reader = reader_of(dataset_of(folder))
        return open_run(folder, data_request(reader.name, data_root, data, where), where, device, reporter)

    # A name that nobody has is found before the first run is read.
    for name in rival or ():
        find_run(results, name)
    context = opened(run)
    if images is not None:
        _who(request, context, images.expanduser(), sheet, reporter)
        return
    record = infer(request, context, [opened(name) for name in rival or ()], reporter)
    if beside:
        record["provenance"]["beside"] = beside
    path = write_record(results, record)
    if json_file is not None:
        write_json(json_file, record)
    _show(record)
    OUT.print(f"[dim]{escape(printable(path))}[/dim]", soft_wrap=True)


def _energy(one: Mapping[str, Any]) -> str:
    """Joules a query, and what the counter tells of in the same time where nothing runs."""
    from bench.findings.costs import JOULES  # not at the top: help should not wait for pandas

    idle = "" if one["idle_joules"] is None else f" ({JOULES.text(one['idle_joules'])} idle)"
    return JOULES.text(one["joules"]) + idle


def _show(record: Mapping[str, Any]) -> None:
    engine, scenario, peak = record["engine"], record["scenario"], record["peak_memory_bytes"]
    caption = (
        f"{record['name']}: {count_of(record['queries'], 'query')}, gallery of {record['gallery']:,}; "
        f"{engine['backend']}, {engine['precision']}, {count_of(engine['threads'], 'thread')}, {engine['device']}; "
        f"batches of {record['batch']}"
        f"{', filled up between steps' if engine.get('rebatched') else ''}, "
        f"{record['thresholding']} thresholds, {count_of(record['rounds'], 'round')}. "
        f"MACs and searches of the gallery are those of a query. Queries a second are from image files to answers. "
        f"Peak memory {'unknown' if peak is None else f'{peak / 2**20:,.0f} MiB'}. Energy: {record['counter']}."
    )
    served = scenario == "server"
    # Where there is a counter, one of the windows told nothing.
    uncounted = "no counter" if record["counter"].startswith("no counter") else "not counted"
    rows = [
        [
            one["name"],
            " ".join(f"{100 * share:.0f}" for share in one["exit_fractions"]),
            macs(one["macs"]),
            f"{one['searches']:.2f}",
            percent(one["rank-1"]),
            percent(one["mAP"]),
            f"{one['throughput']:.1f}",
            *([f"{one['rate']:.1f} ({one['rate_low']:.1f} to {one['rate_high']:.1f})"] if served else []),
            uncounted if one["joules"] is None else _energy(one),
        ]
        for one in record["contestants"]
    ]
    columns = [
        "",
        "left at exits, %",
        "MACs",
        "searches",
        "rank-1",
        "mAP",
        "queries/s",
        *(["rate kept/s"] if served else []),
    ]
    show_table(f"{scenario}: what is answered", [*columns, "J a query"], rows, caption)
    rows = [
        [one["name"]]
        + [f"{one[f'{what}_p{p}']:.2f}" for what in ("latency", "network_latency") for p in (50, 90, 99)]
        + [f"{one[what]:.2f}" for what in ("milliseconds", "network_milliseconds")]
        for one in record["contestants"]
    ]
    columns = ["", "p50", "p90", "p99", "network p50", "p90", "p99", "a query", "network a query"]
    judged = {"single-stream": " This scenario is judged by p90.", "multi-stream": " This scenario is judged by p99."}
    caption = f"From image files to answers; network: the steps and compaction alone.{judged.get(scenario, '')}"
    if served:
        bound = record["contestants"][0]["latency_bound"]
        caption += f" Of back-to-back batches; the rate kept is the highest found whose p99 is within {bound:.1f} ms:"
        caption += " median (least to greatest) over the rounds, each with arrivals of its own."
    show_table(f"{scenario}: milliseconds", columns, rows, caption)
    rows = [
        [one["name"]]
        + [percent(one[what]) for what in ("promised_by_macs", "promised_by_steps", "saved_network")]
        + [percent(one["saved_end_to_end"]), _share(one["saved_network"], one["promised_by_macs"])]
        + [_share(one["saved_network"], one["promised_by_steps"])]
        + ["" if one["decisions_changed"] is None else f"{one['decisions_changed']}"]
        + [f"{one['bits_changed']:,}" if one["bits_compared"] else ""]
        for one in record["contestants"][1:]
    ]
    columns = ["", "by MACs", "by steps", "network", "whole", "/ MACs", "/ steps", "decisions", "bits"]
    caption = (
        "Per cent of the full network's cost: promised by multiply-adds, by the step profile at the batch sizes that "
        "occurred; realised in the network, and from files to answers; realised in the network / promised. Decisions "
        "and bits are those that differ from the sweep's on the run's own codes."
    )
    show_table(f"{scenario}: what is saved", columns, rows, caption)


def _share(saved: float, promised: float) -> str:
    return f"{saved / promised:.2f}" if promised > 0 else ""


def _who(
    request: InferRequest, context: RunContext, images: Path, sheet: Path | None, reporter: TerminalReporter
) -> None:
    from bench.inference.infer import deploy, open_steps
    from bench.inference.scenarios import batch_size
    from bench.inference.who import who_is_this, write_sheet

    deployed = deploy(context, request.policy, request)
    if deployed.policy.drawn:
        raise BenchError(f"policy {request.policy} draws for the test queries alone; choose another for --images")
    budgets = [deployed.budget(share) for share in request.budgets] + [deployed.parameter(a) for a in request.a_values]
    if len(budgets) != 1:
        raise BenchError(f"images are answered at one budget, not {len(budgets)}")
    backend = open_steps(context, deployed.network, request, reporter)
    engine = deployed.engine(backend, deployed.decider(budgets[0], request.thresholding))
    sightings = who_is_this(engine, context, images, batch_size(request.scenario, request.batch))
    rows = [
        [
            printable(one.image.relative_to(images)),
            one.exit,
            " ".join(f"{found.pid} ({found.distance:g})" for found in one.found),
            # The run's own gallery is named by whole paths; a kept one by what its images are removed by.
            printable(one.found[0].name if request.gallery else Path(one.found[0].name).name)
            if one.found
            else "no identity",
            macs(one.macs),
            f"{one.milliseconds:.1f}",
        ]
        for one in sightings
    ]
    columns = ["image", "exit", "identities found (distance)", "nearest image", "MACs", "ms"]
    show_table("Who is this?", columns, rows, texts=["identities found (distance)", "exit", "nearest image"])
    if sheet is not None:
        write_sheet(sightings, sheet)
        OUT.print(f"[dim]{escape(printable(sheet))}[/dim]", soft_wrap=True)
