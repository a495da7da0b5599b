"""A vision transformer leaves early for real, and exports: eager, engine and graphs agree."""

import json

import pytest
from smoke_networks import assert_same, embed, noise, smoke_run

from bench.inference.backends.backend import open_backend
from bench.inference.export.write import write_export
from bench.running.run import run
from bench.spec import SweepSpec

pytest.importorskip("timm")
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("backbone", ["vit8-thin", "vit8-thin@class", "timm:swin_tiny_patch4_window7_224"])
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
