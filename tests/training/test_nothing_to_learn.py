"""Trainings that cannot come to anything end in words, and the words are true."""

import re
from dataclasses import replace

import pytest
import torch

import hashreid.training_loss
from bench.errors import BenchError
from bench.running.run import run
from bench.training import pausing
from bench.training.checkpoint import Checkpoint
from bench.training.recipe import Recipe


@pytest.mark.parametrize("setting", ["identities_per_batch", "images_per_identity"])
def test_triplets_without_a_positive_or_a_negative(smoke_request, setting):
    """Every loss is 0: the network would be scored as it was drawn."""
    request = replace(smoke_request(settings={setting: "1"}), method="dare")
    with pytest.raises(BenchError, match=f"every loss was 0 in the whole first epoch.*{setting}"):
        run(request)
    assert not list(request.results.glob("runs/*/*/weights*"))


def test_a_batch_of_one_image_has_no_variance():
    with pytest.raises(BenchError, match=r"two images or more, .* not 1"):
        Recipe(identities_per_batch=1, images_per_identity=1)
    assert Recipe(identities_per_batch=1, images_per_identity=2).batch_size == 2


def test_a_loss_that_is_not_finite_tells_what_the_checkpoint_has(smoke_request, monkeypatch):
    """Checkpoints that are dear are not written after every epoch."""
    batches = []

    def breaking(outputs, labels, options, loss=hashreid.training_loss.hashreid_loss):
        batches.append(1)
        return {
            name: term * (torch.nan if len(batches) > 9 else 1) for name, term in loss(outputs, labels, options).items()
        }

    monkeypatch.setattr("hashreid.training_loss.hashreid_loss", breaking)
    monkeypatch.setattr(pausing, "CHEAP_SAVE_SECONDS", 0.0)
    monkeypatch.setattr(pausing, "SAVING_SHARE", 0.0)
    request = smoke_request(settings={"epochs": "5"})
    with pytest.raises(BenchError) as refused:
        run(request)
    (path,) = request.results.glob("runs/*/*/checkpoint.pt")
    kept = Checkpoint.load(path, torch.load(path, weights_only=True)["key"])
    told = re.search(r"in epoch 4 .*; (\d+) whole epochs? (is|are) kept", str(refused.value))
    assert told is not None
    assert int(told[1]) == kept.epoch == len(kept.history) == 1
