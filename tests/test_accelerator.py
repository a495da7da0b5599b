"""What is different on an accelerator. Everything here needs one; elsewhere it is skipped."""

import copy

import numpy as np
import pytest
import torch
from notes import Notes

from bench import registry
from bench.data.augmentation import training_view
from bench.deadline import Deadline, TimeIsUp
from bench.device import open_device, run_outputs
from bench.running.run import run
from bench.spec import SweepSpec
from bench.training.epoch import Epochs
from bench.training.graphs import outputs_of
from bench.training.schedule import build_optimiser

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")

RECORDED = [name for name in registry.names("method") if name not in ("cdnet",)]


def loss_of(outputs):
    """Sum something of every output, so that every gradient is there."""
    tensors = [t for o in outputs for t in (o.features, o.embedding, o.logits, *o.extras.values()) if t is not None]
    return torch.stack([(tensor * torch.linspace(-1, 1, tensor.shape[-1], device="cuda")).mean() for tensor in tensors])


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_passes_equal_those_that_are_launched_one_by_one(name):
    torch.manual_seed(0)
    method = registry.method(name)
    preset = method.presets["smoke"]
    fabric = open_device("cuda", "float32")
    plain = fabric.to_device(method.build({**preset.network}, 8, preset.recipe.input_size)).train()
    for module in plain.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0  # it would draw other masks the second time
    recorded = copy.deepcopy(plain)
    shape = (preset.recipe.batch_size, 3, *preset.recipe.input_size)
    before = {key: value.clone() for key, value in recorded.state_dict().items()}
    notes = Notes()
    compute = outputs_of(recorded, shape, fabric, notes)
    assert notes.said == []
    for key, value in recorded.state_dict().items():
        assert torch.equal(value, before[key]), key
    for seed in range(2):
        images = torch.randn(shape, generator=torch.Generator("cuda").manual_seed(seed), device="cuda")
        images = images.contiguous(memory_format=torch.channels_last)
        losses = []
        for network, outputs in ((plain, run_outputs(plain, images, fabric)), (recorded, compute(images))):
            network.zero_grad(set_to_none=True)
            parts = loss_of(outputs)
            parts.sum().backward()
            losses.append(parts.detach())
        torch.testing.assert_close(losses[1], losses[0], rtol=1e-3, atol=1e-4)
        for (key, expected), found in zip(plain.named_parameters(), recorded.parameters(), strict=True):
            assert (expected.grad is None) == (found.grad is None) or not found.grad.any(), key
            if expected.grad is not None:
                torch.testing.assert_close(found.grad, expected.grad, rtol=1e-2, atol=1e-3, msg=key)
    for key, value in plain.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(recorded.state_dict()[key], value, rtol=1e-3, atol=1e-4)
        else:
            assert torch.equal(recorded.state_dict()[key], value), key


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
@pytest.mark.parametrize("name", RECORDED)
def test_nothing_in_a_training_step_waits_for_the_device(name):
    torch.manual_seed(0)
    method = registry.method(name)
    preset = method.presets["smoke"]
    recipe, fabric = preset.recipe, open_device("cuda", "bfloat16")
    network = fabric.to_device(method.build({**preset.network}, recipe.identities_per_batch, recipe.input_size)).train()
    optimiser = build_optimiser(recipe.optimiser, network.parameters(), "cuda")
    compute = outputs_of(network, (recipe.batch_size, 3, *recipe.input_size), fabric)
    labels = torch.arange(recipe.identities_per_batch, device="cuda").repeat_interleave(recipe.images_per_identity)
    stored = torch.randint(0, 256, (2 * recipe.batch_size, 3, *recipe.stored_size), dtype=torch.uint8, device="cuda")
    generator = torch.Generator("cuda").manual_seed(0)
    try:
        for step in range(3):
            # The first step fills what is kept, such as the optimiser's state.
            torch.cuda.set_sync_debug_mode("error" if step else "default")
            taken = torch.randint(0, len(stored), (recipe.batch_size,), device="cuda", generator=generator)
            images = training_view(stored[taken], recipe, generator).contiguous(memory_format=torch.channels_last)
            total = torch.stack(list(method.loss(compute(images), labels, dict(preset.network)).values())).sum()
            optimiser.zero_grad(set_to_none=True)
            fabric.backward(total)
            optimiser.step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert total.isfinite()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_run_goes_on_to_about_the_same_losses(smoke_request, tmp_path, monkeypatch, precision):
    """Kernels add in no fixed order, so not to the bit."""
    request = smoke_request(device="cuda", precision=precision, sweep=SweepSpec(("gs",), budgets=3, resamples=10))
    unbroken = run(request)
    whole = Epochs.run

    def interrupted(epochs, number, *arguments):
        if number == 1:
            raise KeyboardInterrupt
        return whole(epochs, number, *arguments)

    broken = smoke_request(
        device="cuda", precision=precision, sweep=request.sweep, results=tmp_path / "another", cache=request.cache
    )
    monkeypatch.setattr(Epochs, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(broken)
    monkeypatch.setattr(Epochs, "run", whole)
    resumed = run(broken)
    losses = [[epoch["loss"] for epoch in one.header["training"]["history"]] for one in (unbroken, resumed)]
    assert np.allclose(*losses, rtol=0.02)
    assert resumed.header["provenance"]["device"] == torch.cuda.get_device_name()


def test_a_time_limit_within_an_epoch_is_kept(smoke_request):
    request = smoke_request(device="cuda", settings={"epochs": "2", "batches_per_epoch": "2000"})
    with pytest.raises(TimeIsUp, match=r"batch.* of the next"):
        run(request, deadline=Deadline(8))
