"""Time our engine beside earlyon (pip install earlyon), a public package for early exits, on one network.

Run by hand on a quiet machine, ``python benchmarks/beside_earlyon.py``. The network is torchvision's ResNet-50 with
random weights and an exit after each of its four stages; the heads are the same modules on both sides. Who leaves where
is drawn, a quarter at each exit. All sides are timed in one run, in random order, by CPU time on one thread; the least
of several passes counts.

earlyon routes single images by hooks. A batch leaves as a whole, at the first exit where all of its images may.
Ours also searches a small gallery at every exit, which earlyon has no part for.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.allocation import keep_large_blocks
from bench.budget.policies.random import RANDOM
from bench.budget.thresholding.calibrated import FixedThresholds
from bench.inference.backends.by_name import open_backend
from bench.inference.compaction import measure_steps
from bench.inference.engine import Engine
from bench.inference.gallery import Gallery, GalleryExit
from bench.networks import ExitOutput, ExitSpec, MultiExitNetwork

CLASSES = 1000
STAGES = ("layer1", "layer2", "layer3", "layer4")
CERTAIN = 1e4
"""What a drawn decision adds to a logit, so that its probability is 1."""


class ResNetExits(MultiExitNetwork):
    """A ResNet-50 cut after each stage; embeddings are the logits (B, classes) of its heads."""

    def __init__(self, backbone: nn.Module, heads: list[nn.Module]) -> None:
        super().__init__()
        self.stem = nn.Sequential(backbone.conv1, backbone.bn1, backbone.relu, backbone.maxpool)
        self.stages = nn.ModuleList(getattr(backbone, name) for name in STAGES)
        self.heads = nn.ModuleList(heads)
        self.exits = tuple(ExitSpec(name, CLASSES, "continuous") for name in STAGES)

    def start(self, images: Tensor) -> Tensor:
        """Run the stem on images (B, 3, H, W)."""
        return self.stem(images)

    def step(self, state: Tensor, exit_index: int) -> tuple[Tensor, Tensor]:
        """Run a stage and its head."""
        maps = self.stages[exit_index](state)
        return maps, self.heads[exit_index](maps)

    def outputs(self, images: Tensor, num_exits: int | None = None) -> list[ExitOutput]:
        """This network is not trained."""
        return [ExitOutput(embedding, embedding) for embedding in self.embed(images, num_exits)]


class DrawnHead(nn.Module):
    """A head of earlyon that is certain of the images which are drawn to leave there or before."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head
        self.leaves = torch.zeros(1)

    def forward(self, maps: Tensor) -> Tensor:
        """Compute the logits (B, classes), then add the decisions."""
        logits = self.head(maps)
        logits[:, 0] += CERTAIN * self.leaves
        return logits


