"""Share of an accelerator's peak that training and embedding reach: python benchmarks/accelerator.py

The peak is that of a large matrix product in the same precision, measured in the same run. A training step is what
``bench run`` does: images that lie on the device are augmented there, the network runs forward and backward, the loss
and the optimiser follow. It is timed with the operations of the network launched one by one, and as CUDA graphs.
Arithmetic is counted as two operations a multiply-add, and training as three forward passes. Embedding is timed without
the copy to the host. The last table says which kernels the device spends its time in.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench import registry
from bench.cost.macs import exit_macs
from bench.data.augmentation import normalise, training_view
from bench.device import open_device, precision_name, run_outputs
from bench.errors import BenchError
from bench.networks import ExitOutput
from bench.training.graphs import outputs_of
from bench.training.schedule import build_optimiser

IDENTITIES = 751
STORED = 2048
"""Images that lie on the device."""
EMBEDDED = (128, 512)
MATRIX = 8192


def main() -> None:
    """Time every method that is asked for, and print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", default="hashreid,dare,branchynet,msdnet,ranet,bot-r18")
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--kernels", default="hashreid", help="methods whose kernels are listed")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()

    try:
        fabric = open_device("cuda", arguments.precision)
    except BenchError as problem:
        parser.error(str(problem))
    dtype = torch.bfloat16 if precision_name(fabric) == "bfloat16" else torch.float32
    peak = matrix_rate(dtype)
    name = torch.cuda.get_device_name()
    print(f"{name}, torch {torch.__version__}, {arguments.precision}: matrix product {peak / 1e12:,.0f} TFLOP/s")
    rows: list[dict[str, Any]] = []
    for method in arguments.methods.split(","):
        for row in measure(method, arguments.preset, arguments.steps, fabric, method in arguments.kernels.split(",")):
            row["share_of_peak"] = row["flops"] / row["seconds"] / peak
            rows.append(row)
            print(
                f"{method:16s} {row['what']:34s} {row['images'] / row['seconds']:9,.0f} images/s "
                f"{row['seconds'] * 1e3:8.2f} ms {row['flops'] / row['seconds'] / 1e12:6.1f} TFLOP/s "
                f"{row['share_of_peak']:6.1%}",
                flush=True,
            )
    if arguments.json:
        arguments.json.write_text(json.dumps({"device": name, "matrix_flops": peak, "rows": rows}, indent=1))


def matrix_rate(dtype: torch.dtype) -> float:
    """Operations a second of a square matrix product."""
    left, right = (torch.randn(MATRIX, MATRIX, device="cuda", dtype=dtype) for _ in range(2))
    return 2 * MATRIX**3 / seconds_of(lambda: left @ right, 20)


def seconds_of(job: Callable[[], object], times: int) -> float:
    """Mean time of a job, after some to warm up."""
    for _ in range(5):
        job()
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(times):
        job()
    torch.cuda.synchronize()
    return (time.perf_counter() - started) / times


def measure(name: str, preset_name: str, steps: int, fabric: Any, kernels: bool) -> list[dict[str, Any]]:
    """Time training and embedding of one method."""
    method = registry.method(name)
    preset = method.presets[preset_name]
    recipe, options = preset.recipe, dict(preset.network)
    if "weights" in options:
        options["weights"] = "none"
    network = method.build(options, IDENTITIES, recipe.input_size)
    macs = int(exit_macs(network, recipe.input_size)[-1])
    fabric.to_device(network).to(memory_format=torch.channels_last)
    stored = torch.randint(0, 256, (STORED, 3, *recipe.stored_size), dtype=torch.uint8, device="cuda")
    generator = torch.Generator(device="cuda").manual_seed(0)
    labels = torch.arange(recipe.identities_per_batch, device="cuda").repeat_interleave(recipe.images_per_identity)
    optimiser = build_optimiser(recipe.optimiser, network.parameters(), "cuda")

    def step(outputs: Callable[[Tensor], list[ExitOutput]]) -> None:
        taken = torch.randint(0, STORED, (recipe.batch_size,), device="cuda", generator=generator)
        images = training_view(stored[taken], recipe, generator).contiguous(memory_format=torch.channels_last)
        total = torch.stack(list(method.loss(outputs(images), labels, options).values())).sum()
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        optimiser.step()

    def row(what: str, images: int, passes: int, seconds: float) -> dict[str, Any]:
        counts = {"images": images, "flops": 2 * macs * passes * images, "seconds": seconds}
        return {"method": name, "what": what, **counts}

    network.train()
    rows = []
    batch = recipe.batch_size

    def eager(images: Tensor) -> list[ExitOutput]:
        return run_outputs(network, images, fabric)

    rows.append(row(f"training, batch {batch}, one by one", batch, 3, seconds_of(lambda: step(eager), steps)))
    graphs = outputs_of(network, (batch, 3, *recipe.input_size), fabric)
    rows.append(row(f"training, batch {batch}, graphs", batch, 3, seconds_of(lambda: step(graphs), steps)))
    images = torch.randn(batch, 3, *recipe.input_size, device="cuda").contiguous(memory_format=torch.channels_last)

    def network_alone() -> None:
        torch.stack([output.embedding.float().mean() for output in graphs(images)]).sum().backward()

    rows.append(row(f"network alone, batch {batch}, graphs", batch, 3, seconds_of(network_alone, steps)))
    if kernels:
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
            for _ in range(10):
                step(graphs)
            torch.cuda.synchronize()
        events = sorted(profile.key_averages(), key=lambda event: -event.self_device_time_total)
        total = sum(event.self_device_time_total for event in events)
        for event in events[:20]:
            print(f"  {event.self_device_time_total / total:6.1%} {event.count:6d} × {event.key[:110]}")
    network.eval()
    height, width = recipe.input_size
    for count in EMBEDDED:
        views = stored[:count, :, :height, :width]

        @torch.inference_mode()
        def embed(views: Tensor = views) -> None:
            with fabric.autocast():
                network.embed(normalise(views).contiguous(memory_format=torch.channels_last))

        rows.append(row(f"embedding, batch {count}", count, 1, seconds_of(embed, steps)))
    return rows


if __name__ == "__main__":
    main()
