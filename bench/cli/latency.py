"""``bench latency``: seconds to every exit on this machine, and joules where there is a counter."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from bench.at_work import check_alone
from bench.cli.options import (
    BackboneOption,
    BusyOption,
    MethodsArgument,
    NoWorkersOption,
    PresetOption,
    ResultsOption,
    SetOption,
    refuse_workers,
)
from bench.cli.requests import methods_of, overrides
from bench.cli.terminal import OUT, TerminalReporter, macs, show_table
from bench.cost.profiles import machine_in_words, network_key, write_latency
from bench.files import check_writable
from bench.running.request import RunRequest
from bench.threads import wait_as_openmp_does


def latency_command(
    method: MethodsArgument,
    preset: PresetOption = "demo",
    backbone: BackboneOption = None,
    settings: SetOption = None,
    batch: Annotated[int, typer.Option(min=1, help="Batch size: 1 for a camera, more for a server.")] = 1,
    seconds: Annotated[float, typer.Option(min=0.0, max=86_400, help="How long each network is timed.")] = 3.0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, float32 or bfloat16 (mixed).")] = "auto",
    results: ResultsOption = Path("results"),
    busy: BusyOption = False,
    workers: NoWorkersOption = None,
) -> None:
    """Time a network to each of its exits, on this machine; bench report then draws accuracy against milliseconds.

    Joules are measured beside, where zeus (extra energy) can read a counter. Weights do not matter, so nothing is
    trained: run it for what was trained, or before. Keep the machine quiet.
    """
    refuse_workers(workers)
    check_writable(results)
    names = methods_of("--method", method, preset)
    requested = overrides(settings, backbone=backbone)
    requests = [RunRequest(method=name, preset=preset, settings=requested) for name in names]
    resolved = [request.resolve() for request in requests]
    beside = check_alone(busy)
    if not beside:
        wait_as_openmp_does()

    import torch

    from bench import provenance
    from bench.cost.energy import find_meter
    from bench.cost.latency import measure_joules, measure_latency
    from bench.cost.ledger import CostLedger
    from bench.device import device_name, open_device, precision_name

    fabric = open_device(device, precision)
    meter = find_meter(fabric.device.type)
    rows, paths, machines = [], [], set()
    reporter = TerminalReporter()
    with reporter.task("timing", len(names), unit="networks") as task:
        for name, (value, options, recipe) in zip(names, resolved, strict=True):
            if "weights" in options:
                options["weights"] = "none"
            network = value.build(options, 2, recipe.input_size)
            costs = CostLedger.of(network, recipe.input_size, 1).cumulative_macs
            latency = measure_latency(network, recipe.input_size, fabric, batch=batch, seconds=seconds)
            joules = measure_joules(network, recipe.input_size, fabric, meter, batch=batch, seconds=seconds)
            origin = provenance.collect(
                device=device_name(fabric),
                precision=precision_name(fabric),
                threads=torch.get_num_threads(),
                versions={},
            ) | ({"beside": beside} if beside else {})
            key = network_key(name, options, recipe.input_size)
            about = {"network": key, "method": name, "preset": preset, "input_size": list(recipe.input_size)}
            record = {**about, **asdict(latency), "provenance": origin}
            if joules is not None:
                record |= {"joules": list(joules), "counter": meter.counter}
            paths.append(write_latency(results, record))
            machines.add(machine_in_words(record))
            absent = "no counter" if meter.read is None else "not counted"
            energies = [f"{value:.3g}" for value in joules] if joules else [absent] * len(costs)
            for exit_, cost, energy, *times in zip(
                latency.exits, costs, energies, latency.milliseconds, latency.low, latency.high, strict=True
            ):
                speed = f"{batch * cost / 1e6 / times[0]:.1f}"
                taken = f"{times[0]:.2f} [{times[1]:.2f}, {times[2]:.2f}]"
                rows.append([name, exit_, macs(cost), taken, speed, energy])
            task.advance(status=name)
    caption = (
        f"{'; '.join(sorted(machines))}; batches of {batch}. From normalised images on the device to the embedding "
        "there, all steps before it included: median and quartiles. Decoding and matching are not in it. "
        f"Joules: {meter.counter}."
    )
    columns = ["method", "exit", "MACs an image", "milliseconds a batch [quartiles]", "MMAC/ms", "J a batch"]
    show_table(f"Latency, preset {preset}", columns, rows, caption, texts=["exit"])
    for path in paths:
        OUT.print(f"[dim]{escape(str(path))}[/dim]", soft_wrap=True)
