"""What a plan says that a run would cost."""

from dataclasses import replace

import pytest

from bench import registry
from bench.ranks import Ranks
from bench.running import estimate, plan
from bench.running.estimate import Estimate


@pytest.fixture(autouse=True)
def a_second_for_everything(monkeypatch, smoke_request):
    request = smoke_request()
    registry.dataset(request.dataset).open(request.data)  # rendered, so that its images can be counted
    monkeypatch.setattr(estimate, "estimate", lambda *asked: Estimate((1_000_000,), 1.0, 1.0, "cpu, float32"))


@pytest.mark.parametrize(("epochs", "measurements"), [(1, 1), (2, 2), (4, 4), (30, 10)])
def test_training_images_are_embedded_as_often_as_retrieval_is_measured(smoke_request, epochs, measurements):
    """Test images once, and nine tenths of the 136 training images after each of ten epochs, or of all there are."""
    request = smoke_request(settings={"epochs": str(epochs)})
    assert plan.forecast(request).seconds == 3 * epochs + 41 + 73 + measurements * round(0.9 * 136)


def test_it_tells_that_one_device_of_several_was_tried(smoke_request):
    request = smoke_request()
    assert "on cpu, float32 (" in plan.forecast(request).lines["time here"]
    shared = plan.forecast(replace(request, ranks=Ranks(2))).lines["time here"]
    assert "on cpu, float32, one of the 2 devices that share the run" in shared


def test_one_second_is_in_the_singular(smoke_request, monkeypatch):
    monkeypatch.setattr(estimate, "estimate", lambda *asked: Estimate((1,), 0.01, 0.001, "cpu, float32"))
    assert "about 1 second of training and 1 second of embedding" in plan.forecast(smoke_request()).lines["time here"]
