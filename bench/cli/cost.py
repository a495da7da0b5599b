"""``bench cost``: multiply-adds of every exit, and bytes of a gallery image."""

from __future__ import annotations

from typing import Annotated

import typer

from bench import registry
from bench.budget.policy import LearnedPolicy
from bench.cli.options import BackboneOption, GalleryOption, MethodArgument, PresetOption, SetOption
from bench.cli.requests import overrides
from bench.cli.terminal import OUT, show_table
from bench.errors import BenchError
from bench.running.request import RunRequest

BUDGET_AXIS = {
    "trunk_macs": "trunk MACs",
    "head_macs": "head MACs",
    "policy_macs": "policy MACs",
    "macs": "in all",
    "cumulative_macs": "cumulative MACs",
}
"""Columns of the first table: name in the ledger, heading."""
BINARY = {"cumulative_binary_macs": "of them ±1 × ±1"}
"""A last column from the ledger, where a network multiplies bits."""
APART = {
    "matching_bit_operations": "bits matched",
    "matching_macs": "MACs matched",
    "elementwise_operations": "elementwise",
    "parameters": "parameters",
    "code_bytes": "bytes a code",
    "policy_bytes": "policy's bytes",
    "gallery_bytes": "bytes a gallery image",
}
"""Columns of the second table: name in the ledger, heading."""


def cost_command(
    method: MethodArgument,
    preset: PresetOption = "paper",
    backbone: BackboneOption = None,
    settings: SetOption = None,
    gallery: GalleryOption = 19_732,
    identities: Annotated[
        int,
        typer.Option(
            min=1, max=100_000, help="Training identities: their classifiers cost nothing but under a policy."
        ),
    ] = 751,
    policy: Annotated[
        str, typer.Option(help="Include what this exit policy computes itself (bench list policies).")
    ] = "",
) -> None:
    """Count the multiply-adds of every exit of a method: trunk, heads, and what matching adds."""
    decider = registry.policy(policy) if policy else None
    value, options, recipe = RunRequest(
        method=method, preset=preset, settings=overrides(settings, backbone=backbone)
    ).resolve()

    import numpy as np
    import torch

    from bench.cost.ledger import CostLedger
    from bench.cost.macs import alone_macs

    if "weights" in options:
        options["weights"] = "none"
    network = value.build(options, identities, recipe.input_size)
    if decider and len(network.exits) == 1:
        raise BenchError(f"{method} has one exit: no query leaves early, and no policy decides; leave out --policy")
    ledger = CostLedger.of(network, recipe.input_size, gallery)
    if decider:
        dims = np.array([spec.dim for spec in network.exits])
        # A method without classifiers has none to pay for.
        classified = network.eval().classify(torch.zeros(1, int(dims[0])), 0) is not None
        classes = identities if classified else 0
        if not classified and "classes" in getattr(decider, "reads", ()):
            raise BenchError(
                f"policy {policy} reads a classifier over the training identities, and {method} trains none: a sweep "
                "leaves it out; take another --policy (bench list policies)"
            )
        read = network.outputs(torch.zeros(1, 3, *recipe.input_size), num_exits=1)[0].features[0].numel()
        learned = (read,) if isinstance(decider, LearnedPolicy) else ()
        ledger = ledger.with_policy(decider.macs(dims, classes, *learned), decider.gallery_bytes(read))
    OUT.print(
        f"{ledger.convention}; alone: what the embedding of this exit depends on, a network with this exit only and no "
        "policy\n",
        soft_wrap=True,
    )
    height, width = ledger.input_size
    ledger_rows = ledger.rows()
    alone = alone_macs(network, recipe.input_size)
    shown = BUDGET_AXIS | (BINARY if ledger.binary_macs.any() else {})
    budget_axis = [
        [
            row["name"],
            f"{row['dim']} {'bits' if row['code'] == 'binary' else 'floats'}",
            *(f"{row[name]:,}" for name in shown),
            f"{alone_of_exit:,}",
        ]
        for row, alone_of_exit in zip(ledger_rows, alone, strict=True)
    ]
    headings = ["exit", "code", *shown.values(), "alone"]
    show_table(f"{method}, preset {preset}, 3×{height}×{width}", headings, budget_axis)
    apart = [[row["name"], *(f"{row[name]:,}" for name in APART)] for row in ledger_rows]
    title = f"Apart: matching one query with {gallery:,} gallery images, and what is no multiply-add"
    show_table(title, ["exit", *APART.values()], apart)
