"""Device and precision: what is chosen, and that what is chosen is what runs."""

from unittest.mock import Mock

import pytest
import torch
from safetensors.torch import load_file

from bench.device import device_name, open_device, precision_name
from bench.errors import BenchError
from bench.ranks import Ranks
from bench.running.estimate import estimate
from bench.running.run import run
from hashreid.network import HashReID
from hashreid.training_loss import hashreid_loss


@pytest.mark.parametrize(
    ("matrix_units", "dot_product", "expected"),
    [(False, False, "float32"), (True, False, "bfloat16"), (False, True, "bfloat16")],
)
def test_bfloat16_only_where_the_processor_multiplies_it(monkeypatch, matrix_units, dot_product, expected):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: matrix_units)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: dot_product)
    fabric = open_device("cpu", "auto")
    assert precision_name(fabric) == expected
    assert device_name(fabric) == "cpu"


def test_what_srun_started_need_not_be_told_how_many_tasks_a_node_has(monkeypatch):
    """Of srun --ntasks 2 Fabric takes it for a mistake; the value of a batch script may be another."""
    seen = []
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr("bench.device.Fabric", lambda **options: seen.append(options) or Mock())
    for name, value in {"NTASKS": "2", "JOB_NAME": "mine", "PROCID": "1", "NTASKS_PER_NODE": "4"}.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    for before in ("4", None):
        if before is None:
            monkeypatch.delenv("SLURM_NTASKS_PER_NODE")
        open_device("cpu", "float32", Ranks(2, 1, 1, "Slurm"))
        (slurm,) = seen.pop()["plugins"]
        slurm.validate_settings(num_devices=2, num_nodes=1)
        assert (slurm.world_size(), slurm.global_rank()) == (2, 1)


def test_unknown_device_and_precision():
    with pytest.raises(BenchError, match="auto, cpu, cuda or mps"):
        open_device("tpu")
    with pytest.raises(BenchError, match="float32 or bfloat16"):
        open_device("cpu", "int8")


def test_a_batch_script_of_slurm_with_several_tasks_is_one_process(monkeypatch):
    """Fabric would refuse ``sbatch --ntasks 8``, and on a login node warn that srun is not used."""
    script = {"NTASKS": "8", "JOB_NAME": "mine", "JOB_ID": "7", "PROCID": "0", "LOCALID": "0", "NODEID": "0"}
    for name, value in script.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    assert open_device("cpu").world_size == 1


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_runs_in_the_precision_asked_for(smoke_request, monkeypatch, precision):
    seen = []
    original = HashReID.outputs

    def watched(self, images, num_exits=None):
        outputs = original(self, images, num_exits)
        seen.append(outputs[-1].logits.dtype)
        return outputs

    in_loss = []

    def watched_loss(outputs, labels, options):
        for output in outputs:
            in_loss.extend([output.features, output.embedding, output.logits, *output.extras.values()])
        return hashreid_loss(outputs, labels, options)

    monkeypatch.setattr(HashReID, "outputs", watched)
    monkeypatch.setattr("hashreid.training_loss.hashreid_loss", watched_loss)
    request = smoke_request(precision=precision)
    result = run(request)
    estimate(request, num_identities=8)
    assert set(seen) == {getattr(torch, precision)}
    # What a loss sees is float32 all the same, when training and when only estimating.
    assert {tensor.dtype for tensor in in_loss} == {torch.float32}
    assert result.header["provenance"]["precision"] == precision
    # Mixed precision: what is kept is in float32 all the same.
    weights = load_file(result.folder.weights).values()
    assert {value.dtype for value in weights if value.is_floating_point()} == {torch.float32}
