"""Training throughput by where the images come from, side by side: python benchmarks/training.py

The network of a preset is trained for a few batches on tensors that are in memory already (nothing can be faster), from
the store of decoded images, and the usual way: files decoded and transformed image by image in two worker processes.
Each row prints images a second and the share of the first row's; and images a second without a network, which is what
the feeding costs. On a processor, feeding and multiplying share the cores: the faster it multiplies, the more feeding
counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from bench import registry
from bench.data.augmentation import IMAGENET_MEAN, IMAGENET_STD, normalise, training_view
from bench.data.cache import default_cache
from bench.data.dataset import DatasetRequest
from bench.data.images import open_store
from bench.data.sampling import identity_batches
from bench.data.split import relabel
from bench.device import DeviceImages, open_device, run_outputs
from bench.training.schedule import build_optimiser


class Files(Dataset):
    """Images as most toolkits read them: one file, one decoding, one set of transforms at a time."""

    def __init__(self, paths: list[Path], size: tuple[int, int], flip: float, erase: float) -> None:
        self.paths = paths
        self.transform = v2.Compose(
            [
                v2.Resize(size, antialias=True),
                v2.RandomHorizontalFlip(flip),
                v2.PILToTensor(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(list(IMAGENET_MEAN), list(IMAGENET_STD)),
                v2.RandomErasing(erase),
            ]
        )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Tensor:
        return self.transform(Image.open(self.paths[index]).convert("RGB"))


def main() -> None:
    """Time all three and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="hashreid")
    parser.add_argument("--preset", default="demo")
    parser.add_argument("--size", default="demo", help="size of the rendered set")
    parser.add_argument("--batches", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=None)
    arguments = parser.parse_args()

    cache = arguments.cache or default_cache()
    method = registry.method(arguments.method)
    preset = method.presets[arguments.preset]
    recipe = preset.recipe
    dataset = registry.dataset("synthped").open(DatasetRequest(cache, {"size": arguments.size}))
    store = open_store(dataset.train, recipe.stored_size, cache / "images")
    labels = relabel(dataset.train)
    batches = [torch.from_numpy(batch) for batch in identity_batches(labels, recipe, 0, 0)]
    batches = (batches * -(-arguments.batches // len(batches)))[: arguments.batches]
    fabric = open_device()
    images = DeviceImages(store, fabric, recipe.input_size)
    generator = torch.Generator(device=fabric.device).manual_seed(0)
    ready = normalise(images.views(batches[0])[0])
    changes = recipe.augmentation

    def in_memory() -> Iterator[Tensor]:
        return (ready for _ in batches)

    def from_store() -> Iterator[Tensor]:
        return (training_view(images.batch(batch), recipe, generator) for batch in batches)

    def from_files() -> Iterator[Tensor]:
        files = Files([sample.path for sample in dataset.train], recipe.input_size, changes.flip, changes.erase)
        loader = DataLoader(files, batch_sampler=[batch.tolist() for batch in batches], num_workers=2)
        return (batch.to(fabric.device) for batch in loader)

    network = fabric.to_device(
        method.build({**preset.network, "weights": "none"}, int(labels.max()) + 1, recipe.input_size)
    )
    network.to(memory_format=torch.channels_last).train()
    optimiser = build_optimiser(recipe.optimiser, network.parameters(), fabric.device.type)

    def epoch(feed: Callable[[], Iterator[Tensor]]) -> float:
        started = time.perf_counter()
        for batch, inputs in zip(batches, feed(), strict=True):
            outputs = run_outputs(network, inputs.contiguous(memory_format=torch.channels_last), fabric)
            targets = torch.from_numpy(np.asarray(labels[batch.numpy()])).to(fabric.device)
            optimiser.zero_grad(set_to_none=True)
            torch.stack(list(method.loss(outputs, targets, preset.network).values())).sum().backward()
            optimiser.step()
        if fabric.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - started

    feeds = {"tensors in memory": in_memory, "image store": from_store, "files, two workers": from_files}

    def feeding(feed: Callable[[], Iterator[Tensor]]) -> float:
        started = time.perf_counter()
        for inputs in feed():
            inputs.contiguous(memory_format=torch.channels_last)
        return time.perf_counter() - started

    epoch(in_memory)  # warm up
    # In turns, so that a machine that slows down slows all of them; the best of each is compared.
    turns = [[epoch(feed) for feed in feeds.values()] for _ in range(arguments.repeats)]
    seconds = dict(zip(feeds, map(min, zip(*turns, strict=True)), strict=True))
    count = len(batches) * recipe.batch_size
    title = f"{arguments.method}, preset {arguments.preset}, {count} images of {recipe.input_size}"
    print(f"{title}, {torch.get_num_threads()} threads")
    for name, time_taken in seconds.items():
        share = seconds["tensors in memory"] / time_taken
        print(f"{name:20s} {count / time_taken:8.1f} images/s   {share:5.2f} of memory's")
    print(f"image store against files: {seconds['files, two workers'] / seconds['image store']:.2f} times as fast")
    for name in ("image store", "files, two workers"):
        alone = min(feeding(feeds[name]) for _ in range(arguments.repeats))
        print(f"{name}, without a network: {count / alone:,.0f} images/s")


if __name__ == "__main__":
    main()
