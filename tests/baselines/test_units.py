"""Convolutions of MSDNet and RANet on maps of one row or column."""

import pytest
import torch
import torch.nn.functional as F

from baselines.networks.units import SteppingConvolution

SIZES = [(1, 1), (2, 1), (1, 3), (5, 1), (4, 4)]


@pytest.mark.parametrize("size", SIZES)
def test_a_stride_over_one_row_or_column_changes_nothing(size):
    convolution = SteppingConvolution(6, 5, 3, stride=2, padding=1, bias=False).double()
    maps = torch.randn(3, 6, *size, dtype=torch.float64)
    expected = F.conv2d(maps, convolution.weight, stride=2, padding=1)
    assert convolution(maps).shape == expected.shape
    torch.testing.assert_close(convolution(maps), expected)


@pytest.mark.parametrize("size", SIZES)
def test_gradients_in_bfloat16_are_those_of_float32(size):
    """What was in memory would show as a gradient that is not finite, or far off."""
    convolution = SteppingConvolution(48, 24, 3, stride=2, padding=1, bias=False)
    maps = torch.randn(8, 48, *size)
    expected = torch.autograd.grad(convolution(maps).square().mean(), convolution.weight)[0]
    # Freed memory that would be taken for zeros is filled with what no gradient holds.
    rubbish = [torch.full((convolution.weight.numel(),), float("nan")) for _ in range(8)]
    del rubbish
    with torch.autocast("cpu", torch.bfloat16):
        convolved = convolution(maps)
    found = torch.autograd.grad(convolved.float().square().mean(), convolution.weight)[0]
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.02 * expected.abs().max().item())
