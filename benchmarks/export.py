"""Exports of every method at preset paper: do the graphs compute what the networks do, and how long does it take?

    python benchmarks/export.py [--methods hashreid,dare] [--images 8]

Weights are those that the networks start from, images are noise: neither matters for the question.
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch

from bench import registry
from bench.inference.export.card import read_card
from bench.inference.export.check import check_export, installed_backends
from bench.inference.export.run_images import noise_images
from bench.inference.export.trained import TrainedRun, build_network
from bench.inference.export.write import write_export
from bench.runs.folder import RunFolder

IDENTITIES = 751


def main() -> None:
    """Export, compare and print, method by method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", default=",".join(registry.names("method")))
    parser.add_argument("--images", type=int, default=8)
    options = parser.parse_args()
    print(f"{'method':<16} {'backend':<12} {'exit':<8} {'MiB':>6} {'bits that differ':>20} {'relative':>9}")
    for method in options.methods.split(","):
        paper = registry.method(method).presets["paper"]
        size = paper.recipe.input_size
        torch.manual_seed(0)
        network = build_network(method, paper.network, IDENTITIES, size)
        spec = {"method": method, "preset": "paper", "network": dict(paper.network), "dataset": "noise"}
        spec["recipe"] = {"input_size": list(size), "resize": []}
        run = TrainedRun(RunFolder(Path()), "0" * 64, spec, IDENTITIES, network)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            started = time.perf_counter()
            write_export(run, folder)
            seconds = time.perf_counter() - started
            card = read_card(folder)
            sizes = [(folder / exit_.file).stat().st_size / 2**20 for exit_ in card.exits]
            differences = check_export(folder, run, noise_images(options.images, size), installed_backends(card))
        for index, part in enumerate(differences):
            bits = "-" if part.bits is None else f"{part.flipped} of {part.bits}"
            relative = "-" if part.relative is None else f"{part.relative:.0e}"
            mebibytes = sizes[index % len(sizes)]
            print(f"{method:<16} {part.backend:<12} {part.exit:<8} {mebibytes:6.1f} {bits:>20} {relative:>9}")
        same = "the same" if all(part.same for part in differences) else "NOT the same"
        print(f"{method:<16} {same}; {len(sizes)} steps written in {seconds:.1f} s\n")


if __name__ == "__main__":
    main()
