"""What static networks do beside what every method must keep."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from baselines.genotypes import read_genotype
from baselines.networks.attention import HardAttention, SoftAttention
from baselines.networks.pcb import RefinedStripes
from bench import registry
from bench.cost.macs import cross_check
from bench.errors import BenchError

IDENTITIES = 5


def build(name, **options):
    torch.manual_seed(0)
    method = registry.method(name)
    smoke = method.presets["smoke"]
    options = {**smoke.network, **options}
    return method, options, method.build(options, IDENTITIES, smoke.recipe.input_size), smoke.recipe.input_size


@pytest.mark.parametrize(("name", "exits"), [("osnet", 4), ("han-s", 3), ("cdnet", 3)])
def test_exits_after_every_stage(name, exits):
    """The variant keeps the contract, and its last exit is that of the network without early exits."""
    method, options, network, size = build(name, early_exits=True)
    assert len(network.exits) == exits
    images = torch.randn(4, 3, *size)
    terms = method.loss(network.train().outputs(images), torch.tensor([0, 0, 1, 1]), options)
    sum(terms.values()).backward()
    assert all(part.grad is not None and torch.isfinite(part.grad).all() for part in network.parameters())
    macs = cross_check(network.eval(), size)
    assert (np.diff(macs, prepend=0) > 0).all()
    with torch.inference_mode():
        state = network.start(images)
        for index, output in enumerate(network.outputs(images)):
            state, embedding = network.step(state, index)
            torch.testing.assert_close(embedding, output.embedding)
    _, _, single, _ = build(name)
    last, renamed = exits - 1, {}
    for key, value in network.state_dict().items():
        group, _, rest = key.partition(".")
        if group in ("heads", "classifiers", "necks"):
            number, _, rest = rest.partition(".")
            if int(number) != last:
                continue
            key = f"{group}.0.{rest}"
        renamed[key] = value
    single.load_state_dict(renamed)
    with torch.inference_mode():
        torch.testing.assert_close(single.eval().embed(images)[-1], network.embed(images)[-1])


SWITCHES = ("soft_spatial", "soft_channel", "hard_regions", "cross_attention")


@pytest.mark.parametrize("off", [*((switch,) for switch in SWITCHES), SWITCHES])
def test_every_part_of_harmonious_attention_can_be_switched_off(off):
    method, options, network, size = build("han-s", **dict.fromkeys(off, False))
    images = torch.randn(4, 3, *size)
    terms = method.loss(network.outputs(images), torch.tensor([0, 0, 1, 1]), options)
    sum(terms.values()).backward()
    assert all(part.grad is not None for part in network.parameters()), "no part is left that nothing reads"
    dim = options["dim"]
    assert network.exits[0].dim == (dim if "hard_regions" in off else 2 * dim)
    embedding = network.eval().embed(images)[0]
    parts = embedding.unflatten(1, (-1, dim))
    torch.testing.assert_close(parts.norm(dim=2), torch.ones(parts.shape[:2]))


def test_regions_start_as_the_four_quarters_of_the_height():
    maps = torch.randn(2, 3, 16, 6)
    attention = HardAttention(5, 4, (4, 6))
    regions = attention(maps, torch.randn(2, 5))
    torch.testing.assert_close(regions, torch.stack(maps.chunk(4, dim=2), dim=1), rtol=1e-4, atol=1e-5)


def test_regions_lie_where_they_are_sent():
    """A region moved by half of its height shows the rows there; beyond the border there is nothing."""
    maps = torch.randn(1, 3, 16, 6)
    attention = HardAttention(1, 4, (4, 6))
    with torch.no_grad():
        attention.locate.bias[1] = np.arctanh(-0.5)
        attention.locate.bias[3] = np.arctanh(-0.999)
    first, second, *_ = attention(maps, torch.zeros(1, 1))[0]
    torch.testing.assert_close(first, maps[0, :, 2:6], rtol=1e-3, atol=1e-4)
    assert second[:, 0].abs().max() == 0
    torch.testing.assert_close(second[:, 2:], maps[0, :, :2], rtol=0.05, atol=0.05)


def test_regions_lie_where_the_output_of_the_block_says():
    """Equation 7: one layer on the means of what the level's block gives, cut out of what the level was given."""
    _, _, network, size = build("han-s")
    network.eval()
    read = []
    levels = [part for part in network.modules() if getattr(part, "hard", None) is not None]
    for level in levels:
        torch.nn.init.normal_(level.hard.locate.weight)
        level.hard.register_forward_hook(lambda _, given, found: read.append((*given, found)))
    level_inputs = []
    for level in levels:
        level.register_forward_pre_hook(lambda _, given: level_inputs.append(given[0][0]))
    with torch.inference_mode():
        network.embed(torch.randn(2, 3, *size))
        for level, (maps, _, found), given in zip(levels, tuple(read), level_inputs, strict=True):
            assert maps is given
            means = level.block(given).mean(dim=(2, 3))
            torch.testing.assert_close(found, level.hard(given, means))


