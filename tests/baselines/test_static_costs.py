"""Multiply-adds and parameters of static networks, against those counted on the public implementations."""

import pytest
from paper_size import paper_size, untrained

from bench import registry
from bench.cost.ledger import CostLedger
from bench.cost.macs import cross_check, exit_macs

COUNTED = {
    # The last stage at stride 1: four times the multiply-adds. The neck adds a scale for each feature.
    "bot": ([4_053_270_528], 23_508_032 + 2_048, [2048]),
    "bot-r34": ([2_392_326_144 + 3 * 419_430_400], 21_284_672 + 512, [512]),
    "bot-r18": ([1_989_672_960], 11_176_512 + 512, [512]),
    # The layers of the pyramid, with their biases, and the scales of the four codes' necks.
    "ctf": ([4_053_270_528 + 2_795_520], 23_508_032 + 2_795_520 + 2_016 + 2_720, [2048]),
    # A linear layer with its bias, and its batch norm, on a ResNet-50 of stride 2.
    "abc": ([2_669_150_208 + 2048 * 2048], 23_508_032 + 2048 * 2048 + 3 * 2048, [2048]),
    "osnet": ([978_875_392], 2_169_508, [512]),
    "osnet-x0.75": ([571_752_192], 1_285_754, [512]),
    "osnet-x0.5": ([272_899_328], 630_034, [512]),
    "osnet-x0.25": ([82_314_880], 201_864, [512]),
    "mlfn": ([2_770_888_704], 32_473_024, [1024]),
    "trinet": ([2_671_378_432], 25_739_456, [128]),
    "pcb": ([6_079_905_792], 23_508_032, [12_288]),
    "resnet-ensemble": (
        [1_185_021_952, 1_185_021_952 + 2_392_981_504, 1_185_021_952 + 2_392_981_504 + 2_671_378_432],
        11_176_512 + 21_284_672 + 2 * (512 * 1024 + 1024 + 2048 + 1024 * 128 + 128) + 25_739_456,
        [128, 128, 128],
    ),
}


@pytest.mark.parametrize("name", COUNTED)
def test_counted_on_the_public_implementations(name):
    assert paper_size(name) == COUNTED[name]


def test_the_reduced_stripes_of_pcb():
    assert paper_size("pcb", embedding="h") == ([6_079_905_792 + 6 * 2048 * 256], 24_032_832, [1_536])


def test_the_refined_parts_of_pcb():
    """The assignment of all places to all parts, and their weighted means: a multiply-add each, place and channel."""
    method = registry.method("pcb")
    smoke = method.presets["smoke"]
    size = height, width = smoke.recipe.input_size
    plain, refined = (
        method.build({**smoke.network, "refined_pooling": switched}, 5, size).eval() for switched in (False, True)
    )
    (whole,), (more,) = exit_macs(plain, size), cross_check(refined, size)
    assert more - whole == 2 * (height // 16 * (width // 16)) * smoke.network["stripes"] * (
        plain.exits[0].dim // smoke.network["stripes"]
    )
    found = paper_size("pcb", refined_pooling=True)  # it counts layers alone, and so the assignment
    assert found == ([6_079_905_792 + 24 * 8 * 6 * 2048], 23_508_032 + 6 * 2048 + 6, [12_288])


PRINTED = {"han-s": 368e6, "han-m": 533e6, "han-l": 701e6, "cnet": 821e6, "cdnet": 955e6}
"""HAN's by its paper, Table 1; CNet's and CDNet's convolutions as counted on the authors' code."""


@pytest.mark.parametrize("name", PRINTED)
def test_within_one_per_cent_of_what_is_known(name):
    assert paper_size(name).macs[-1] == pytest.approx(PRINTED[name], rel=0.01)


@pytest.mark.parametrize(("name", "millions"), [("cnet", 1.436), ("cdnet", 1.797)])
def test_parameters_of_the_searched_networks(name, millions):
    found = paper_size(name)
    assert found.parameters / 1e6 == pytest.approx(millions, abs=0.0005)
    assert found.dims == [512 + 256]


def test_harmonious_attention_costs_what_its_layers_do():
    """By hand at 160×64, small: 1×1 convolutions fuse attention at two of three levels; switches take parts out."""
    places = (40 * 16, 20 * 8, 10 * 4)
    widths = (32, 128, 256, 384)
    entering = (80 * 32, *places)
    unit = [places[level] * (9 * widths[level + 1] + widths[level + 1] ** 2) for level in range(3)]
    reduce = [entering[level] * widths[level] * widths[level + 1] for level in range(3)]
    inner = [places[level] * widths[level + 1] ** 2 for level in range(3)]
    trunk = 27 * 32 * 80 * 32 + sum(reduce) + sum(3 * unit[level] + 2 * inner[level] for level in range(3))
    without = {"soft_spatial": False, "soft_channel": False, "hard_regions": False}
    bare = trunk + 384 * 512
    assert paper_size("han-s", **without).macs == [bare]
    crops = (24 * 28, 12 * 14, 6 * 7)
    local = [
        4 * crops[level] * (9 * widths[level] + widths[level] * widths[level + 1] + widths[level + 1] ** 2)
        for level in range(3)
    ]
    positions = sum(width * 8 for width in widths[1:])
    assert paper_size("han-s", soft_spatial=False, soft_channel=False).macs == [
        bare + sum(local) + positions + 4 * 384 * 512
    ]
    channel = sum(2 * width * (width // 16) for width in widths[1:])
    spatial = sum(9 * place // 4 + place for place in places)
    full = paper_size("han-s").macs[0] - (bare + sum(local) + positions + 4 * 384 * 512)
    assert full == channel + spatial + places[1] * 256**2 + places[2] * 384**2


def test_the_ledger_counts_the_same_by_tracing():
    network, size = untrained("han-s")
    ledger = CostLedger.of(network, size, 1)
    found = paper_size("han-s")
    assert ledger.cumulative_macs.tolist() == found.macs
    assert ledger.parameters.sum() == found.parameters
