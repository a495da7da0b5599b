"""What every registered method must keep: its steps leave as graphs, and the graphs compute what the network does."""

import numpy as np
import pytest
import torch
from families import STATIC, VARIANTS
from smoke_networks import assert_same, embed, noise, smoke_run

from bench import registry
from bench.inference.backends.by_name import open_backend
from bench.inference.export import write
from bench.inference.export.trained import read_trained
from bench.runs.folder import RunFolder

pytest.importorskip("onnxscript", reason="exporting needs the extra export")

SHORTENED = {"msdnet": {"exits": 2}, "ranet": {"exits": 3, "layers": 1}}
"""An export takes seconds a step, a layer at a time: as many exits as have a state of every form, of few layers."""
SLOW = {"dare-densenet", "bot", *VARIANTS, *STATIC}
"""Methods whose steps are another's on another encoder, or one step like hashreid-noexit's: slow, as backbones are."""
BACKBONES = ("mobilenet_v3_large", "timm:convnext_atto")
TRAINED = ("hashreid", "hashreid-noexit")
"""Methods whose trained runs other tests export too: each of their graphs is traced once."""


def case(method, slow=False, **options):
    name = "-".join((method, *map(str, options.values())))
    return pytest.param((method, options), id=name, marks=[pytest.mark.slow] if slow else [])


CASES = [
    *(case(name, name in SLOW, **SHORTENED.get(name, {})) for name in registry.names("method")),
    *(case(name, slow=True) for name in SHORTENED),
    *(case("hashreid", slow=True, backbone=name) for name in BACKBONES),
]


def assert_same_features(opened, state, embedding, network, images):
    """The first graph of several tells the features that the network's head starts from."""
    assert opened.has_features == (len(network.exits) > 1)
    if opened.has_features:
        with torch.inference_mode():
            expected = network.outputs(torch.from_numpy(images), num_exits=1)[0].features.flatten(1).numpy()
        assert np.abs(state.features - expected).max() <= 1e-5 * np.abs(expected).max()
        np.testing.assert_array_equal(opened.first_features(state, embedding), state.features.astype(np.float16))


@pytest.fixture(scope="module", params=CASES)
def exported(request, module_request, trained, kept_traces, tmp_path_factory):
    method, options = request.param
    if method in TRAINED and not options:
        kept = trained(module_request(method=method, precision="float32", calibration_share=0.3)).results
        (weights,) = kept.glob(f"runs/*/{method}-smoke-seed*/weights.safetensors")
        run = read_trained(RunFolder(weights.parent))
    else:
        run = smoke_run(method, **options)
    folder = tmp_path_factory.mktemp("exported")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "trace_steps", kept_traces)
        write.write_export(run, folder)
    return run, folder


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_graphs_compute_what_the_network_does(exported, backend):
    """At batch sizes other than the one they were traced with, and for whatever rows go on."""
    pytest.importorskip(backend)
    run, folder = exported
    opened = open_backend(backend, folder, device="cpu", threads=1)
    for count in (1, 2, 5):
        images = noise(count, run.input_size)
        expected = embed(run.network, images)
        state, rows = opened.start(images), np.arange(count)
        for index, spec in enumerate(run.network.exits):
            state, embedding = opened.step(state, index)
            assert_same(embedding, expected[index][rows], spec)
            if index == 0:
                assert_same_features(opened, state, embedding, run.network, images)
            if index == 0 and count == 5:
                rows = np.array([4, 0, 2])
                state = opened.select(state, rows)
