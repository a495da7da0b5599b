"""What another busy process costs a training, by how OpenMP's threads wait: python benchmarks/threads.py

Batches of a preset are trained on noise, in a new process for each setting, since OpenMP reads its settings when torch
is loaded: first alone, then with one busy loop beside. Settings take turns, and the median of all turns is printed
with their range. Run it on a quiet machine: what else is going on counts as beside, too.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

SETTINGS = {
    "as OpenMP comes": {},
    "spinning briefly": {"GOMP_SPINCOUNT": "10000"},
    "waiting passively": {"OMP_WAIT_POLICY": "passive"},
    "one thread less": {"OMP_NUM_THREADS": str(max((os.cpu_count() or 2) - 1, 1))},
}
BUSY = "while True: pass"


def train(method_name: str, preset_name: str, batches: int) -> None:
    """Train on noise, and print the seconds of every batch after the first two."""
    import torch

    from bench import registry
    from bench.device import open_device, run_outputs
    from bench.training.schedule import build_optimiser

    method = registry.method(method_name)
    preset = method.presets[preset_name]
    recipe = preset.recipe
    fabric = open_device("cpu", "float32")
    network = method.build({**preset.network, "weights": "none"}, recipe.identities_per_batch, recipe.input_size)
    network.to(memory_format=torch.channels_last).train()
    optimiser = build_optimiser(recipe.optimiser, network.parameters())
    images = torch.randn(recipe.batch_size, 3, *recipe.input_size).contiguous(memory_format=torch.channels_last)
    labels = torch.arange(recipe.identities_per_batch).repeat_interleave(recipe.images_per_identity)
    seconds = []
    for _ in range(batches + 2):
        started = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        terms = method.loss(run_outputs(network, images, fabric), labels, preset.network)
        torch.stack(list(terms.values())).sum().backward()
        optimiser.step()
        seconds.append(time.perf_counter() - started)
    print(json.dumps(seconds[2:]))


def main() -> None:
    """Train in every setting, alone and beside a busy loop, and print seconds a batch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="hashreid")
    parser.add_argument("--preset", default="demo")
    parser.add_argument("--batches", type=int, default=10)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        train(arguments.method, arguments.preset, arguments.batches)
        return
    command = [sys.executable, __file__, "--child", "--batches", str(arguments.batches)]
    command += ["--method", arguments.method, "--preset", arguments.preset]
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_", "KMP_"))}
    print(f"{arguments.method}, preset {arguments.preset}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for beside in (0, 1):
        found: dict[str, list[float]] = {name: [] for name in SETTINGS}
        others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(beside)]
        try:
            for _ in range(arguments.turns):
                for name, settings in SETTINGS.items():
                    answer = subprocess.run(command, env=plain | settings, capture_output=True, text=True, check=True)
                    found[name] += json.loads(answer.stdout)
        finally:
            for other in others:
                other.kill()
        for name, seconds in found.items():
            spread = f"{min(seconds):.3f} to {max(seconds):.3f}"
            print(f"{beside} beside  {name:20s} {statistics.median(seconds):7.3f} s a batch ({spread})", flush=True)


if __name__ == "__main__":
    main()
