"""Precision is named before a run has a key, and a run begun elsewhere goes on as it began."""

from dataclasses import replace

import pytest
import torch
from notes import Notes

from bench.errors import BenchError
from bench.running.run import Opened
from bench.runs.folder import RunFolder


@pytest.fixture
def processor(monkeypatch):
    """Pretend to be a processor that multiplies bfloat16 natively, or one that does not."""

    def pretend(native):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: native)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)

    return pretend


@pytest.fixture
def opened(smoke_request):
    def open_(notes=None, **changes):
        found = Opened.of(smoke_request(**changes), notes or Notes())
        with found.folder.alone():
            found.folder.describe(found.spec)
        return found

    return open_


def test_auto_is_resolved_before_the_key_is_made(opened, processor):
    keys = {}
    for native, expected in ((False, "float32"), (True, "bfloat16")):
        processor(native)
        spec = opened().spec
        assert spec.precision == spec.to_json()["precision"] == expected
        assert spec == opened(precision=expected).spec
        keys[expected] = spec.key
    assert len(set(keys.values())) == 2


def test_the_device_is_no_part_of_the_key(smoke_request):
    spec = smoke_request(device="cuda", precision="float32").spec("d", "f")
    assert spec == smoke_request(device="cpu", precision="float32").spec("d", "f")


@pytest.mark.parametrize("kept", ["checkpoint.pt", "weights.safetensors", "records-01234567.jsonl"])
def test_a_run_begun_elsewhere_goes_on_in_its_precision(opened, processor, kept):
    processor(True)
    (opened().folder.path / kept).touch()
    processor(False)
    notes = Notes()
    assert opened(notes).spec.precision == "bfloat16"
    assert any("going on in bfloat16" in note for note in notes.said)
    for change in ({"precision": "float32"}, {"fresh": True}, {"seed": 1}):
        notes = Notes()
        assert opened(notes, **change).spec.precision == "float32"
        assert not any("going on in" in note for note in notes.said)


def test_of_two_runs_the_one_that_suits_the_machine(opened, processor):
    for precision in ("float32", "bfloat16"):
        opened(precision=precision).folder.checkpoint.touch()
    for native, expected in ((False, "float32"), (True, "bfloat16")):
        processor(native)
        assert opened().spec.precision == expected


def test_a_folder_in_which_nothing_was_done_binds_no_run(opened, processor, smoke_request):
    processor(True)
    begun = opened()
    assert begun.folder.spec.exists()
    assert not RunFolder.of(smoke_request().results, begun.spec).begun
    processor(False)
    assert opened().spec.precision == "float32"
    assert replace(begun.spec, precision="float32") == opened().spec


def test_an_unknown_precision_is_refused_before_anything_is_done(smoke_request):
    with pytest.raises(BenchError, match="auto, float32 or bfloat16"):
        smoke_request(precision="half")