def test_soft_attention_is_the_product_of_two_factors():
    torch.manual_seed(0)
    attention = SoftAttention(16, spatial=True, channel=True, fuse=False).eval()
    maps = torch.randn(2, 16, 8, 4)
    means = maps.mean(dim=(2, 3))
    with torch.inference_mode():
        places = F.interpolate(attention.look(maps.mean(1, keepdim=True)), (8, 4), mode="bilinear", align_corners=False)
        channels = attention.excite(means[:, :, None, None])
        found = attention(maps, means)
    torch.testing.assert_close(found, maps * torch.sigmoid(places * channels))
    weights = (found / maps).flatten()
    assert weights.min() >= 0.5 - 1e-5, "ReLU comes before the sigmoid (section 3.2)"


@pytest.mark.parametrize(
    ("neck", "stripes", "dim"), [("fbl", 2, 32 + 16), ("fbl", 0, 32), ("bl", 2, 32), ("bn", 2, 32)]
)
def test_necks_of_the_ablation(neck, stripes, dim):
    method, options, network, size = build("cdnet", neck=neck, stripes=stripes)
    assert network.exits[0].dim == dim
    outputs = network.outputs(torch.randn(4, 3, *size))
    sum(method.loss(outputs, torch.tensor([0, 0, 1, 1]), options).values()).backward()
    assert all(part.grad is not None for part in network.parameters())
    torch.testing.assert_close(outputs[0].embedding.norm(dim=1), torch.ones(4))


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("cdnet", {"genotype": "5-7-1"}, "expected 6 blocks"),
        ("cdnet", {"genotype": "5-7-1,7-9-1,7-9-1,7-9-1,7-9-1,4-5-1"}, r"two kernels of \(3, 5, 7, 9\)"),
        ("cdnet", {"neck": "fb"}, "did you mean 'fbl'"),
        ("cdnet", {"genotype": "5-7-65,7-9-1,7-9-1,7-9-1,7-9-1,3-5-1"}, "repetitions up to 64"),
        ("han-s", {"strides": "2,1"}, "strides=2,1: expected 3 whole numbers"),
        ("han-s", {"strides": f"2,1,{10**30}"}, "expected 3 whole numbers with commas, 1 to 65,536"),
        ("han-s", {"fused_levels": "2,4"}, "fused_levels=2,4: the levels are 1, 2, 3"),
        ("abc", {"hidden": f"{10**30},1"}, "expected 2 whole numbers with commas, 1 to 65,536"),
        ("mlfn", {"blocks": "3,4,0,3"}, "blocks=3,4,0,3: expected 4 whole numbers with commas, 1 to"),
        ("mlfn", {"factors": 7}, "factors must divide the 16 inner channels"),
        ("osnet", {"width": 0.001}, "leaves none"),
        ("pcb", {"embedding": "k"}, "unknown embedding 'k'"),
        ("pcb", {"refined_pooling": True, "refine_from": 1.5}, "refine_from is the share of training"),
    ],
)
def test_options_that_cannot_be(name, options, said):
    with pytest.raises(BenchError, match=said):
        build(name, **options)


@pytest.mark.parametrize("name", ["osnet", "cnet"])
def test_images_of_which_halving_would_leave_nothing(name):
    method = registry.method(name)
    options = method.presets["smoke"].network
    with pytest.raises(BenchError, match="images of 64×12 are too small"):
        method.build(options, IDENTITIES, (64, 12))
    with torch.inference_mode():
        (embedding,) = method.build(options, IDENTITIES, (13, 13)).eval().embed(torch.randn(1, 3, 13, 13))
    assert embedding.isfinite().all()


