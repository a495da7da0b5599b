"""Which accelerators the workers of this machine are given, by the names that CUDA knows."""

import pytest
import torch

from bench.running.workers import local_processes


@pytest.mark.parametrize(
    ("visible", "count", "expected"),
    [(None, 2, ["0", "1"]), ("", 1, ["0"]), ("GPU-a,GPU-b", 2, ["GPU-a", "GPU-b"]), ("3,4,5", 2, ["0", "1"])],
)
def test_accelerators_go_by_the_names_that_cuda_knows(monkeypatch, visible, count, expected):
    monkeypatch.setattr(local_processes, "resolve_device", lambda device: device)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert local_processes.accelerators("cuda") == expected
    assert local_processes.accelerators("cpu") == []
