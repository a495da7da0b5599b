from dataclasses import replace

import pytest
import torch
from convolutions import calls_and_macs
from formulas import triplet_by_formula
from paper_size import layers_run

from baselines.dare import DARE, DARE_DENSENET
from bench.cost.ledger import CostLedger
from bench.cost.macs import exit_macs
from bench.spec import RunSpec
from bench.training.schedule import build_optimiser, follow


def paper(method):
    torch.manual_seed(0)
    return method.build({**method.presets["paper"].network, "weights": "none"}, 751).eval()


@pytest.fixture(scope="module")
def resnet():
    return paper(DARE)


@pytest.fixture(scope="module")
def densenet():
    return paper(DARE_DENSENET)


def test_multiply_adds_and_parameters_on_resnet_50(resnet):
    """Stride on the 3×3 convolution; heads of 1024 and 128; 4·128 for the fusion."""
    assert exit_macs(resnet, (256, 128)).tolist() == [513_671_168, 1_185_415_168, 2_142_896_128, 2_673_607_168]
    layers = [run.macs for run in layers_run(resnet, (224, 224))]
    assert layers == [786_350_080, 1_814_609_920, 3_280_125_952, 4_091_593_216 - 4 * 128]
    ledger = CostLedger.of(resnet, (256, 128), 1)
    assert ledger.parameters.sum() == 27_977_284 == sum(part.numel() for part in resnet.parameters())
    assert [cost.head_parameters for cost in ledger.exits] == [396_416, 658_560, 1_182_848, 2_231_424 + 4]


def test_multiply_adds_and_parameters_on_densenet_201(densenet):
    assert exit_macs(densenet, (256, 128)).tolist() == [756_940_800, 1_290_272_768, 2_378_563_584, 2_806_383_104]
    ledger = CostLedger.of(densenet, (256, 128), 1)
    assert sum(part.numel() for part in densenet.parameters()) == 23_222_660
    trunk = [756_547_584, 1_289_224_192, 2_375_548_928, 2_801_270_784]
    assert [cost.trunk_macs for cost in ledger.exits] == [b - a for a, b in zip([0, *trunk], trunk, strict=False)]


def test_four_exits_of_128_the_last_of_them_fused(resnet):
    assert [(spec.name, spec.dim, spec.code) for spec in resnet.exits] == [
        (name, 128, "continuous") for name in ("exit 1", "exit 2", "exit 3", "fusion")
    ]
    with torch.inference_mode():
        outputs = resnet.outputs(torch.randn(2, 3, 64, 32))
    weights = resnet.heads[3].weights.weight.flatten().tolist()
    assert len(weights) == 4
    stages = [output.embedding for output in outputs[:3]] + [outputs[3].extras["stage 4"]]
    by_hand = sum(weight * stage for weight, stage in zip(weights, stages, strict=True))
    torch.testing.assert_close(outputs[3].embedding, by_hand)


def test_the_densenets_exits_normalise_for_themselves(densenet):
    """Exits 1–3 read a block before its transition, through a norm of their own; the fourth reads the last norm's."""
    images = torch.randn(2, 3, 64, 32)
    with torch.inference_mode():
        maps = densenet.start(images)[0]
        for stage, head, width in zip(densenet.stages, densenet.heads, (256, 512, 1792, 1920), strict=True):
            maps = stage(maps)
            assert maps.shape[1] == width
            assert len(head.activate) == (2 if width != 1920 else 0)
            pooled = head.pool(maps)
            expected = head.activate[0](maps).relu() if width != 1920 else maps
            torch.testing.assert_close(pooled, expected.mean(dim=(2, 3)))
        assert (maps >= 0).all()


@pytest.mark.parametrize("which", ["resnet", "densenet"])
def test_nothing_is_computed_twice(which, request):
    network = request.getfixturevalue(which)
    calls, macs = calls_and_macs(network, torch.randn(1, 3, 256, 128))
    assert set(calls.values()) == {1}
    assert macs == exit_macs(network, (256, 128))[-1]


def test_the_state_carries_the_embeddings_to_be_fused(resnet):
    with torch.inference_mode():
        state = resnet.start(torch.randn(2, 3, 64, 32))
        for index in range(3):
            state, embedding = resnet.step(state, index)
            assert len(state[1]) == index + 1
            assert torch.equal(state[1][-1], embedding)
        assert resnet.step(state, 3)[0] == ()


