"""Random changes to training images, a whole batch at a time, on whatever device the batch is on.

The transforms of torchvision (v2 included) draw their random numbers once a call, so a batch given to them is flipped
or erased as one, and giving them single images costs a Python loop. Here every image has its own draws, all of a batch
in one call to the generator, and nothing waits for the device.
"""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.training.recipe import Augmentation

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Mean and standard deviation of RGB in [0, 1] that ImageNet weights were trained with."""

ERASED_SHARE = (0.02, 0.4)
ERASED_ASPECT = (0.3, 1 / 0.3)
"""Area of an erased rectangle as a share of the image, and its height / width (Zhong et al. 2020, section 4)."""
ERASING_ATTEMPTS = 32
"""Rectangles drawn for an image, of which the first that fits is erased. The paper tries 100; at 2:1 images about one
in four is too large, so that 32 all fail once in 10^19 images."""
DRAWS = 6


def augment(images: Tensor, recipe: Augmentation, generator: torch.Generator) -> Tensor:
    """Flip, crop and erase uint8 images (B, 3, H, W), each by its own draws; gives a new tensor of the same kind.

    The result is a function of the images, the recipe and the generator's state. The draws are made on the generator's
    device: a generator on the CPU gives the same changes on every device. How much is drawn does not depend on the
    recipe, so recipes that differ in one change share the others.
    """
    batch = len(images)
    draws = torch.rand(batch, DRAWS + 2 * ERASING_ATTEMPTS, generator=generator, device=generator.device)
    draws = draws.to(images.device)
    flip, crop_top, crop_left, erase, erase_top, erase_left = draws[:, :DRAWS].unbind(1)
    images = _choose((flip < recipe.flip).view(-1, 1, 1, 1), images.flip(-1), images)
    if recipe.pad > 0:
        images = _crop(images, recipe.pad, crop_top, crop_left)
    if recipe.erase > 0:
        rectangles = draws[:, DRAWS:].view(batch, 2, ERASING_ATTEMPTS)
        images = _erase(images, erase < recipe.erase, rectangles[:, 0], rectangles[:, 1], erase_top, erase_left)
    return images


def normalise(images: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Map uint8 images (B, 3, H, W) to ``dtype`` with ImageNet's mean and standard deviation."""
    scale, shift = _normalisation(images.device)
    return (images * scale).sub_(shift).to(dtype)


def _crop(images: Tensor, pad: int, top: Tensor, left: Tensor) -> Tensor:
    """Cut the size of the images out of a black border of ``pad`` pixels; ``top`` and ``left`` (B,) are in [0, 1)."""
    height, width = images.shape[2:]
    # A view of every window (B, 3, 2·pad + 1, 2·pad + 1, H, W), of which one for each image is copied.
    windows = F.pad(images, (pad, pad, pad, pad)).unfold(2, height, 1).unfold(3, width, 1)
    image = torch.arange(len(images), device=images.device)
    return windows[image, :, _below(top, 2 * pad + 1), _below(left, 2 * pad + 1)]


def _erase(images: Tensor, chosen: Tensor, area: Tensor, aspect: Tensor, top: Tensor, left: Tensor) -> Tensor:
    """Fill one rectangle of each ``chosen`` (B,) image with ImageNet's mean (Zhong et al. 2020, algorithm 1).

    ``area`` and ``aspect`` (B, attempts) and ``top`` and ``left`` (B,) are uniform in [0, 1). The fill is the mean of
    the pixels, so that an erased pixel is zero after normalisation; several baselines erase after normalising and fill
    with 0.485, 0.456, 0.406 there, which is a light grey.
    """
    height, width = images.shape[2:]
    area = height * width * (ERASED_SHARE[0] + area * (ERASED_SHARE[1] - ERASED_SHARE[0]))
    aspect = ERASED_ASPECT[0] + aspect * (ERASED_ASPECT[1] - ERASED_ASPECT[0])
    tall, wide = (area * aspect).sqrt().round(), (area / aspect).sqrt().round()
    fits = (tall < height) & (wide < width)
    first = fits.to(torch.uint8).argmax(1, keepdim=True)
    tall, wide = tall.gather(1, first)[:, 0].long(), wide.gather(1, first)[:, 0].long()
    chosen = chosen & fits.any(1)
    top, left = _below(top, height - tall + 1), _below(left, width - wide + 1)
    row, column = torch.arange(height, device=images.device), torch.arange(width, device=images.device)
    in_rows = (row >= top[:, None]) & (row < (top + tall)[:, None]) & chosen[:, None]
    in_columns = (column >= left[:, None]) & (column < (left + wide)[:, None])
    inside = in_rows[:, None, :, None] & in_columns[:, None, None, :]
    return _choose(inside, _mean_pixel(images.device), images)


def _choose(condition: Tensor, chosen: Tensor, otherwise: Tensor) -> Tensor:
    """``torch.where`` for uint8, ten times as fast on the CPU, where it has no vector code for bytes."""
    mask = condition.to(torch.uint8).neg_()  # 0 or 255: all bits
    return otherwise ^ ((otherwise ^ chosen) & mask)


def _below(uniform: Tensor, limit: Tensor | int) -> Tensor:
    """Whole numbers 0…limit−1 from ``uniform`` (B,) in [0, 1)."""
    return (uniform * limit).long()


@functools.cache
def _normalisation(device: torch.device) -> tuple[Tensor, Tensor]:
    mean, std = (torch.tensor(values, dtype=torch.float64).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return (1 / (255 * std)).to(device, torch.float32), (mean / std).to(device, torch.float32)


@functools.cache
def _mean_pixel(device: torch.device) -> Tensor:
    return torch.tensor(IMAGENET_MEAN).mul(255).round().to(torch.uint8).view(1, 3, 1, 1).to(device)
