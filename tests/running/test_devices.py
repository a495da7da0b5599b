"""Several devices for one run: two processes end where one does."""

import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.distributed as dist
from records_compared import without_times
from torch import nn

from bench.data.augmentation import training_view
from bench.errors import BenchError
from bench.files import read_json
from bench.ranks import Ranks
from bench.registry import method
from bench.running.request import RunRequest
from bench.running.run import run
from bench.training.recipe import Augmentation, Recipe
from bench.training.sharing import as_on_one_device

BENCH = "from bench.cli import main; main()"
SMOKE = ("run", "-m", "hashreid", "--preset", "smoke", "--data", "size=smoke", "--device", "cpu", "--calibration", 0.1)


@pytest.fixture
def second_process(starter, monkeypatch, cache, tmp_path):
    """``second_process(*arguments)`` starts the second of two processes of a command, and makes this one the first."""
    started = []

    def start(*arguments):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "NODE_RANK": "0", "WORLD_SIZE": "2"}
        for name, value in {**shared, "LOCAL_RANK": "0", "OMP_NUM_THREADS": "1", "BENCH_CACHE": str(cache)}.items():
            monkeypatch.setenv(name, value)
        environment = {**os.environ, "LOCAL_RANK": "1"}
        started.append(starter.start(arguments, tmp_path / "said", environment=environment))
        return started[-1]

    yield start
    if dist.is_initialized():
        dist.destroy_process_group()
    for command in started:
        command.signal_after(0, signal.SIGKILL)
        command.process.join()


def files_of(results):
    (folder,) = results.glob("runs/*/*")
    return folder


def losses_of(folder):
    history = read_json(folder / "training.json")["history"]
    return [[value for name, value in epoch.items() if name != "seconds"] for epoch in history]


def test_two_processes_end_where_one_does(bench, second_process, smoke_request, tmp_path):
    """Losses of the first batches to 1e-5, nearly all bits of the codes, one writer, and a silent second process."""
    run(smoke_request(precision="float32", results=tmp_path / "one"))
    command = (*SMOKE, "--precision", "float32", "--devices", 2, "--results", tmp_path / "two")
    other = second_process(*command)
    status, out, err = bench(*command)
    assert (status, "mAP" in out) == (0, True), err
    ended = other.end()
    assert (ended.status, ended.out) == (0, ""), ended.err
    one, two = files_of(tmp_path / "one"), files_of(tmp_path / "two")
    assert one.name == two.name
    # Three batches; in the three after them, rounding has gone through the optimiser.
    for epoch, tolerance in enumerate((1e-5, 1e-4)):
        np.testing.assert_allclose(losses_of(two)[epoch], losses_of(one)[epoch], rtol=tolerance)
    provenance = read_json(two / "training.json")["provenance"]
    assert (provenance["world_size"], read_json(one / "training.json")["provenance"]["world_size"]) == (2, 1)
    codes = [np.load(next(folder.glob("embeddings-*.npz"))) for folder in (one, two)]
    for split in ("query.", "gallery."):
        names = [name for name in codes[0].files if name.startswith(split)]
        differ = {name: np.unpackbits(codes[0][name] ^ codes[1][name]) for name in names}
        assert np.concatenate(list(differ.values())).mean() < 0.01, split
        # Rounding alone came to 1.02 % at the second exit, on a processor with AVX-512.
        assert all(bits.mean() < 0.03 for bits in differ.values()), split
    tables = [np.load(next(folder.glob("table-test-*.npz"))) for folder in (one, two)]
    means = [table["outcomes.average_precision"].mean(axis=0) for table in tables]
    np.testing.assert_allclose(means[0], means[1], atol=0.01)


