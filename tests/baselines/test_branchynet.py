import pytest
import torch
from convolutions import calls_and_macs
from paper_size import layers_run

from baselines.branchynet import BRANCHYNET
from bench.cost.macs import exit_macs
from bench.errors import BenchError

PAPER = {**BRANCHYNET.presets["paper"].network, "weights": "none"}


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return BRANCHYNET.build(PAPER, 20).eval()


@pytest.mark.parametrize("branch", ["strided", "pooled", "unequal"])
def test_lengths_of_the_table_whatever_the_branch(branch):
    network = BRANCHYNET.build({**PAPER, "branch": branch}, 3)
    assert [(spec.name, spec.dim) for spec in network.exits] == [
        ("exit 1", 14_880),
        ("exit 2", 13_440),
        ("exit 4", 2048),
    ]


def test_multiply_adds_to_the_digit(network):
    assert exit_macs(network, (256, 128)).tolist() == [547_561_472, 1_280_581_632, 2_765_365_248]
    pooled = BRANCHYNET.build({**PAPER, "branch": "pooled"}, 3).eval()
    assert [run.macs for run in layers_run(pooled, (256, 128))] == [664_272_896, 1_637_351_424, 3_122_135_040]


def test_an_embedding_is_a_whole_map(network):
    with torch.inference_mode():
        maps = network.segments[0](network.start(torch.randn(2, 3, 256, 128)))
        branch = network.heads[0][:-1](maps)
        assert branch.shape == (2, 32, 31, 15)
        torch.testing.assert_close(network.heads[0](maps), branch.flatten(1))


def test_nothing_is_computed_twice(network):
    calls, macs = calls_and_macs(network, torch.randn(1, 3, 256, 128))
    assert set(calls.values()) == {1}
    assert macs == exit_macs(network, (256, 128))[-1]


def test_another_size_is_another_network():
    network = BRANCHYNET.build(PAPER, 3, (128, 64))
    assert [spec.dim for spec in network.exits] == [32 * 15 * 7, 128 * 7 * 3, 2048]
    with pytest.raises(BenchError, match=r"built for images of \(128, 64\).*got \(256, 128\)"):
        network.start(torch.randn(1, 3, 256, 128))
    with pytest.raises(BenchError, match="too small"):
        BRANCHYNET.build(PAPER, 3, (16, 8))


def test_building_leaves_the_running_statistics_alone(network):
    assert network.stem[1].num_batches_tracked == 0


@pytest.mark.parametrize(
    ("wrong", "said"), [({"branch": "poled"}, "did you mean 'pooled'"), ({"backbone": "densenet121"}, "DenseNet")]
)
def test_what_cannot_be_built_is_said(wrong, said):
    with pytest.raises(BenchError, match=said):
        BRANCHYNET.build({**PAPER, **wrong}, 3)
