"""Transformers and ConvNeXt of timm in four stages: the same networks, their tokens as maps, counted whole."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from bench import registry
from bench.cost.macs import count, cross_check
from bench.encoders.build import build_encoder
from bench.encoders.transformers import cut_transformer
from bench.errors import BenchError

timm = pytest.importorskip("timm", reason="these networks are timm's")
SIZE = (64, 32)
SMALL_SWIN = {"img_size": SIZE, "embed_dim": 12, "depths": (2, 1, 1, 1), "num_heads": (1, 2, 2, 2), "window_size": 4}
SMALL = {
    "vit": ("vit_tiny_patch16_224", {"img_size": SIZE, "embed_dim": 24, "depth": 6, "num_heads": 2}),
    "distilled": ("deit_tiny_distilled_patch16_224", {"img_size": SIZE, "embed_dim": 24, "depth": 4, "num_heads": 2}),
    "averaged": ("vit_base_patch16_rpn_224", {"img_size": SIZE, "embed_dim": 24, "depth": 4, "num_heads": 2}),
    "swin": ("swin_tiny_patch4_window7_224", SMALL_SWIN),
    "convnext": ("convnext_atto", {"dims": (8, 12, 16, 20), "depths": (1, 1, 2, 1)}),
}


def small(kind):
    name, settings = SMALL[kind]
    torch.manual_seed(0)
    return timm.create_model(name, num_classes=0, **settings).eval()


def staged(encoder, images):
    """States after each stage, and the maps that heads read there."""
    state, states, maps = encoder.stem.eval()(images), [], []
    for number, stage in enumerate(encoder.stages, start=1):
        state = stage.eval()(state)
        states.append(state)
        maps.append(encoder.view(number).eval()(state))
    return states, maps


@pytest.mark.parametrize("kind", SMALL)
def test_in_four_stages_it_is_the_same_network(kind):
    encoder = cut_transformer(small(kind), kind if kind in ("swin", "convnext") else "vit", kind, SIZE)
    whole, images = small(kind), torch.randn(2, 3, *SIZE)
    with torch.inference_mode():
        states, maps = staged(encoder, images)
        expected = whole.forward_features(images)
        if kind == "swin":
            expected = expected.permute(0, 3, 1, 2)
        elif kind == "convnext":
            expected = whole.head.norm(expected)
        else:
            patches = whole.fc_norm(expected)[:, whole.num_prefix_tokens :]
            # The token in row r and column c of the maps is that of the patch there.
            for row, column in np.ndindex(4, 2):
                assert torch.equal(maps[-1][:, :, row, column], patches[:, 2 * row + column])
            expected = maps[-1]
    assert torch.equal(maps[-1], expected)
    assert torch.equal(states[-1], maps[-1])
    sides = [4, 4, 4, 4] if kind not in ("swin", "convnext") else [16, 8, 4, 2]
    assert [one.shape for one in maps] == [
        (2, width, side, side // 2) for width, side in zip(encoder.widths, sides, strict=True)
    ]


def test_blocks_are_shared_out_evenly():
    encoder = cut_transformer(small("vit"), "vit", "six blocks", SIZE)
    assert [sum(hasattr(part, "attn") for part in stage.modules()) for stage in encoder.stages] == [1, 2, 1, 2]


def test_heads_read_the_class_token_where_it_is_asked_for():
    network = cut_transformer(small("vit"), "vit", "vit", SIZE, reading="class")
    with torch.inference_mode():
        states, maps = staged(network, torch.randn(2, 3, *SIZE))
        whole = small("vit")
    assert maps[0].shape == (2, 24, 4, 2)  # strips keep their meaning
    for state, one in zip(states[1:3], maps[1:3], strict=True):
        assert torch.equal(one, F.layer_norm(state, (24,))[:, 0, :, None, None])
    assert maps[3].shape == (2, 24, 1, 1)
    assert whole.norm.weight.shape == (24,)


def test_heads_read_the_means_of_strips_where_it_is_asked_for():
    network = cut_transformer(small("vit"), "vit", "vit", SIZE, reading="strips")
    assert network.widths == (24, 96, 96, 96)
    with torch.inference_mode():
        states, maps = staged(network, torch.randn(2, 3, *SIZE))
        patches = F.layer_norm(states[1], (24,))[:, 1:].reshape(2, 4, 2, 24)  # rows and columns
    assert maps[0].shape == (2, 24, 4, 2)
    assert [one.shape for one in maps[1:]] == [(2, 96, 1, 1)] * 3
    for strip in range(4):
        torch.testing.assert_close(maps[1][:, 24 * strip : 24 * strip + 24, 0, 0], patches[:, strip].mean(dim=1))


def test_a_small_vit_costs_what_its_formula_says():
    """ViT-S/16 under HashReID at 256×128: every product of patches, attention, perceptrons and heads, by hand."""
    size, width, patches, hidden, bits = (256, 128), 384, 16 * 8, 512, 256
    method = registry.method("hashreid")
    options = {**method.presets["paper"].network, "backbone": "timm:vit_small_patch16_224", "weights": "none"}
    network = method.build(options, 10, size)
    tokens = patches + 1
    block = tokens * width * 3 * width + 2 * tokens**2 * width + tokens * width**2 + 2 * tokens * width * 4 * width
    embedding = patches * (16 * 16 * 3) * width
    heads = [4 * width * hidden + hidden * bits, width * hidden + hidden * bits, 0, 0]
    trunk = [embedding + 3 * block, 3 * block, 3 * block, 3 * block]
    steps = count(network, size)
    assert [step.trunk_macs for step in steps] == trunk
    assert [step.head_macs for step in steps] == heads
    # Softmax and scale of each of 6 heads, 4 operations a score, are in the other column, and so is all that is no sum
    # of products.
    assert all(step.elementwise_operations > 3 * 4 * 6 * tokens**2 for step in steps)
    assert [spec.dim for spec in network.exits] == [256, 256, 384, 384]


@pytest.mark.parametrize(
    ("method", "backbone"),
    [
        *((method, "vit8-thin") for method in ("hashreid", "dare", "branchynet")),
        ("dare", "vit8-thin@class"),
        ("hashreid", "vit8-conv@strips"),
        ("dare", "timm:convnext_atto"),
    ],
)
def test_methods_step_on_it_as_they_embed(method, backbone):
    method = registry.method(method)
    options = {**method.presets["smoke"].network, "backbone": backbone}
    network = method.build(options, 5, SIZE).eval()
    macs = cross_check(network, SIZE)
    assert (macs[1:] > macs[:-1]).all()
    images = torch.randn(3, 3, *SIZE)
    with torch.inference_mode():
        for output, embedding in zip(network.outputs(images), network.embed(images), strict=True):
            torch.testing.assert_close(output.embedding, embedding)
    if backbone.startswith("vit8"):
        with pytest.raises(BenchError, match="built for images of"):
            network.start(images[..., :16])
    labels = torch.tensor([0, 0, 1, 1])
    terms = method.loss(network.train().outputs(torch.randn(4, 3, *SIZE)), labels, options)
    sum(terms.values()).backward()
    assert all(part.grad is not None for part in network.parameters())


def test_positions_of_pretrained_weights_are_interpolated(tmp_path):
    torch.manual_seed(0)
    square = timm.create_model("vit_tiny_patch16_224", depth=12)
    torch.save(square.state_dict(), tmp_path / "vit.pth")
    encoder = build_encoder("timm:vit_tiny_patch16_224", weights=str(tmp_path / "vit.pth"), input_size=(256, 128))
    positions = encoder.stem.stem.whole.pos_embed
    grid = square.pos_embed[:, 1:].reshape(1, 14, 14, -1).permute(0, 3, 1, 2)
    expected = F.interpolate(grid, (16, 8), mode="bicubic", antialias=True).flatten(2).transpose(1, 2)
    torch.testing.assert_close(positions[:, 1:], expected)
    assert torch.equal(positions[:, :1], square.pos_embed[:, :1])
    assert torch.equal(encoder.stages[3][0][2].mlp.fc2.weight, square.blocks[11].mlp.fc2.weight)


@pytest.mark.parametrize(
    ("name", "asked", "said"),
    [
        ("timm:convnext_atto@class", {}, "no class token"),
        ("timm:regnety_002@class", {}, "no tokens: leave out @class"),
        ("timm:convnext_atto@strips", {}, "no vision transformer: leave out @strips"),
        ("vit8-thin@strips", {"input_size": (48, 32)}, "has 6 rows of patches, which do not make 4 strips"),
        ("timm:vit_tiny_patch16_224", {"input_size": (100, 50)}, "patches of 16×16, which do not cover"),
        ("vit8-thin", {"input_size": (100, 50)}, "patches of 8×8, which do not cover images of 100×50"),
        ("vit8-thin", {"last_stride": 1}, "last_stride=1 changes nothing in backbone vit8-thin"),
        ("timm:convnext_atto", {"last_stride": 1}, "last_stride=1 changes nothing"),
        ("vit8-thin", {"weights": "imagenet"}, "no pretrained weights"),
        ("timm:vit_tiny_patch16_244", {}, "did you mean 'vit_tiny_patch16_224'"),
    ],
)
def test_what_cannot_be_built_is_said(name, asked, said):
    with pytest.raises(BenchError, match=said):
        build_encoder(name, **asked)