@pytest.fixture
def one_in_a_group(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize(
    ("norm", "shape"), [(nn.BatchNorm2d(3), (4, 3, 5, 2)), (nn.BatchNorm1d(6, momentum=None), (7, 6))]
)
def test_synchronised_batch_norm_is_batch_norm(one_in_a_group, norm, shape):
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2, generator=generator)
        norm.bias.normal_(generator=generator)
    images = [torch.randn(shape, generator=generator).mul_(3).add_(1) for _ in range(3)]
    weights = torch.randn(shape, generator=generator)

    def follow(network):
        network.train()
        found = []
        for image in images:
            values = image.clone().requires_grad_()
            network.zero_grad()
            output = network(values)
            (output * weights).sum().backward()
            found += [output.detach(), values.grad, *(parameter.grad.clone() for parameter in network.parameters())]
        network.eval()
        return [*found, *(buffer.clone() for buffer in network.buffers()), network(images[0]).detach()]

    own = nn.Sequential(norm)
    state = {name: value.clone() for name, value in own.state_dict().items()}
    expected = follow(own)
    own.load_state_dict(state)
    with as_on_one_device(own):
        found = follow(own)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert "forward" not in vars(norm)


@pytest.mark.parametrize("dropout", [nn.Dropout(0.3), nn.Dropout2d(0.5)])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_masks_are_those_of_the_whole_batch(dropout, memory_format, monkeypatch):
    images = torch.rand((8, 3, 5, 2)).contiguous(memory_format=memory_format)

    def drawn(network, images):
        torch.manual_seed(3)
        return network(images)

    dropout.train()
    whole = drawn(dropout, images)
    assert 0.2 < (whole == 0).float().mean() < 0.8
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    parts = []
    with as_on_one_device(nn.Sequential(dropout)):
        for rank in (0, 1):
            monkeypatch.setattr(dist, "get_rank", lambda rank=rank: rank)
            parts.append(drawn(dropout, images[4 * rank :][:4]))
        dropout.eval()
        assert dropout(images) is images
    assert torch.equal(torch.cat(parts), whole)
    assert "forward" not in vars(dropout)


@pytest.mark.parametrize("erase_with", ["mean", "noise"])
def test_parts_of_a_batch_are_changed_as_the_whole_is(erase_with):
    recipe = Recipe(input_size=(16, 8), resize=(18, 9), augmentation=Augmentation(erase=0.9, erase_with=erase_with))
    images = torch.randint(0, 256, (8, 3, 18, 9), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    whole = training_view(images, recipe, torch.Generator().manual_seed(2))
    parts = [
        training_view(images[part], recipe, torch.Generator().manual_seed(2), (8, part))
        for part in (slice(0, 4), slice(4, 8))
    ]
    assert torch.equal(torch.cat(parts), whole)


def test_who_this_is_among_the_processes():
    assert Ranks.find(None, None, {}) == Ranks()
    assert Ranks.find(4, None, {"LOCAL_RANK": "3"}) == Ranks(4, 1, 3)
    master = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}
    assert Ranks.find(4, 2, {"LOCAL_RANK": "1", "NODE_RANK": "1", **master}) == Ranks(4, 2, 5)
    torchrun = {"TORCHELASTIC_RUN_ID": "none", "LOCAL_WORLD_SIZE": "2", "WORLD_SIZE": "6", "RANK": "4"}
    assert Ranks.find(None, None, torchrun) == Ranks(2, 3, 4, "torchrun")
    assert Ranks.find(2, 3, torchrun) == Ranks(2, 3, 4, "torchrun")
    with pytest.raises(BenchError, match="torchrun started 2"):
        Ranks.find(8, None, torchrun)
    slurm = {"SLURM_STEP_NUM_TASKS": "8", "SLURM_STEP_NUM_NODES": "2", "SLURM_PROCID": "5", "SLURM_NTASKS": "8"}
    assert Ranks.find(None, None, slurm) == Ranks(4, 2, 5, "Slurm")
    # A batch script of eight tasks is one process until srun starts them.
    assert Ranks.find(None, None, {"SLURM_NTASKS": "8", "SLURM_PROCID": "0"}) == Ranks()


def test_nodes_that_would_wait_for_each_other_in_vain():
    """Each would take itself for the first node; and what one process alone does not read cannot be wrong."""
    with pytest.raises(BenchError, match="--nodes 2 without NODE_RANK, MASTER_ADDR, MASTER_PORT"):
        Ranks.find(None, 2, {})
    with pytest.raises(BenchError, match="--nodes 2 without MASTER_PORT in"):
        Ranks.find(None, 2, {"NODE_RANK": "1", "MASTER_ADDR": "host", "MASTER_PORT": ""})
    for number in ("2", "-1", "one"):
        master = {"MASTER_ADDR": "host", "MASTER_PORT": "29500"}
        with pytest.raises(BenchError, match=f"NODE_RANK={number} .* from 0 to 1"):
            Ranks.find(None, 2, {"NODE_RANK": number, **master})
    assert Ranks.find(None, None, {"NODE_RANK": "one"}) == Ranks()
    assert Ranks.find(2, None, {"NODE_RANK": ""}) == Ranks(2)


