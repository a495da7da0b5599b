"""A vision transformer leaves early for real, and exports: eager, engine and graphs agree."""

import json
from dataclasses import replace

import pytest
import torch
from smoke_networks import assert_same, embed, noise, smoke_run

from bench import registry
from bench.inference.backends.backend import to_embedding
from bench.inference.backends.by_name import open_backend
from bench.inference.export.write import write_export
from bench.networks import select
from bench.running.run import run
from bench.spec import SweepSpec

pytest.importorskip("timm")
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("backbone", ["vit8-conv@strips", "vit8-thin@class", "timm:swin_tiny_patch4_window7_224"])
def test_graphs_are_the_network(backbone, tmp_path):
    pytest.importorskip("onnxruntime")
    made = smoke_run("hashreid", backbone=backbone)
    write_export(made, tmp_path)
    images = noise(5, made.input_size)
    backend = open_backend("onnxruntime", tmp_path, threads=1, device="cpu")
    state = backend.start(images)
    for index, expected in enumerate(embed(made.network, images)):
        state, embedding = backend.step(state, index)
        assert_same(embedding, expected, made.network.exits[index])


def test_a_small_vit_at_paper_size_is_the_same_in_every_form(tmp_path):
    """ViT-S/16 at 256×128: the network whole, step by step with the queries that stay, and as graphs."""
    pytest.importorskip("onnxruntime")
    method = registry.method("hashreid")
    options = {**method.presets["paper"].network, "backbone": "timm:vit_small_patch16_224", "weights": "none"}
    torch.manual_seed(0)
    network = method.build(options, 5, (256, 128)).eval()
    made = smoke_run("hashreid")
    spec = {**made.spec, "network": options, "recipe": {"input_size": [256, 128], "resize": []}}
    made = replace(made, spec=spec, network=network)
    images = noise(3, (256, 128))
    whole = embed(network, images)
    with torch.inference_mode():
        state = network.start(torch.from_numpy(images))
        kept = torch.tensor([0, 2])
        for index, expected in enumerate(whole):
            state, embedding = network.step(state, index)
            found = to_embedding(embedding.numpy(), network.exits[index])
            assert_same(found, expected if index == 0 else expected[kept], network.exits[index])
            state = select(state, kept) if index == 0 else state
    write_export(made, tmp_path)
    backend = open_backend("onnxruntime", tmp_path, threads=1, device="cpu")
    state = backend.start(images)
    for index, expected in enumerate(whole):
        state, embedding = backend.step(state, index)
        assert_same(embedding, expected, network.exits[index])


def test_the_engine_leaves_where_the_table_says(bench, smoke_request, tmp_path):
    request = smoke_request(
        method="hashreid",
        settings={"backbone": "vit8-thin"},
        precision="float32",
        calibration_share=0.3,
        sweep=SweepSpec(("gs",), ("calibrated",), budgets=3, resamples=2),
    )
    points = [record for record in run(request).records if record["kind"] == "policy"]
    kept = tmp_path / "record.json"
    arguments = ("--results", request.results, "--device", "cpu", "--rounds", 1, "--budget", "0,0.5,1")
    status, _, err = bench("infer", "hashreid-smoke", *arguments, "--json", kept)
    assert status == 0, err
    engines = [one for one in json.loads(kept.read_text())["contestants"] if one["kind"] == "engine"]
    for one, point in zip(engines, points, strict=True):
        assert (one["decisions_changed"], one["bits_changed"], one["mAP"]) == (0, 0, point["mAP"])