def main() -> None:
    """Read the options, time both, print lines and keep them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", default="1,32")
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--gallery", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    try:
        from earlyon.core.exit_head import EarlyExitHead
        from earlyon.models import custom_ee
    except ImportError:
        parser.exit(1, "earlyon is not installed: pip install earlyon (0.3.0 was used), then run this again\n")
    from torchvision.models import resnet50

    torch.set_num_threads(1)
    keep_large_blocks()  # as every command does that opens a device; both sides have it
    torch.manual_seed(0)
    backbone = resnet50(weights=None, num_classes=CLASSES)
    settle(backbone, options.size)
    heads = [EarlyExitHead(width, CLASSES) for width in (256, 512, 1024)]
    last = nn.Sequential(backbone.avgpool, nn.Flatten(), backbone.fc)
    # A copy: the backend lays its weights out channels last.
    ours = ResNetExits(copy.deepcopy(backbone), copy.deepcopy([*heads, last])).eval()
    shape = (1, 3, options.size, options.size)
    theirs = custom_ee(backbone, list(STAGES[:-1]), CLASSES, input_shape=shape, confidence_thresholds=[0.9] * 3).eval()
    for number, head in enumerate(heads):
        theirs.exit_heads[f"e{number}"] = DrawnHead(head).eval()
    assert theirs.flops_estimate, "it is made when it is first asked for: before anything is timed"
    generator = np.random.default_rng(0)
    images = generator.standard_normal((options.images, *shape[1:]), dtype=np.float32)
    exits = generator.permutation(np.resize(np.arange(len(STAGES)), options.images))
    lines = []
    for batch in map(int, options.batches.split(",")):
        lines.append(compare(ours, theirs, images, exits, batch, options, generator))
        print(" ".join(f"{key}={value}" for key, value in lines[-1].items()), flush=True)
    if options.json:
        options.json.write_text(json.dumps(lines, indent=1) + "\n")


def settle(backbone: nn.Module, size: int) -> None:
    """Take batch statistics from noise: with the initial ones, random weights give numbers beyond all measure."""
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.inference_mode():
        backbone.train()(torch.randn(8, 3, size, size))
    backbone.eval()


def compare(
    ours: ResNetExits,
    theirs: Any,
    images: np.ndarray,
    exits: np.ndarray,
    batch: int,
    options: argparse.Namespace,
    generator: np.random.Generator,
) -> dict[str, Any]:
    """Time all images on both sides, ``batch`` at a time: CPU milliseconds an image, and the ratio ours / theirs."""
    engine = engine_of(ours, images, exits, batch, options.gallery, generator)
    heads = list(theirs.exit_heads.values())
    tensors = torch.from_numpy(images)
    laid_out = {"earlyon": tensors, "earlyon_channels_last": tensors.contiguous(memory_format=torch.channels_last)}

    def leave_by_engine() -> None:
        found = [engine.answer(images[rows], np.zeros(len(rows), dtype=np.int64), rows).exits for rows in parts]
        assert np.array_equal(np.concatenate(found), exits)

    def leave_by_hooks(given: Tensor) -> None:
        for rows in parts:
            for index, head in enumerate(heads):
                head.leaves = torch.from_numpy((exits[rows] <= index).astype(np.float32))
            cut = given[rows[0] : rows[-1] + 1]
            result = theirs(cut) if batch == 1 else theirs.forward_inference_batched(cut)
            latest = exits[rows].max()
            assert result.exit_taken == (latest if latest < len(heads) else -1)

    parts = [np.arange(first, min(first + batch, len(images))) for first in range(0, len(images), batch)]
    sides: dict[str, Callable[[], None]] = {"engine": leave_by_engine}
    sides |= {name: lambda given=given: leave_by_hooks(given) for name, given in laid_out.items()}
    best = dict.fromkeys(sides, np.inf)
    for _ in range(options.passes):
        for name in generator.permutation(list(sides)):
            weights = torch.channels_last if name == "earlyon_channels_last" else torch.contiguous_format
            theirs.to(memory_format=weights)
            started = time.process_time()
            sides[name]()
            best[name] = min(best[name], time.process_time() - started)
    line: dict[str, Any] = {"batch": batch}
    line |= {f"{name}_ms": round(1e3 * value / len(images), 2) for name, value in best.items()}
    line |= {f"of_{name}": round(best["engine"] / best[name], 3) for name in laid_out}
    return line


def engine_of(
    network: ResNetExits,
    images: np.ndarray,
    exits: np.ndarray,
    batch: int,
    gallery: int,
    generator: np.random.Generator,
) -> Engine:
    """Put our engine together, on a gallery of noise, with decisions that are drawn."""
    backend = open_backend("torch", network, threads=1, device="cpu")
    kept = tuple(GalleryExit(spec.name, spec.dim, spec.code) for spec in network.exits)
    codes = tuple(generator.standard_normal((gallery, spec.dim), dtype=np.float32) for spec in network.exits)
    labels = generator.integers(1, 100, gallery), generator.integers(1, 7, gallery)
    noise = Gallery("none", "random weights", kept, codes, *labels, tuple(map(str, range(gallery))))
    draws = (np.arange(len(STAGES)) == exits[:, None]).astype(float)
    standing = FixedThresholds(np.full(len(STAGES) - 1, 0.5))
    sizes = sorted({1, 2, 4, 8, 16, batch} & set(range(batch + 1)))
    pays = measure_steps(backend, images[:batch], sizes, 0.5).pays
    # As for a policy that reads what searches find: one at every exit that a query reaches.
    policy = replace(RANDOM, searches=True)
    return Engine(backend, noise, policy, lambda: standing, np.arange(1.0, len(STAGES) + 1), pays=pays, draws=draws)


if __name__ == "__main__":
    main()
