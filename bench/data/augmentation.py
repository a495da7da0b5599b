"""Random changes to training images, a whole batch at a time, on the device of the batch.

The transforms of torchvision (v2 included) draw their random numbers once a call: a batch is flipped or erased as one,
and single images cost a Python loop. Here every image has its own draws. All draws of a batch come from one call to the
generator, and nothing waits for the device.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.training.recipe import Augmentation, Recipe

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Mean and standard deviation of RGB in [0, 1] that ImageNet weights were trained with."""

ERASED_ASPECT = (0.3, 1 / 0.3)
"""Height / width of an erased rectangle (Zhong et al. 2020, section 4)."""
ERASING_ATTEMPTS = 32
"""Rectangles drawn for an image, of which the first that fits is erased. The paper tries 100; at 2:1 images about one
in four is too large, so that 32 all fail once in 10^19 images."""
DRAWS = 6
"""Random numbers of an image beside those of the rectangles: flip, two of the crop, three of the erasing."""


Part = tuple[int, slice] | None
"""The number of images of a larger batch, and which of them are at hand; None for a batch that is whole."""


class Augmented(NamedTuple):
    """Changed images, uint8 (B, 3, H, W).

    ``noisy`` (B, 1, H, W) is True where noise replaces the normalised pixels; None where nothing is filled with noise.
    """

    images: Tensor
    noisy: Tensor | None


def training_view(images: Tensor, recipe: Recipe, generator: torch.Generator, part: Part = None) -> Tensor:
    """Augment stored uint8 images (B, 3, H, W), cut them to the recipe's input size and normalise them (float32).

    Where the images are ``part`` of a larger batch, numbers are drawn for all of it: the parts are changed as the whole
    would be.
    """
    changed, noisy = augment(images, recipe.augmentation, generator, recipe.input_size, part)
    normalised = normalise(changed)
    if noisy is None:
        return normalised
    whole, mine = part or (len(images), slice(None))
    shape = (whole, *normalised.shape[1:])
    noise = torch.randn(shape, generator=generator, device=generator.device)[mine].to(normalised.device)
    return torch.where(noisy, noise, normalised)


def augment(
    images: Tensor,
    recipe: Augmentation,
    generator: torch.Generator,
    size: tuple[int, int] | None = None,
    part: Part = None,
) -> Augmented:
    """Flip, crop to ``size`` (by default the images' own) and erase uint8 images (B, 3, H, W), each by its own draws.

    The result is a new tensor. It depends on the images, the recipe and the generator's state alone. Numbers are drawn
    on the generator's device: a generator on the CPU gives the same changes on every device. The number of draws does
    not depend on the recipe, so two recipes that differ in one change agree in the others.
    """
    batch = len(images)
    whole, mine = part or (batch, slice(None))
    draws = torch.rand(whole, DRAWS + 2 * ERASING_ATTEMPTS, generator=generator, device=generator.device)
    draws = draws[mine].to(images.device)
    flip, crop_top, crop_left, erase, erase_top, erase_left = draws[:, :DRAWS].unbind(1)
    images = _choose((flip < recipe.flip).view(-1, 1, 1, 1), images.flip(-1), images)
    if recipe.pad > 0:
        images = F.pad(images, (recipe.pad,) * 4)
    if recipe.pad > 0 or size is not None:
        border = 2 * recipe.pad
        size = size or (images.shape[2] - border, images.shape[3] - border)
        images = _crop(images, size, crop_top, crop_left)
    if recipe.erase <= 0:
        return Augmented(images, None)
    rectangles = draws[:, DRAWS:].view(batch, 2, ERASING_ATTEMPTS)
    erased = _rectangles(
        (images.shape[2], images.shape[3]), recipe.erase_area, rectangles[:, 0], rectangles[:, 1], erase_top, erase_left
    )
    erased &= (erase < recipe.erase).view(-1, 1, 1, 1)
    if recipe.erase_with == "noise":
        return Augmented(images, erased)
    return Augmented(_choose(erased, _mean_pixel(images.device), images), None)


def normalise(images: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Normalise uint8 images (B, 3, H, W) by ImageNet's mean and standard deviation; gives ``dtype``."""
    scale, shift = _normalisation(images.device)
    return (images * scale).sub_(shift).to(dtype)


def _crop(images: Tensor, size: tuple[int, int], top: Tensor, left: Tensor) -> Tensor:
    """Cut ``size`` (height, width) out of the images; ``top`` and ``left`` (B,) in [0, 1) say where."""
    height, width = size
    rows, columns = images.shape[2] - height + 1, images.shape[3] - width + 1
    if rows == columns == 1:
        return images
    # A view of all windows (B, 3, rows, columns, H, W); one window of each image is copied.
    windows = images.unfold(2, height, 1).unfold(3, width, 1)
    image = torch.arange(len(images), device=images.device)
    return windows[image, :, _below(top, rows), _below(left, columns)]


def _rectangles(
    size: tuple[int, int], bounds: tuple[float, float], area: Tensor, aspect: Tensor, top: Tensor, left: Tensor
) -> Tensor:
    """Draw one rectangle in each image of ``size``: (B, 1, H, W), True inside (Zhong et al. 2020).

    As in the authors' code and in later ones: the first rectangle that is smaller than the image is put anywhere within
    it. Algorithm 1 of their paper draws the corner anywhere in the image, and all anew where the rectangle sticks out,
    so large ones are rarer: at 128×64 it erases 15% of an image on average, this 20%.

    ``bounds`` are the least and the greatest area, as fractions of the image. ``area`` and ``aspect`` (B, attempts) and
    ``top`` and ``left`` (B,) are uniform in [0, 1). The fill is the mean pixel, so an erased pixel is zero after
    normalisation. Several published codes erase after normalising and fill with 0.485, 0.456, 0.406: a light grey.
    """
    height, width = size
    area = height * width * (bounds[0] + area * (bounds[1] - bounds[0]))
    aspect = ERASED_ASPECT[0] + aspect * (ERASED_ASPECT[1] - ERASED_ASPECT[0])
    tall, wide = (area * aspect).sqrt().round(), (area / aspect).sqrt().round()
    fits = (tall < height) & (wide < width)
    first = fits.to(torch.uint8).argmax(1, keepdim=True)
    tall, wide = tall.gather(1, first)[:, 0].long(), wide.gather(1, first)[:, 0].long()
    top, left = _below(top, height - tall + 1), _below(left, width - wide + 1)
    row, column = torch.arange(height, device=area.device), torch.arange(width, device=area.device)
    in_rows = (row >= top[:, None]) & (row < (top + tall)[:, None]) & fits.any(1)[:, None]
    in_columns = (column >= left[:, None]) & (column < (left + wide)[:, None])
    return in_rows[:, None, :, None] & in_columns[:, None, None, :]


def _choose(condition: Tensor, chosen: Tensor, otherwise: Tensor) -> Tensor:
    """``torch.where`` for uint8, by bit operations: on the CPU torch has no vector code for it on bytes."""
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