def test_loss_is_the_soft_margin_triplet_of_five_outputs():
    torch.manual_seed(0)
    network = DARE.build(DARE.presets["smoke"].network, 4)
    outputs = network.outputs(torch.randn(8, 3, 64, 32))
    labels = torch.arange(4).repeat_interleave(2)
    terms = DARE.loss(outputs, labels, {"deep_supervision": True})
    stages = [output.embedding for output in outputs[:3]] + [outputs[3].extras["stage 4"]]
    expected = [triplet_by_formula(part.tolist(), labels.tolist(), None) for part in (*stages, outputs[3].embedding)]
    assert terms["stages"].item() == pytest.approx(sum(expected[:4]), rel=1e-4)
    assert terms["fusion"].item() == pytest.approx(expected[4], rel=1e-4)


def test_without_deep_supervision_the_fusion_alone_has_a_loss():
    """Section 5.2: all intermediate losses are removed; every head still learns, through the weighted sum."""
    torch.manual_seed(0)
    network = DARE.build(DARE.presets["smoke"].network, 4)
    outputs = network.outputs(torch.randn(8, 3, 64, 32))
    labels = torch.arange(4).repeat_interleave(2)
    both = DARE.loss(outputs, labels, {"deep_supervision": True})
    terms = DARE.loss(outputs, labels, {"deep_supervision": False})
    assert list(terms) == ["fusion"]
    assert terms["fusion"].item() == both["fusion"].item()
    terms["fusion"].backward()
    for head in network.heads:
        assert head.embed[3].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("method", [DARE, DARE_DENSENET], ids=lambda method: method.name)
def test_kept_runs_keep_their_keys(method):
    """What was trained before the switch was there had deep supervision, and is found under the same key."""
    assert method.option_defaults == {"deep_supervision": True}
    for preset in method.presets.values():
        spec = RunSpec("d", "f" * 64, method.name, "demo", preset.network, preset.recipe, 0, 0.1, "float32")
        before = {name: value for name, value in preset.network.items() if name != "deep_supervision"}
        with_switch = replace(spec, option_defaults=method.option_defaults)
        assert with_switch.key == replace(spec, network=before).key
        off = {**preset.network, "deep_supervision": False}
        assert replace(with_switch, network=off).key != with_switch.key


def test_the_last_stages_own_embedding_is_an_extra(resnet):
    """The paper's Figure 3 has it beside the fusion; it is no exit."""
    assert [(spec.name, spec.dim) for spec in resnet.extras] == [("stage 4", 128)]
    images = torch.randn(2, 3, 64, 32)
    with torch.inference_mode():
        (extra,) = resnet.embed_extras(images)
        state = resnet.start(images)
        for index in range(3):
            state, _ = resnet.step(state, index)
        maps = resnet.stages[3](state[0])
        torch.testing.assert_close(extra, resnet.heads[3].embed(maps.mean(dim=(2, 3))))
        assert not torch.allclose(extra, resnet.embed(images)[3])


def test_the_official_schedule():
    """3e-4 for 30,000 of 60,000 batches, then ·0.001^((t − 30,000) / 30,000), with β1 = 0.5 from there on."""
    recipe = DARE.presets["paper"].recipe
    assert recipe.epochs * recipe.batches_per_epoch == 60_000
    assert recipe.batch_size == 72
    optimiser = build_optimiser(recipe.optimiser, [torch.nn.Parameter(torch.zeros(1))])
    for batch, rate, first in [
        (1, 3e-4, 0.9),
        (29_999, 3e-4, 0.9),
        (30_000, 3e-4, 0.5),
        (45_000, 3e-4 * 0.001**0.5, 0.5),
    ]:
        assert follow(optimiser, recipe, batch / recipe.batches_per_epoch) == pytest.approx(rate)
        assert optimiser.param_groups[0]["lr"] == pytest.approx(rate)
        assert optimiser.param_groups[0]["betas"] == (first, 0.999)
    assert follow(optimiser, recipe, recipe.epochs) == pytest.approx(3e-7)
