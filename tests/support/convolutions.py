"""What ran, seen from outside: every convolution and linear layer of a pass, with its multiply-adds, by hooks."""

from collections import Counter
from math import prod

import torch
from torch import nn

from bench.networks import MultiExitNetwork


def calls_and_macs(network: MultiExitNetwork, images: torch.Tensor) -> tuple[Counter[str], int]:
    """Embed images at every exit: how often each convolution and linear layer was called, and all their MACs."""
    calls: Counter[str] = Counter()
    macs = 0

    def watch(name: str):
        def hook(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            nonlocal macs
            calls[name] += 1
            macs += output.numel() * prod(module.weight.shape[1:])

        return hook

    handles = [
        module.register_forward_hook(watch(name))
        for name, module in network.named_modules()
        if isinstance(module, (nn.Conv2d, nn.Conv1d, nn.Linear))
    ]
    with torch.inference_mode():
        network.embed(images)
    for handle in handles:
        handle.remove()
    return calls, macs


def units(network: nn.Module) -> list[tuple[int, int, int, int]]:
    """(channels in, channels out, kernel, stride) of every convolution, in the order of the state dict."""
    return [
        (module.in_channels, module.out_channels, module.kernel_size[0], module.stride[0])
        for module in network.modules()
        if isinstance(module, nn.Conv2d)
    ]
