"""Cut a chain of modules into an encoder, by the resolutions of the maps between them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from bench.encoders.encoder import Encoder
from bench.errors import BenchError

REDUCTIONS = (4, 8, 16, 32)
"""Factors by which the four stages reduce height and width of the input."""
PROBE_PIXELS = 128


def cut_by_resolution(modules: Sequence[nn.Module], name: str) -> Encoder:
    """Make an encoder of modules that run one after the other.

    Modules before a quarter of the input's resolution are the stem. A stage is the modules that work at one of the four
    resolutions. Raises :class:`BenchError` where the maps do not have exactly these resolutions, or it does not run.
    """
    stages: list[list[nn.Module]] = [[], [], [], []]
    stem: list[nn.Module] = []
    widths = [0, 0, 0, 0]
    for module, (reduction, channels) in zip(modules, _probe(modules, name), strict=True):
        if reduction < REDUCTIONS[0]:
            stem.append(module)
            continue
        if reduction not in REDUCTIONS:
            raise _no_stages(name)
        stage = REDUCTIONS.index(reduction)
        stages[stage].append(module)
        widths[stage] = channels
    if not all(stages):
        raise _no_stages(name)
    first, second, third, fourth = (nn.Sequential(*stage) for stage in stages)
    return Encoder(nn.Sequential(*stem), (first, second, third, fourth), (widths[0], widths[1], widths[2], widths[3]))


@torch.no_grad()
def _probe(modules: Sequence[nn.Module], name: str) -> list[tuple[int, int]]:
    """(reduction, channels) of the maps that leave each module, from one pass that leaves running statistics alone."""
    maps = torch.zeros(1, 3, PROBE_PIXELS, PROBE_PIXELS)
    reductions_and_channels = []
    for module in modules:
        training = module.training
        try:
            maps = module.eval()(maps)
        except Exception as problem:  # a stranger's modules
            reason = (str(problem) or type(problem).__name__).splitlines()[0]
            raise BenchError(
                f"backbone {name} does not run on images of {PROBE_PIXELS}×{PROBE_PIXELS}, by which its stages are "
                f"found ({reason}): choose another network"
            ) from problem
        module.train(training)
        if not isinstance(maps, torch.Tensor) or maps.ndim != 4:
            raise _no_stages(name)
        reductions_and_channels.append((PROBE_PIXELS // maps.shape[2], maps.shape[1]))
    return reductions_and_channels


def _no_stages(name: str) -> BenchError:
    return BenchError(
        f"backbone {name} has no four stages whose maps are a 4th, 8th, 16th and 32nd of the input: exits have no place"
    )
