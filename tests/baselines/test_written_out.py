"""HAN and CNet written out by the equations of their papers, layer by layer, beside the networks here."""

import pytest
import torch
import torch.nn.functional as F
from by_weights import Layers, means, shaken

from bench import registry

IDENTITIES = 5


def built(name, size, **options):
    torch.manual_seed(0)
    method = registry.method(name)
    options = {**method.presets["smoke"].network, **options}
    return shaken(method.build(options, IDENTITIES, size))


def features_of(network, images):
    """Features of every branch, as the losses have them."""
    (output,) = network.outputs(images)
    return [output.extras[name] for name in output.extras if name.startswith("features")], output.embedding


# ---- HAN -------------------------------------------------------------------------------------------------------------


def crops(maps, layers, name, pooled, size):
    """Equation 7: a matrix of fixed scales 1 and 1/4, and of the positions that one layer and a tanh give."""
    places = torch.tanh(layers.linear(name, pooled)).view(-1, 4, 2)
    found = []
    for region in range(4):
        matrix = torch.zeros(len(maps), 2, 3)
        matrix[:, 0, 0], matrix[:, 1, 1], matrix[:, :, 2] = 1, 1 / 4, places[:, region]
        grid = F.affine_grid(matrix, [len(maps), maps.shape[1], *size], align_corners=False)
        found.append(F.grid_sample(maps, grid, align_corners=False))
    return found


def han(layers, images, strides, *, spatial=True, channel=True, regions=True, cross=True, fused=(2, 3)):
    maps, streams = layers.unit("stem", images, 2), []
    for level, size in enumerate([(24, 28), (12, 14), (6, 7)]):
        name, attended = f"levels.{level}", maps
        for index, stride in enumerate(strides):
            attended = layers.unit(f"{name}.block.{2 * index}", attended)
            depthwise = f"{name}.block.{2 * index + 1}"
            attended = layers.convolution(f"{depthwise}.depthwise", attended, stride)
            attended = layers.unit(f"{depthwise}.pointwise", attended)
        pooled = means(attended)
        if regions:
            cut = crops(maps, layers, f"{name}.hard.locate", pooled, size) if cross or not level else streams
            entering = torch.cat([a + b for a, b in zip(cut, streams, strict=True)] if streams and cross else cut)
            local = layers.unit(f"{name}.local.0.pointwise", layers.convolution(f"{name}.local.0.depthwise", entering))
            local = layers.unit(f"{name}.local.1", local)
            streams = list((local if level == 2 else F.avg_pool2d(local, 2)).chunk(4))
        weights = 1
        if spatial:
            coarse = layers.unit(f"{name}.soft.look", attended.mean(dim=1, keepdim=True), 2)
            places = F.interpolate(coarse, attended.shape[2:], mode="bilinear", align_corners=False)
            weights = weights * places * layers.state[f"{name}.soft.scale.weight"].item()
        if channel:
            squeezed = layers.unit(f"{name}.soft.excite.0", pooled[:, :, None, None])
            weights = weights * layers.unit(f"{name}.soft.excite.1", squeezed)
        if spatial and channel and level + 1 in fused:
            weights = layers.unit(f"{name}.soft.fuse", weights)
        maps = attended * torch.sigmoid(weights) if spatial or channel else attended
    branches = [means(maps), *([torch.cat([means(stream) for stream in streams], dim=1)] if regions else [])]
    heads = [f"heads.0.layers.{number}" for number in range(len(branches))]
    return [
        layers.norm(f"{head}.1", layers.linear(f"{head}.0", branch)).clamp(min=0)
        for head, branch in zip(heads, branches, strict=True)
    ]