def test_the_genotype_is_read_block_by_block():
    assert read_genotype("3-5-1,3-7-2,5-7-2,5-9-1,5-7-2,5-7-1")[1] == (3, 7, 2)


def test_the_ensemble_runs_each_network_on_the_image_itself():
    _, _, network, size = build("resnet-ensemble")
    images = torch.randn(3, 3, *size)
    network.eval()
    with torch.inference_mode():
        whole = network.embed(images)
        for index, (trunk, head) in enumerate(zip(network.trunks, network.heads, strict=True)):
            torch.testing.assert_close(head(trunk(images)), whole[index])
    weights = network.heads[0].layers[-1].weight
    torch.testing.assert_close(weights @ weights.T, torch.eye(len(weights)), rtol=1e-4, atol=1e-5)


def test_the_stripes_of_pcb_are_normalised_one_by_one():
    _, options, network, size = build("pcb")
    images = torch.randn(2, 3, *size)
    with torch.inference_mode():
        network.eval()
        maps = network.stem(images)
        for stage in network.stages:
            maps = stage(maps)
        stripes = [part.mean(dim=(2, 3)) for part in maps.chunk(options["stripes"], dim=2)]
        expected = torch.cat([part / part.norm(dim=1, keepdim=True) for part in stripes], dim=1)
        torch.testing.assert_close(network.embed(images)[0], expected)


def test_refined_parts_of_hard_shares_are_the_means_of_their_places():
    """Where every place belongs to its stripe alone, refined pooling is that of stripes; where to all parts, a mean."""
    torch.manual_seed(0)
    pooling = RefinedStripes(channels=3, stripes=3, dim=2)
    maps = torch.rand(2, 3, 6, 2)
    maps[:, :, :] = 0.1 * maps + torch.eye(3).repeat_interleave(2, 0).T[None, :, :, None]
    with torch.no_grad():
        pooling.assign.weight.copy_(1000 * torch.eye(3)[:, :, None, None])
        torch.testing.assert_close(pooling.pool(maps), F.adaptive_avg_pool2d(maps, (3, 1)))
        pooling.assign.weight.zero_()
        mean = maps.mean(dim=(2, 3))[:, :, None, None].expand(2, 3, 3, 1)
        torch.testing.assert_close(pooling.pool(maps), mean)


@pytest.mark.parametrize(
    ("progress", "refined", "moved"), [(0.75, 0, "all but"), (0.76, 1, "alone"), (0.875, 1, "alone"), (0.9, 1, "all")]
)
def test_pooling_is_refined_in_the_phases_of_the_paper(progress, refined, moved):
    """Stripes first, then the assignment alone is learned, then everything (algorithm 1)."""
    _, options, network, size = build("pcb", refined_pooling=True, refine_from=0.75)
    method = registry.method("pcb")
    assert network.anneals
    assert network.heads[0].refined == 1, "before any training: so that its cost is that of refined parts"
    network.anneal(progress)
    assert network.state_dict()["heads.0.refined"] == refined
    (output,) = network.outputs(torch.randn(2, 3, *size))
    sum(method.loss([output], torch.tensor([0, 1]), options).values()).backward()
    for name, parameter in network.named_parameters():
        assigning = name.startswith("heads.0.assign.")
        assert (parameter.grad is not None) == (moved == "all" or assigning == (moved == "alone")), name


def test_the_neck_of_bot_has_a_scale_and_no_shift():
    method, options, network, size = build("bot")
    neck = network.heads[0].norm
    assert {name for name, _ in network.heads[0].named_parameters()} == {"norm.weight"}
    output = network.outputs(torch.randn(4, 3, *size))[0]
    centred = (output.features - output.features.mean(0)) / (output.features.var(0, correction=0) + neck.eps).sqrt()
    torch.testing.assert_close(output.extras["logits"], network.classifiers[0](centred), rtol=1e-3, atol=1e-4)
    terms = method.loss([output], torch.tensor([0, 0, 1, 1]), options)
    assert set(terms) == {"identity", "triplet", "centre"}
