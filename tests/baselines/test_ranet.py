import pytest
import torch
from convolutions import calls_and_macs, units
from paper_size import layers_run, paper_size, untrained

from baselines.ranet import RANET
from bench.cost.ledger import CostLedger
from bench.cost.macs import exit_macs
from bench.errors import BenchError
from bench.networks import select, state_tensors

PAPER = RANET.presets["paper"].network
MACS = [99_721_216, 296_435_712, 422_552_218, 512_022_772]
LATER_MACS = [602_560_668, 636_161_476, 932_755_310, 979_111_160]
"""Of the exits at 256×128: the first four, and the other four of the official network."""


@pytest.fixture(scope="module")
def network():
    """At preset paper; tensors are zeros, which is enough for what is counted."""
    return untrained("ranet")[0]


@pytest.fixture(scope="module")
def whole():
    """All eight exits, of zeros as well."""
    return untrained("ranet", 10, exits=8)[0]


@pytest.fixture(scope="module")
def narrow():
    """All eight exits with the official layers, in few channels and in double precision."""
    torch.manual_seed(0)
    return RANET.build({**PAPER, "exits": 8, "channels": 4, "growth": 4}, 10).double().eval()


def test_widths_of_the_table(network, whole):
    assert [(spec.dim, spec.code) for spec in network.exits] == [
        (width, "continuous") for width in (576, 1088, 641, 897)
    ]
    assert [spec.dim for spec in whole.exits] == [576, 1088, 641, 897, 458, 586, 565, 693]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((256, 128), MACS),
        ((224, 224), [166_694_912, 517_853_184, 728_303_126, 899_249_354]),
    ],
)
def test_multiply_adds_to_the_digit(network, size, expected):
    assert [run.macs for run in layers_run(network, size)] == expected


def test_all_eight_exits_to_the_digit(whole):
    runs = layers_run(whole, (256, 128))
    assert [run.macs for run in runs[4:]] == LATER_MACS
    assert sum(runs[-1].read.values()) == 82_460_617
    heads = {id(parameter) for parameter in whole.heads.parameters()}
    trunk = [1_539_648, 4_362_816, 5_990_376, 6_524_904, 7_383_722, 7_468_458, 8_834_577, 8_933_009]
    assert [sum(size for name, size in run.read.items() if name not in heads) for run in runs] == trunk


def test_trunk_heads_and_parameters_to_the_digit(network):
    ledger = CostLedger.of(network, (256, 128), 1)
    assert ledger.cumulative_macs.tolist() == exit_macs(network, (256, 128)).tolist() == MACS
    trunk = [69_861_376, 160_038_912, 249_176_128, 266_231_872]
    assert [cost.trunk_macs for cost in ledger.exits] == [b - a for a, b in zip([0, *trunk], trunk, strict=False)]
    assert ledger.parameters.cumsum().tolist() == [7_513_920, 31_648_832, 40_674_814, 55_695_892]


def test_layers_of_the_official_network(network):
    """In each fusion layer: the sub-network's own unit, the lower one's; then what is appended of the lower block."""
    second = network.subnetworks[1]
    layer = second.fused[0].layers[0]
    assert units(layer.lower) == [(64, 32, 1, 1), (32, 8, 3, 1)]
    assert units(layer.own) == [(32, 32, 1, 1), (32, 24, 3, 1)]
    last = second.fused[1].layers[-1]
    assert units(last.lower) == [(1024, 32, 1, 1), (32, 8, 3, 1)]
    assert units(last.own) == [(584, 48, 1, 1), (48, 24, 3, 2)]
    assert units(second.fused[1].append) == [(1088, 154, 1, 1)]
    assert units(second.fused[1].transition) == [(770, 385, 1, 1)]
    assert units(second.dense[0].layers[0]) == [(385, 64, 1, 1), (64, 32, 3, 1)]
    assert units(network.stem) == [(3, 16, 7, 2), (16, 16, 3, 2), (16, 32, 3, 2), (32, 64, 3, 2)]