NAMES = {"spatial": "soft_spatial", "channel": "soft_channel", "regions": "hard_regions", "cross": "cross_attention"}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("name", "switches"),
    [
        ("han-s", {}),
        ("han-m", {"fused": (1, 2, 3)}),
        ("han-l", {"spatial": False}),
        ("han-s", {"channel": False}),
        ("han-s", {"regions": False}),
        ("han-m", {"cross": False}),
    ],
)
def test_harmonious_attention(name, switches, training):
    strides = {"han-s": (2, 1, 1), "han-m": (1, 2, 1), "han-l": (1, 1, 2)}[name]
    options = {NAMES[part]: on for part, on in switches.items() if part in NAMES}
    options["fused_levels"] = ",".join(map(str, switches.get("fused", (2, 3))))
    network = built(name, (80, 32), width=32, **options).train(training)
    for part, value in network.named_parameters():
        if part.endswith("locate.weight"):
            torch.nn.init.normal_(value, std=0.3)
    images = torch.randn(6, 3, 80, 32)
    layers = Layers({part: value.detach().clone() for part, value in network.state_dict().items()}, training=training)
    with torch.no_grad():
        found, embedding = features_of(network, images)
        expected = han(layers, images, strides, **switches)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)
    joined = torch.cat([feature / feature.norm(dim=1, keepdim=True) for feature in expected], dim=1)
    torch.testing.assert_close(embedding, joined, rtol=1e-3, atol=1e-3)


# ---- CNet ------------------------------------------------------------------------------------------------------------


def combined(layers, name, maps, kernels):
    """A CBlock (figure 2): two series of lite convolutions, weighed by one gate, added to what entered."""
    reduced, total = layers.unit(f"{name}.reduce", maps), 0
    for stream, kernel in enumerate(kernels):
        values = reduced
        for index in range(kernel // 2):
            lite = f"{name}.streams.{stream}.{index}"
            values = layers.convolution(f"{lite}.depthwise", layers.convolution(f"{lite}.pointwise", values))
            values = layers.norm(f"{lite}.bn", values).clamp(min=0)
        hidden = layers.convolution(f"{name}.gate.fc1", means(values)[:, :, None, None]).clamp(min=0)
        total = total + values * torch.sigmoid(layers.convolution(f"{name}.gate.fc2", hidden))
    changed = layers.has(f"{name}.shortcut.conv.weight")
    kept = layers.unit(f"{name}.shortcut", maps, active=False) if changed else maps
    return (layers.unit(f"{name}.expand", total, active=False) + kept).clamp(min=0)


def cnet(layers, images, genotype, stripes):
    maps, ends = F.max_pool2d(layers.unit("stem.0", images, 2), 3, stride=2, padding=1), []
    for stage in range(3):
        number = 0
        for first, second, repeats in genotype[2 * stage : 2 * stage + 2]:
            for _ in range(repeats):
                maps = combined(layers, f"stages.{stage}.{number}", maps, (first, second))
                number += 1
        if stage < 2:
            maps = F.avg_pool2d(layers.unit(f"stages.{stage}.{number}.0", maps), 2)
        ends.append(maps)
    if not stripes:
        return [means(ends[2])]
    squeezed = layers.convolution("heads.0.local.squeeze", ends[1])
    parts = torch.stack([means(stripe) for stripe in squeezed.chunk(stripes, dim=2)], dim=2)
    return [means(ends[2]), parts.flatten(1)]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("stripes", [2, 0])
def test_combined_depth_and_fine_grained_features(stripes, training):
    genotype = "3-5-1,3-7-2,5-7-2,5-9-1,5-7-2,5-7-1"
    network = built("cdnet", (128, 64), genotype=genotype, stem=8, stripes=stripes).train(training)
    network.heads[0].dropout.p = 0.0
    blocks = [tuple(map(int, block.split("-"))) for block in genotype.split(",")]
    images = torch.randn(6, 3, 128, 64)
    layers = Layers({part: value.detach().clone() for part, value in network.state_dict().items()}, training=training)
    with torch.no_grad():
        found, embedding = features_of(network, images)
        expected = cnet(layers, images, blocks, stripes)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)
    joined = torch.cat(expected, dim=1)
    torch.testing.assert_close(embedding, joined / joined.norm(dim=1, keepdim=True), rtol=1e-3, atol=1e-4)
