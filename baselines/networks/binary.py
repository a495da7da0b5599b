"""Binary convolutions: weights and activations of ±1, a scale for each output channel, gradients through the signs."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.networks import BINARY_PRODUCTS, sign


class ActivationSign(torch.autograd.Function):
    """The sign of an activation x, whose gradient is that of a piecewise polynomial (Liu et al., Bi-Real Net, eq. 7).

    2 + 2x from −1 to 0, 2 − 2x from 0 to 1, and 0 outside.
    """

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        """Binarise to ±1."""
        context.save_for_backward(values)
        return sign(values)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        """Scale the gradient by the polynomial's slope."""
        (values,) = context.saved_tensors
        return gradient * (2 - 2 * values.abs()).clamp(min=0)


class WeightSign(torch.autograd.Function):
    """The sign of a weight, whose gradient passes where the weight is within ±1 (Rastegari et al., XNOR-Net, 3.1)."""

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        """Binarise to ±1."""
        context.save_for_backward(values)
        return sign(values)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        """Let the gradient pass within ±1."""
        (values,) = context.saved_tensors
        return gradient * (values.abs() <= 1)


_Which = tuple[tuple[Any, ...], ...]
"""What tells parameters from those of before: where they lie, how often they were changed, kind and device."""


def activation_sign(values: Tensor) -> Tensor:
    """Binarise activations: with a gradient where one is wanted, else by plain operators, which can be exported."""
    return ActivationSign.apply(values) if values.requires_grad else sign(values)


def weight_sign(values: Tensor) -> Tensor:
    """Binarise weights, in the same way."""
    return WeightSign.apply(values) if torch.is_grad_enabled() and values.requires_grad else sign(values)


class BinaryProducts(nn.Module):
    """The convolution of signs with signs: what an exclusive-or and a population count would do 64 at a time."""

    def __init__(self, stride: int, padding: int) -> None:
        super().__init__()
        self.stride, self.padding = stride, padding
        setattr(self, BINARY_PRODUCTS, True)

    def forward(self, activations: Tensor, weights: Tensor) -> Tensor:
        """Convolve ±1 (B, C, H, W) with ±1 (C_out, C, k, k)."""
        return F.conv2d(activations, weights, stride=self.stride, padding=self.padding)


class BinaryConvolution(nn.Module):
    """Activations (B, C, H, W), binarised → (B, C_out, H, W): binary products, times a scale of each output channel.

    The scale is learned, or with ``learned_scale`` off the mean magnitude of the filter's weights (XNOR-Net, eq. 6).
    The padding of a binary convolution is 0, which is neither sign: it adds nothing. While ``real`` is set, training
    has real numbers that are as large as the signs: activations cut off at ±1, and weights divided by the mean
    magnitude of their filter. Evaluation always has signs, and takes those of the weights once: there they are
    constants, and to take them for every image is more work than the products of one.
    """

    def __init__(self, entering: int, leaving: int, kernel: int, stride: int, *, learned_scale: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(leaving, entering, kernel, kernel))
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")
        self.products = BinaryProducts(stride, kernel // 2)
        magnitudes = self.weight.detach().abs().mean(dim=(1, 2, 3))
        self.learned = nn.Parameter(magnitudes) if learned_scale else None
        self.real = False
        self._kept: tuple[_Which, Tensor, Tensor] | None = None

    @property
    def scale(self) -> Tensor:
        """Scale of each output channel (C_out,)."""
        return self.learned if self.learned is not None else self._magnitudes()

    def _magnitudes(self) -> Tensor:
        return self.weight.abs().mean(dim=(1, 2, 3))

    def reconstruction(self) -> Tensor:
        """The filters as they work, flat: scale × sign, (C_out, C·k·k)."""
        return (self.scale[:, None] * weight_sign(self.weight.detach()).flatten(1)).float()

    def forward(self, activations: Tensor) -> Tensor:
        """Binarise and convolve."""
        if self.real and self.training:
            signs, scale = self.weight / self._magnitudes()[:, None, None, None], self.scale
            products = self.products(activations.clamp(-1, 1), signs)
        else:
            signs, scale = self._constants() if self._is_fixed() else (weight_sign(self.weight), self.scale)
            products = self.products(activation_sign(activations), signs)
        return products * scale[None, :, None, None]

    def _is_fixed(self) -> bool:
        """Whether nothing is learned now, and no graph recorded, which has to say where its constants come from."""
        recorded = torch.jit.is_tracing() or torch.compiler.is_compiling()
        return not (self.training or torch.is_grad_enabled() or recorded or self.weight.is_inference())

    def _constants(self) -> tuple[Tensor, Tensor]:
        """Signs of the weights, and scales: those that are kept, where they are still of these weights."""
        which = tuple((part.data_ptr(), part._version, part.dtype, part.device) for part in self.parameters())
        if self._kept is None or self._kept[0] != which:
            self._kept = which, weight_sign(self.weight), self.scale
        return self._kept[1:]
