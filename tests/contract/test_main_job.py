"""The whole main job for every registered method of several exits, in each precision: train, embed, fit, sweep, keep.

A processor without bfloat16 units runs autocast too, only slowly, so that every machine tests what any machine runs.
"""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from families import STATIC, methods

from bench import registry
from bench.device import open_device, run_outputs
from bench.retrieval.embed import embed_images
from bench.running.run import run
from bench.spec import SweepSpec

SWEEP = SweepSpec(
    ("random", "gs", "ets"), thresholdings=("stream", "exact", "calibrated"), budgets=3, resamples=5, shuffles=2
)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("method", methods(slow=STATIC))
def test_main_job(method, precision, smoke_request, trained):
    request = smoke_request(method=method, precision=precision, calibration_share=0.3, sweep=SWEEP)
    # Nobody else needs runs in bfloat16, with every policy fitted.
    result = run(trained(request) if precision == "float32" else request)
    exits = len(result.header["exits"])
    scored = [record for record in result.records if record["kind"] == "exit"]
    assert len(scored) == exits
    assert all(0 <= record["mAP"] <= 1 and record["realised_cost"] > 0 for record in scored)
    assert result.header["provenance"]["precision"] == precision
    assert all(np.isfinite(epoch["loss"]) for epoch in result.header["training"]["history"])
    if exits > 1:
        swept = {(record["policy"], record["thresholding"]) for record in result.records if record["kind"] == "policy"}
        assert swept == {(policy, one) for policy in SWEEP.policies for one in SWEEP.thresholdings}
    for pattern in ("embeddings-*.npz", "features-*.npz", "policy-ets-*.npz"):
        found = list(result.folder.path.glob(pattern))
        assert len(found) == (1 if exits > 1 or pattern.startswith("embeddings") else 0)
        for file in found:
            with np.load(file) as stored:
                for name in stored.files:
                    assert stored[name].dtype.kind in "SU" or np.isfinite(stored[name]).all(), name


@pytest.mark.parametrize("name", methods())
def test_bfloat16_ends_in_a_finite_loss_gradient_and_codes(name):
    """Outputs under autocast, float32 in the loss, gradients in float32; then bits or float32 of every exit."""
    method = registry.method(name)
    smoke = method.presets["smoke"]
    torch.manual_seed(0)
    network = method.build(dict(smoke.network), 4, smoke.recipe.input_size).train()
    images, fabric = torch.randn(8, 3, *smoke.recipe.input_size), open_device("cpu", "bfloat16")
    outputs = run_outputs(network, images, fabric)
    for output in outputs:
        for tensor in (output.features, output.embedding, output.logits, *output.extras.values()):
            assert tensor is None or tensor.dtype == torch.float32
    terms = method.loss(outputs, torch.arange(4).repeat_interleave(2), smoke.network)
    assert {term.dtype for term in terms.values()} == {torch.float32}
    total = sum(terms.values())
    assert torch.isfinite(total)
    total.backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.dtype == torch.float32, name
        assert torch.isfinite(parameter.grad).all(), name
    pixels = torch.randint(0, 256, (8, 3, *smoke.recipe.input_size), dtype=torch.uint8)
    kept = SimpleNamespace(views=lambda rows, _: [pixels[rows]])
    for spec, codes in zip(network.exits, embed_images(network, kept, np.arange(8), fabric), strict=True):
        assert codes.dtype == (np.uint8 if spec.code == "binary" else np.float32)
        assert codes.shape == (8, -(-spec.dim // 8) if spec.code == "binary" else spec.dim)
        assert np.isfinite(codes).all()
