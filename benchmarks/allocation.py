"""What glibc's malloc costs large batches, with its own thresholds and with ours: python benchmarks/allocation.py

A network embeds batches of noise in eager mode, in a new process each time, as thresholds hold for a whole process.
Both settings take turns. Printed are images a second (median and range of all batches), page faults a batch, and the
most memory that the process held.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

SETTINGS = ("as glibc comes", "large blocks kept")


def embed(method_name: str, preset_name: str, batch: int, batches: int, *, kept: bool) -> None:
    """Embed noise, and print seconds and page faults of every batch after the first, and the peak memory."""
    import torch

    from bench import registry
    from bench.allocation import keep_large_blocks

    if kept and not keep_large_blocks():
        raise SystemExit("this process does not run on glibc, or its malloc is set by the environment")
    method = registry.method(method_name)
    preset = method.presets[preset_name]
    network = method.build({**preset.network, "weights": "none"}, 2, preset.recipe.input_size).eval()
    network.to(memory_format=torch.channels_last)
    images = torch.randn(batch, 3, *preset.recipe.input_size).contiguous(memory_format=torch.channels_last)
    seconds, faults = [], []
    with torch.inference_mode():
        for _ in range(batches + 1):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            started = time.perf_counter()
            network.embed(images)
            seconds.append(time.perf_counter() - started)
            faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds[1:], "faults": faults[1:], "peak": peak}))


def main() -> None:
    """Embed in both settings by turns, and print them side by side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="hashreid")
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--batches", type=int, default=5)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--child", choices=SETTINGS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    setup = (arguments.method, arguments.preset, arguments.batch, arguments.batches)
    if arguments.child:
        embed(*setup, kept=arguments.child == SETTINGS[1])
        return
    command = [sys.executable, __file__]
    for name in ("method", "preset", "batch", "batches"):
        command += [f"--{name}", str(getattr(arguments, name))]
    found: dict[str, list[dict]] = {name: [] for name in SETTINGS}
    for _ in range(arguments.turns):
        for name in SETTINGS:
            answer = subprocess.run([*command, "--child", name], capture_output=True, text=True, check=True)
            found[name].append(json.loads(answer.stdout))
    print(
        f"{arguments.method}, preset {arguments.preset}, batches of {arguments.batch}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    for name, answers in found.items():
        speeds = [arguments.batch / seconds for answer in answers for seconds in answer["seconds"]]
        faults = statistics.median(count for answer in answers for count in answer["faults"])
        peak = max(answer["peak"] for answer in answers) / 1024
        print(
            f"{name:20s} {statistics.median(speeds):7.1f} images/s ({min(speeds):.1f} to {max(speeds):.1f})"
            f"   {faults:10,.0f} page faults a batch   {peak:7,.0f} MiB at most"
        )


if __name__ == "__main__":
    main()
