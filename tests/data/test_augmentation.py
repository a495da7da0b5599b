import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms.v2 import functional as reference

from bench.data.augmentation import IMAGENET_MEAN, IMAGENET_STD, augment, normalise, training_view
from bench.errors import BenchError
from bench.training.recipe import Augmentation, Recipe

FILL = torch.tensor([124, 116, 104], dtype=torch.uint8).view(3, 1, 1)
NOTHING = Augmentation(flip=0, erase=0, pad=0)


def noise(batch: int, height: int = 24, width: int = 12) -> torch.Tensor:
    """Images without zeros, so that black can only be a border, and without a flip or shift that maps one to itself."""
    generator = torch.Generator().manual_seed(9)
    return torch.randint(1, 100, (batch, 3, height, width), dtype=torch.uint8, generator=generator)


def draw(images: torch.Tensor, recipe: Augmentation, seed: int = 0) -> torch.Tensor:
    return augment(images, recipe, torch.Generator().manual_seed(seed)).images


def erased_box(image: np.ndarray) -> tuple[int, int, int, int] | None:
    """(top, left, height, width) of the filled pixels, after checking that they are one whole rectangle."""
    filled = (image == FILL.numpy()).all(0)
    if not filled.any():
        return None
    rows, columns = np.flatnonzero(filled.any(1)), np.flatnonzero(filled.any(0))
    top, left, height, width = rows[0], columns[0], len(rows), len(columns)
    assert filled[top : top + height, left : left + width].all()
    assert filled.sum() == height * width
    return top, left, height, width