def test_the_state_is_what_later_steps_read(network):
    shapes = []
    with torch.inference_mode():
        state = network.start(torch.randn(1, 3, 256, 128))
        assert [tuple(part.shape[1:]) for part in state_tensors(state)] == [(64, 8, 4), (32, 16, 8)]
        for index in range(4):
            state, _ = network.step(state, index)
            shapes.append([tuple(part.shape[1:]) for part in state_tensors(state)])
    # The maps of sub-network 0 are all in its last one, of which each is the first channels.
    assert shapes == [[(32, 16, 8), (576, 8, 4)], [(32, 16, 8), (1088, 8, 4)], [(641, 8, 4)], []]


def written_out(network, images):
    """RANet as its paper draws it: every sub-network keeps the list of its maps for the next to read."""
    maps = network.stem(images)[::-1]
    embeddings, lists = [], []
    for index, part in enumerate(network.subnetworks):
        now, below, lists = maps[index], lists, []
        for number in range(len(part.fused) + len(part.dense)):
            kept = [now]
            if number < len(part.fused):
                block = part.fused[number]
                for layer, low in zip(block.layers, below[number], strict=False):
                    own = layer.own(now)
                    resize = torch.nn.Upsample(size=own.shape[2:], mode="bilinear", align_corners=True)
                    now = torch.cat([resize(now), resize(layer.lower(low)), own], dim=1)
                    kept.append(now)
                resize = torch.nn.Upsample(size=now.shape[2:], mode="bilinear", align_corners=True)
                now = torch.cat([now, resize(block.append(below[number][-1]))], dim=1)
                now = block.transition(now)
            else:
                for layer in part.dense[number - len(part.fused)].layers:
                    now = torch.cat([now, layer(now)], dim=1)
                    kept.append(now)
                embeddings.append(network.heads[len(embeddings)](now))
            lists.append(kept)
    return embeddings


def test_steps_against_the_network_written_out(narrow):
    """Eight exits, so that trails of fusion blocks that halve the resolution are read as well."""
    network = narrow
    images = torch.randn(3, 3, 96, 64, dtype=torch.float64)
    with torch.inference_mode():
        for one, other in zip(network.embed(images), written_out(network, images), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-9, atol=0)


def test_queries_leave_one_by_one(narrow):
    network = narrow
    images = torch.randn(8, 3, 64, 32, dtype=torch.float64)
    rows = torch.arange(8)
    with torch.inference_mode():
        expected = network.embed(images)
        state = network.start(images)
        for index in range(8):
            state, embedding = network.step(state, index)
            torch.testing.assert_close(embedding, expected[index][rows], rtol=1e-9, atol=0)
            rows, state = rows[1:], select(state, torch.arange(1, len(rows)))


def test_nothing_is_computed_twice_or_left_out(network, whole):
    for one, expected in ((network, MACS[-1]), (whole, LATER_MACS[-1])):
        calls, macs = calls_and_macs(one, torch.randn(1, 3, 256, 128))
        assert set(calls.values()) == {1}
        assert len(calls) == len(units(one))
        assert macs == expected


@pytest.mark.parametrize("exits", [1, 3, 5])
def test_cut_in_the_middle_of_a_sub_network(exits):
    """In few channels: every layer is there, and hooks count what it does."""
    few = {"channels": 4, "growth": 4}
    cut, whole = paper_size("ranet", exits=exits, **few), paper_size("ranet", exits=8, **few)
    assert cut.dims == whole.dims[:exits]
    assert cut.macs == whole.macs[:exits]


@pytest.mark.parametrize(("wrong", "said"), [({"exits": 9}, "1 to 8 exits"), ({"growth": 2}, "growth of 4 or more")])
def test_what_cannot_be_built_is_said(wrong, said):
    with pytest.raises(BenchError, match=said):
        RANET.build({**PAPER, **wrong}, 10)
