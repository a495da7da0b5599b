import pytest
import torch
from convolutions import calls_and_macs, units
from paper_size import layers_run, paper_size, untrained

from baselines.msdnet import MSDNET
from baselines.networks.msdnet import MSDNet
from bench.cost.ledger import CostLedger
from bench.cost.macs import exit_macs
from bench.errors import BenchError

PAPER = MSDNET.presets["paper"].network
MACS = [215_908_352, 436_535_296, 643_180_544, 801_067_520]
"""Of every exit at 256×128."""


@pytest.fixture(scope="module")
def network():
    """At preset paper; tensors are zeros, which is enough for what is counted."""
    return untrained("msdnet")[0]


def test_widths_of_the_table(network):
    assert [(spec.dim, spec.code) for spec in network.exits] == [
        (width, "continuous") for width in (384, 384, 352, 304)
    ]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((256, 128), MACS),
        ((224, 224), [336_830_464, 680_886_272, 1_002_539_008, 1_248_202_240]),
    ],
)
def test_multiply_adds_to_the_digit(network, size, expected):
    """Of the official network cut after exit 4, every layer at all of its scales, counted with forward hooks."""
    assert [run.macs for run in layers_run(network, size)] == expected


def test_trunk_heads_and_parameters_to_the_digit(network):
    ledger = CostLedger.of(network, (256, 128), 1)
    assert ledger.cumulative_macs.tolist() == exit_macs(network, (256, 128)).tolist() == MACS
    trunk = [202_637_312, 409_993_216, 605_487_104, 755_056_640]
    assert [cost.trunk_macs for cost in ledger.exits] == [b - a for a, b in zip([0, *trunk[:3]], trunk, strict=True)]
    parameters = [3_853_504, 8_002_240, 11_950_272, 15_320_416]
    assert ledger.parameters.cumsum().tolist() == parameters
    assert sum(cost.trunk_parameters for cost in ledger.exits) == 6_112_544


def test_the_whole_official_network():
    whole = paper_size("msdnet", exits=5)
    assert (whole.dims[-1], whole.macs[-1], whole.parameters) == (560, 861_273_088, 21_969_440)


def test_layers_of_the_official_network(network):
    """Channels of single units: finest scale first; what is read of the finer scale comes before the scale's own."""
    first = units(network.blocks[0][1])
    assert first == [
        *((32, 16, 1, 1), (16, 16, 3, 1)),
        *((32, 16, 1, 1), (16, 16, 3, 2), (64, 32, 1, 1), (32, 16, 3, 1)),
        *((64, 64, 1, 1), (64, 32, 3, 2), (128, 128, 1, 1), (128, 32, 3, 1)),
        *((128, 128, 1, 1), (128, 32, 3, 2), (128, 128, 1, 1), (128, 32, 3, 1)),
    ]
    assert units(network.blocks[2][-1]) == [
        *((288, 256, 1, 1), (256, 64, 3, 1)),
        *((288, 128, 1, 1), (128, 32, 3, 2), (288, 128, 1, 1), (128, 32, 3, 1)),
    ]
    layer, transition = network.blocks[3][-2:]
    assert units(layer) == [(544, 128, 1, 1), (128, 32, 3, 2), (544, 128, 1, 1), (128, 32, 3, 1)]
    assert units(transition) == [(608, 304, 1, 1)]
    assert [module.bias is not None for module in network.modules() if isinstance(module, torch.nn.Conv2d)] == [
        True,
        *[False] * (len(units(network)) - 1),
    ]


def test_the_state_is_what_the_next_layer_reads(network):
    shapes = []
    with torch.inference_mode():
        state = network.start(torch.randn(1, 3, 256, 128))
        for index in range(4):
            state, _ = network.step(state, index)
            shapes.append([tuple(part.shape[1:]) for part in state])
    assert shapes == [
        [(96, 64, 32), (192, 32, 16), (384, 16, 8), (384, 8, 4)],
        [(192, 32, 16), (384, 16, 8), (384, 8, 4)],
        [(352, 16, 8), (352, 8, 4)],
        [],
    ]


def test_nothing_is_computed_twice_or_left_out(network):
    calls, macs = calls_and_macs(network, torch.randn(1, 3, 256, 128))
    assert set(calls.values()) == {1}
    assert len(calls) == len(units(network))
    assert macs == exit_macs(network, (256, 128))[-1]


@pytest.mark.parametrize("exits", [1, 2, 3])
def test_cut_earlier_it_leaves_out_what_is_never_read(exits, network):
    """The paper's lazy evaluation, of a network that has no later exit: what the last exit kept depends on."""
    cut, _ = untrained("msdnet", 10, exits=exits)
    macs = paper_size("msdnet", exits=exits).macs
    if exits == 1:
        assert macs == [161_382_400]
    assert macs[-1] <= exit_macs(network, (256, 128))[exits - 1]
    calls, _ = calls_and_macs(cut, torch.randn(1, 3, 64, 64))
    assert set(calls.values()) == {1}


def test_embedding_at_the_map_leaves_the_heads_convolutions_out():
    at_the_map = paper_size("msdnet", embed_at="map")
    assert at_the_map.dims == [384, 384, 352, 304]
    assert at_the_map.macs == [202_637_312, 409_993_216, 605_487_104, 755_056_640]


@pytest.mark.parametrize(
    ("wrong", "said"), [({"exits": 6}, "1 to 5 exits"), ({"growth": 5}, "even"), ({"embed_at": "neck"}, "head or map")]
)
def test_what_cannot_be_built_is_said(wrong, said):
    with pytest.raises(BenchError, match=said):
        MSDNET.build({**PAPER, **wrong}, 10)


def test_default_arguments_are_the_official_network(network):
    assert units(MSDNet(5).blocks) == units(network.blocks)
