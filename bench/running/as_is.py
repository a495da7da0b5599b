"""Weights that are scored as they are, with nothing trained: a public checkpoint, or a finished run on other data.

A file of a whole network of this suite (a run's ``weights.safetensors``) is loaded by its names; classifiers over other
identities are left out. Every other file is loaded as pretrained weights are, by the method's own reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from bench.encoders.weights import read_state_dict
from bench.errors import BenchError
from bench.methods import Method, Options
from bench.networks import MultiExitNetwork

SEEDS = (0, 1)
NOISE = 2
"""Images of noise that both networks embed."""


def build_as_is(method: Method, options: Options, num_identities: int, input_size: tuple[int, int]) -> MultiExitNetwork:
    """Build a method's network with the weights of the file that its options name, for what is embedded.

    Raises :class:`BenchError` where the file cannot be read or does not fit, or leaves some part that embeddings
    depend on at its random start: the network is built from two seeds, and both must embed noise alike.
    """
    networks = []
    given = read_state_dict(Path(str(options["weights"])))
    with torch.random.fork_rng(devices=[]):
        for seed in SEEDS:
            torch.manual_seed(seed)
            networks.append(_build(method, options, given, num_identities, input_size))
        images = torch.randn(NOISE, 3, *input_size)
    with torch.inference_mode():
        first, second = (network.eval().embed(images) for network in networks)
    unfilled = [
        spec.name
        for spec, one, other in zip(networks[0].exits, first, second, strict=True)
        if not torch.equal(one, other)
    ]
    if unfilled:
        raise BenchError(
            f"weights {options['weights']} do not fill all of {method.name}: what it embeds at {', '.join(unfilled)} "
            "still depends on random parts, so that there is nothing to score. Name the method whose whole network the "
            "file holds, or train: leave out --as-is"
        )
    return networks[0]


def _build(
    method: Method,
    options: Options,
    given: Mapping[str, torch.Tensor],
    num_identities: int,
    input_size: tuple[int, int],
) -> MultiExitNetwork:
    untrained = {**options, "weights": "none"}
    network = method.build(untrained, num_identities, input_size)
    own: Mapping[str, torch.Tensor] = network.state_dict()
    if given.keys() != own.keys():
        return method.build(options, num_identities, input_size)
    network.load_state_dict(
        {name: value for name, value in given.items() if value.shape == own[name].shape}, strict=False
    )
    return network