def test_what_is_in_the_key():
    """How many devices share a loss changes no number; losses of their own do."""
    plain = RunRequest("hashreid", "smoke", precision="float32")
    shared = replace(plain, ranks=Ranks(2))
    apart = replace(shared, loss_over="device")
    keys = [request.spec("data", "f").key for request in (plain, shared, apart, replace(apart, ranks=Ranks(4)))]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    assert replace(plain, loss_over="device").spec("data", "f").key == keys[0]


def test_mistakes(bench):
    for options, says in (
        (("--devices", 3), "identities of a batch cannot be divided among 3 devices"),
        (("--devices", 2, "--workers", "local:2"), "leave out one"),
        (("--devices", 2, "--loss-over", "bach"), "did you mean 'batch'"),
        (("--devices", 64, "--set", "identities_per_batch=64"), "this machine has"),
    ):
        status, _, err = bench(*SMOKE, *options)
        assert (status, says in err) == (1, True), err


@pytest.mark.slow
@pytest.mark.parametrize("starts", ["itself", "torchrun"])
def test_a_command_starts_its_processes_or_is_started(starts, cache, tmp_path):
    """Cut into slices in the middle, with losses over devices: it ends as when it is not cut.

    Torchrun ends with status 1 whatever that of its processes is.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "BENCH_CACHE": str(cache)}
    script = tmp_path / "start.py"  # by no name of a package: its folder comes first where modules are looked for
    script.write_text(BENCH)
    start = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", str(script)]
    options = ["--loss-over", "device", "--precision", "float32", "--set", "batches_per_epoch=40", "--budget-sweep"]
    if starts == "itself":
        start = [sys.executable, str(script)]
        options += ["--devices", "2"]
    options += ["--policies", "gs,random", "--resamples", "20", "--budgets", "3"]
    command = [*start, *map(str, SMOKE), *options, "--results"]
    assert subprocess.run([*command, str(tmp_path / "whole")], env=environment, timeout=500).returncode == 0
    time_is_up = 75 if starts == "itself" else 1
    statuses = [time_is_up]
    # The first slice ends after a batch; the others grow, so that they come to an end on a busy machine, too.
    for limit in (1, 15, 30, 60, 120, 240):
        if statuses[-1] != time_is_up:
            break
        cut = [*command, str(tmp_path / "cut"), "--time-limit", f"{limit}s"]
        statuses.append(subprocess.run(cut, env=environment, timeout=500).returncode)
    assert (statuses[1], statuses[-1]) == (time_is_up, 0)
    one, other = (next(files_of(tmp_path / name).glob("records-*.jsonl")) for name in ("whole", "cut"))
    assert without_times(one) == without_times(other)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["dare", "branchynet", "msdnet", "ranet", "osnet-x0.25", "bot-r18", "mlfn", "bire-id", "cnet", "pcb", "cdnet"],
)
def test_every_loss_is_that_of_one_process(name, bench, second_process, tmp_path):
    """Of two batches: the second has gone through the optimiser, and in the third, triplets may be other ones.

    Networks with dropout are among them: masks are drawn for the whole batch. Binary networks are in the real numbers
    that they begin with: a sign turns rounding into another number.
    """
    assert method(name).presets["smoke"]
    batches = ("--set", "epochs=1", "--set", "batches_per_epoch=2")
    batches += ("--set", "real_share=0.9") if name == "bire-id" else ()
    command = ("run", "-m", name, *SMOKE[3:], "--precision", "float32", *batches)
    assert bench(*command, "--results", tmp_path / "one")[0] == 0
    command = (*command, "--devices", 2, "--results", tmp_path / "two")
    second_process(*command)
    assert bench(*command)[0] == 0
    np.testing.assert_allclose(losses_of(files_of(tmp_path / "two")), losses_of(files_of(tmp_path / "one")), rtol=1e-4)