@given(st.integers(0, 5), st.floats(0, 1), st.floats(0, 1), st.integers(0, 4), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_deterministic_and_leaves_its_input(batch, flip, erase, pad, seed):
    images, recipe = noise(batch), Augmentation(flip, erase, pad)
    before = images.clone()
    result = draw(images, recipe, seed)
    assert result.shape == images.shape
    assert result.dtype == torch.uint8
    assert torch.equal(result, draw(images, recipe, seed))
    assert torch.equal(images, before)


def test_nothing_to_do():
    images = noise(8)
    assert torch.equal(draw(images, NOTHING), images)


def test_flips_whole_images_each_by_its_own_draw():
    images = noise(2000, 4, 6)
    result = draw(images, Augmentation(flip=0.3, erase=0))
    flipped = (result == images.flip(-1)).flatten(1).all(1)
    kept = (result == images).flatten(1).all(1)
    assert (flipped ^ kept).all()
    assert flipped.float().mean() == pytest.approx(0.3, abs=0.05)
    assert torch.equal(draw(images, Augmentation(flip=1, erase=0)), images.flip(-1))


def test_crops_are_shifts_of_each_image_over_a_black_border():
    images, pad = noise(600, 7, 5), 2
    result = draw(images, Augmentation(flip=0, erase=0, pad=pad))
    assert result.is_contiguous()
    padded = torch.nn.functional.pad(images, (pad,) * 4)
    counts = np.zeros((2 * pad + 1, 2 * pad + 1), dtype=int)
    for border, image in zip(padded.numpy(), result.numpy(), strict=True):
        shifts = [
            (top, left)
            for top in range(2 * pad + 1)
            for left in range(2 * pad + 1)
            if (border[:, top : top + 7, left : left + 5] == image).all()
        ]
        assert len(shifts) == 1
        counts[shifts[0]] += 1
    assert counts.min() > 5  # 24 expected
    assert counts.max() < 60


def test_erases_one_rectangle_within_the_bounds_of_the_paper():
    height, width = 64, 32
    images = noise(1500, height, width)
    result = draw(images, Augmentation(flip=0, erase=0.5)).numpy()
    images = images.numpy()
    boxes = [erased_box(image) for image in result]
    assert np.mean([box is not None for box in boxes]) == pytest.approx(0.5, abs=0.06)
    for image, changed, box in zip(images, result, boxes, strict=True):
        if box is None:
            assert (image == changed).all()
            continue
        outside = (changed != FILL.numpy()).any(0)
        assert (image[:, outside] == changed[:, outside]).all()
        _, _, tall, wide = box
        # The sides are rounded to pixels: compare with what rounding can make of the exact bounds.
        assert (tall + 0.5) * (wide + 0.5) >= 0.02 * height * width
        assert (tall - 0.5) * (wide - 0.5) <= 0.4 * height * width
        assert (tall + 0.5) / (wide - 0.5) >= 0.3
        assert (tall - 0.5) / (wide + 0.5) <= 1 / 0.3
    tops, lefts, talls, wides = np.array([box for box in boxes if box]).T
    assert tops.min() == 0
    assert lefts.min() == 0
    assert (tops + talls).max() == height
    assert (lefts + wides).max() == width
    area = talls * wides / (height * width)
    assert area.min() < 0.04
    assert area.max() > 0.35


def test_erasing_follows_the_distribution_of_the_authors_code():
    """Their paper's algorithm 1 rejects rectangles that stick out at the corner that was drawn, not only by size."""
    height, width, count = 32, 16, 4000
    generator, expected = np.random.default_rng(0), []
    while len(expected) < count:  # try until a rectangle is smaller than the image
        area, aspect = generator.uniform(0.02, 0.4) * height * width, generator.uniform(0.3, 1 / 0.3)
        tall, wide = round((area * aspect) ** 0.5), round((area / aspect) ** 0.5)
        if tall < height and wide < width:
            top, left = generator.integers(height - tall + 1), generator.integers(width - wide + 1)
            expected.append((top, left, tall, wide))
    result = draw(noise(1, height, width).expand(count, -1, -1, -1), Augmentation(flip=0, erase=1))
    found = np.array([erased_box(image) for image in result.numpy()])
    np.testing.assert_allclose(found.mean(0), np.mean(expected, 0), rtol=0.06)
    np.testing.assert_allclose(found.std(0), np.std(expected, 0), rtol=0.06)


def test_crops_out_of_larger_images():
    """Every position of the smaller size comes up, about equally often; nothing is resampled."""
    images, size = noise(600, 7, 5), (5, 4)
    result = augment(images, NOTHING, torch.Generator().manual_seed(0), size).images
    assert result.shape == (600, 3, *size)
    counts = np.zeros((3, 2), dtype=int)
    for whole, image in zip(images.numpy(), result.numpy(), strict=True):
        corners = [
            (top, left)
            for top in range(3)
            for left in range(2)
            if (whole[:, top : top + 5, left : left + 4] == image).all()
        ]
        assert len(corners) == 1
        counts[corners[0]] += 1
    assert counts.min() > 60  # 100 expected
    assert counts.max() < 145


def test_noise_is_filled_in_after_normalising():
    """DaRe's erasing: standard normal numbers, one for each pixel and channel, in 2 to 20 % of the image."""
    changes = Augmentation(flip=0, erase=1, erase_area=(0.02, 0.2), erase_with="noise")
    recipe = Recipe(input_size=(64, 32), augmentation=changes)
    images = torch.full((300, 3, 64, 32), 128, dtype=torch.uint8)
    result = training_view(images, recipe, torch.Generator().manual_seed(0))
    plain = normalise(images)
    erased = (result != plain).any(1)
    assert torch.equal(torch.where(erased[:, None], plain, result), plain)
    shares = erased.float().mean(dim=(1, 2))
    assert shares.min() > 0.01
    assert shares.max() < 0.22
    filled = result.movedim(1, 3)[erased]
    assert filled.mean().item() == pytest.approx(0, abs=0.02)
    assert filled.std().item() == pytest.approx(1, abs=0.02)
    assert torch.corrcoef(filled.T)[0, 1].item() == pytest.approx(0, abs=0.02)
    again = training_view(images, recipe, torch.Generator().manual_seed(0))
    assert torch.equal(result, again)


def test_where_is_erased_does_not_depend_on_what_is_filled_in():
    images = noise(64)
    seed = torch.Generator().manual_seed(0)
    mean = augment(images, Augmentation(flip=0.5, erase=0.5), seed).images
    noisy = augment(images, Augmentation(flip=0.5, erase=0.5, erase_with="noise"), torch.Generator().manual_seed(0))
    assert noisy.noisy is not None
    assert torch.equal(torch.where(noisy.noisy, FILL, noisy.images), mean)


@pytest.mark.parametrize("wrong", [{"erase_area": (0.3, 0.1)}, {"erase_area": (0.0, 0.1)}, {"erase_with": "black"}])
def test_impossible_erasing_is_refused(wrong):
    with pytest.raises(BenchError):
        Augmentation(**wrong)


def test_a_change_of_one_probability_keeps_the_other_draws():
    images = noise(64)
    both = draw(images, Augmentation(flip=0.5, erase=0.5, pad=2))
    unerased = draw(images, Augmentation(flip=0.5, erase=0, pad=2))
    assert ((both == unerased) | (both == FILL)).all()


def test_draws_do_not_touch_the_global_generator():
    before = torch.get_rng_state()
    draw(noise(4), Augmentation(0.5, 0.5, 2))
    assert torch.equal(torch.get_rng_state(), before)


def test_normalises_as_torchvision_does():
    images = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(2, 3, -1, -1)
    expected = reference.normalize(images.double() / 255, list(IMAGENET_MEAN), list(IMAGENET_STD))
    torch.testing.assert_close(normalise(images), expected.float(), rtol=0, atol=1e-6)
    half = normalise(images, torch.bfloat16)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half, expected.to(torch.bfloat16), rtol=1e-2, atol=1e-3)
    assert normalise(FILL[None]).abs().max() < 0.02


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_same_changes_on_the_gpu_from_a_generator_on_the_cpu():
    images, recipe = noise(32), Augmentation(0.5, 0.5, 2)
    assert torch.equal(draw(images.cuda(), recipe).cpu(), draw(images, recipe))
    own = torch.Generator("cuda").manual_seed(0)
    assert augment(images.cuda(), recipe, own).images.is_cuda
