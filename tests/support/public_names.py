"""Names and shapes of the tensors in checkpoints of public repositories, enumerated apart from the networks here.

KaiyangZhou/deep-person-reid, torchreid/models/osnet.py and mlfn.py. Values are a fixed function of the name.
"""

import zlib
from math import prod

import numpy as np
import torch


def _norm(name, channels):
    parts = {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}
    return {**parts, f"{name}.num_batches_tracked": ()}


def _conv_norm(name, leaving, entering, kernel=1):
    return {f"{name}.conv.weight": (leaving, entering, kernel, kernel), **_norm(f"{name}.bn", leaving)}


def _os_block(name, entering, leaving):
    inner = leaving // 4
    found = _conv_norm(f"{name}.conv1", inner, entering)
    streams = [f"{name}.conv2a"]
    streams += [
        f"{name}.conv2{letter}.{index}"
        for letter, depth in zip("bcd", (2, 3, 4), strict=True)
        for index in range(depth)
    ]
    for stream in streams:
        found |= {f"{stream}.conv1.weight": (inner, inner, 1, 1), f"{stream}.conv2.weight": (inner, 1, 3, 3)}
        found |= _norm(f"{stream}.bn", inner)
    found |= {f"{name}.gate.fc1.weight": (inner // 16, inner, 1, 1), f"{name}.gate.fc1.bias": (inner // 16,)}
    found |= {f"{name}.gate.fc2.weight": (inner, inner // 16, 1, 1), f"{name}.gate.fc2.bias": (inner,)}
    found |= _conv_norm(f"{name}.conv3", leaving, inner)
    if entering != leaving:
        found |= _conv_norm(f"{name}.downsample", leaving, entering)
    return found


def osnet(stem, first, second, third, classes=1000):
    """OSNet of these channels."""
    found = _conv_norm("conv1", stem, 3, 7)
    for number, (entering, leaving) in enumerate(((stem, first), (first, second), (second, third)), start=2):
        found |= _os_block(f"conv{number}.0", entering, leaving) | _os_block(f"conv{number}.1", leaving, leaving)
        if number < 4:
            found |= _conv_norm(f"conv{number}.2.0", leaving, leaving)
    found |= _conv_norm("conv5", third, third)
    found |= {"fc.0.weight": (512, third), "fc.0.bias": (512,), **_norm("fc.1", 512)}
    return {**found, "classifier.weight": (classes, 512), "classifier.bias": (classes,)}


def mlfn(classes=1000):
    """MLFN as it was published."""
    found = {"conv1.weight": (64, 3, 7, 7), "conv1.bias": (64,), **_norm("bn1", 64)}
    entering, number = 64, 0
    for leaving, count, gates in (
        (256, 3, (128, 64)),
        (512, 4, (256, 128)),
        (1024, 6, (512, 128)),
        (2048, 3, (512, 128)),
    ):
        for index in range(count):
            name, inner = f"feature.{number}", leaving // 2
            found |= {f"{name}.fm_conv1.weight": (inner, entering, 1, 1), **_norm(f"{name}.fm_bn1", inner)}
            found |= {f"{name}.fm_conv2.weight": (inner, inner // 32, 3, 3), **_norm(f"{name}.fm_bn2", inner)}
            found |= {f"{name}.fm_conv3.weight": (leaving, inner, 1, 1), **_norm(f"{name}.fm_bn3", leaving)}
            for place, (before, after) in zip((1, 4, 7), ((entering, gates[0]), gates, (gates[1], 32)), strict=True):
                found |= {f"{name}.fsm.{place}.weight": (after, before, 1, 1), f"{name}.fsm.{place}.bias": (after,)}
                found |= _norm(f"{name}.fsm.{place + 1}", after)
            if not index:
                found |= {
                    f"{name}.downsample.0.weight": (leaving, entering, 1, 1),
                    **_norm(f"{name}.downsample.1", leaving),
                }
            entering, number = leaving, number + 1
    found |= {"fc_x.0.weight": (1024, 2048, 1, 1), **_norm("fc_x.1", 1024)}
    found |= {"fc_s.0.weight": (1024, 512, 1, 1), **_norm("fc_s.1", 1024)}
    return {**found, "classifier.weight": (classes, 1024), "classifier.bias": (classes,)}


def filled(shapes):
    """A state dict of these names and shapes, whose values do not depend on chance or on their order."""
    return {name: _values(name, shape) for name, shape in shapes.items()}


def _values(name, shape):
    if not shape:
        return torch.tensor(1)
    values = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(prod(shape))
    if len(shape) > 1:
        values *= (shape[0] / prod(shape)) ** 0.5
    elif name.endswith("running_var"):
        values = 1 + 0.2 * np.abs(values)
    elif name.endswith("weight"):
        values = 1 + 0.1 * values
    else:
        values *= 0.2
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def image(batch, height, width):
    """Images of fixed noise (B, 3, H, W)."""
    noise = np.random.RandomState(0).standard_normal((batch, 3, height, width))
    return torch.from_numpy(noise.astype(np.float32))
