"""A training that was stopped, however rudely, ends as if it had not been."""

import itertools
import shutil
import signal
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from notes import Notes
from records_compared import without_times
from safetensors.torch import load_file

import bench.training.epoch
from bench.counts import count_of
from bench.data.dataset import DatasetRequest
from bench.data.split import hold_out
from bench.data.synthped.dataset import SYNTHPED
from bench.deadline import Deadline, TimeIsUp
from bench.errors import BenchError
from bench.files import read_json
from bench.networks import ExitSpec
from bench.retrieval.evaluate import build_table
from bench.running.run import run
from bench.spec import SweepSpec
from bench.training import pausing
from bench.training.checkpoint import Checkpoint
from bench.training.epoch import Epochs
from hashreid.training_loss import hashreid_loss

SETTINGS = {"epochs": "4", "sign_hardness": "3"}
"""With a schedule of the network's own: it must go on where it was, too."""
SWEEP = SweepSpec(("gs",), budgets=3, resamples=10)


@pytest.fixture(autouse=True)
def every_epoch_is_kept(monkeypatch):
    """Whether a checkpoint is dear is a matter of seconds, and other jobs take some of them."""
    monkeypatch.setattr(pausing, "CHEAP_SAVE_SECONDS", float("inf"))


@pytest.fixture(scope="module")
def annealed():
    """Progress that training told the network of the unbroken run."""
    return []


@pytest.fixture(scope="module")
def unbroken(cache, tmp_path_factory, annealed):
    from bench.running.request import RunRequest
    from hashreid.network import HashReID

    anneal = HashReID.anneal

    def noted(network, progress):
        annealed.append(progress)
        anneal(network, progress)

    request = RunRequest(
        "hashreid",
        "smoke",
        data=DatasetRequest(cache, {"size": "smoke"}),
        cache=cache,
        device="cpu",
        settings=SETTINGS,
        sweep=SWEEP,
        results=tmp_path_factory.mktemp("unbroken"),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HashReID, "anneal", noted)
        return run(request)


def assert_same(one, other):
    weights, expected = load_file(one.folder.weights), load_file(other.folder.weights)
    assert weights.keys() == expected.keys()
    for name in expected:
        assert torch.equal(weights[name], expected[name]), name
    for array in ("retrieval_history", "epochs", "samples"):
        assert np.array_equal(
            np.load(one.folder.retrieval_history)[array], np.load(other.folder.retrieval_history)[array]
        )
    assert one.records == other.records
    history, expected_history = (read_json(result.folder.training)["history"] for result in (one, other))
    for epoch, expected_epoch in zip(history, expected_history, strict=True):
        assert {**epoch, "seconds": 0} == {**expected_epoch, "seconds": 0}


def test_training_tells_the_network_how_far_it_has_come(unbroken, annealed):
    batches = len(annealed)
    assert batches == 4 * 3
    assert annealed == pytest.approx([(number + 1) / batches for number in range(batches)])


def test_killed_and_started_again(smoke_request, starter, unbroken, cache, tmp_path):
    request = smoke_request(settings=SETTINGS, sweep=SWEEP)
    arguments = ["run", "-m", "hashreid", "--preset", "smoke", "--device", "cpu"]
    arguments += ["--set", "epochs=4", "--set", "sign_hardness=3", "--data", "size=smoke", "--data-root", cache]
    started = starter.start([*arguments, "--cache", cache, "--results", request.results], tmp_path / "said")
    deadline = time.monotonic() + 120
    while not list(request.results.glob("runs/*/*/checkpoint.pt")):
        assert started.process.exitcode is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    started.signal_after(0, signal.SIGKILL)
    assert started.end().status == -signal.SIGKILL
    folder = next(request.results.glob("runs/*/*"))
    assert not (folder / "weights.safetensors").exists(), "it was killed too late to test anything"
    result = run(request)
    assert result.folder.path == folder
    assert not result.folder.checkpoint.exists()
    assert_same(result, unbroken)


def test_ctrl_c_keeps_whole_epochs(smoke_request, unbroken, monkeypatch):
    request = smoke_request(settings=SETTINGS, sweep=SWEEP)
    notes = Notes()
    whole = Epochs.run

    def interrupted(epochs, number, *arguments):
        if number == 2:
            raise KeyboardInterrupt
        return whole(epochs, number, *arguments)

    monkeypatch.setattr(Epochs, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(request, notes)
    assert any("2 of 4 epochs are kept" in note for note in notes.said)
    monkeypatch.setattr(Epochs, "run", whole)
    assert_same(run(request, notes), unbroken)
    assert any("going on after epoch 2" in note for note in notes.said)


class OneBatch:
    """A clock that stands still until a batch is done, and then says that the time is nearly up."""

    def __init__(self):
        self.looks = 0

    def __call__(self):
        self.looks += 1
        return 0.0 if self.looks == 1 else 99.9


def test_a_run_cut_into_slices_ends_in_the_uncut_runs_records(smoke_request, unbroken):
    """Four epochs of three batches, a batch a slice; then everything up to the records."""
    request = smoke_request(settings=SETTINGS, sweep=SWEEP)
    for number in range(12):
        epochs, batches = count_of(number // 3, "epoch"), count_of(number % 3 + 1, "batch")
        with pytest.raises(TimeIsUp, match=f"kept: {epochs} and {batches} of the next"):
            run(request, deadline=Deadline(100, OneBatch()))
    with pytest.raises(TimeIsUp, match="before counting multiply-adds"):
        run(request, deadline=Deadline(-1))
    result = run(request)
    assert not result.folder.checkpoint.exists()
    assert_same(result, unbroken)
    one, other = (next(run.folder.path.glob("records-*.jsonl")) for run in (result, unbroken))
    assert without_times(one) == without_times(other)


def test_long_epochs_are_kept_in_their_middle(smoke_request, unbroken, monkeypatch):
    """Every batch is kept where batches are far apart, and a process that ends in the next loses one batch alone."""
    monkeypatch.setattr(pausing, "KEPT_EVERY_SECONDS", -1.0)
    request = smoke_request(settings=SETTINGS, sweep=SWEEP)
    views = itertools.count()
    whole = bench.training.epoch.training_view

    def interrupted(*arguments):
        if next(views) == 5:
            raise KeyboardInterrupt
        return whole(*arguments)

    monkeypatch.setattr(bench.training.epoch, "training_view", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(request)
    kept = torch.load(next(request.results.glob("runs/*/*/checkpoint.pt")), weights_only=True)
    steps = kept["epoch"], kept["so_far"].get("batches", 0)
    assert steps != (0, 0)
    assert_same(run(request), unbroken)


BEST = {**SETTINGS, "keep": "best"}


def test_the_best_epoch_is_kept_and_the_same_after_an_interruption(smoke_request, monkeypatch):
    """The weights are those of the epoch with the highest score on the calibration identities, whenever it was."""
    scores = iter([0.2, 0.9, 0.3, 0.1])
    states = []

    def validate(bench, network):
        states.append({name: value.clone() for name, value in network.state_dict().items()})
        return next(scores)

    monkeypatch.setattr("bench.running.stages._validate", validate)
    request = smoke_request(settings=BEST)
    whole = Epochs.run

    def interrupted(epochs, number, *arguments):
        if number == 3:
            raise KeyboardInterrupt
        return whole(epochs, number, *arguments)

    monkeypatch.setattr(Epochs, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(request)
    monkeypatch.setattr(Epochs, "run", whole)
    result = run(request)
    validation = result.header["training"]["validation"]
    assert [entry["mAP"] for entry in validation] == [0.2, 0.9, 0.3, 0.1]
    assert [entry["epoch"] for entry in validation] == [1, 2, 3, 4]
    kept = load_file(result.folder.weights)
    assert all(torch.equal(kept[name], value) for name, value in states[1].items())
    assert not all(torch.equal(kept[name], value) for name, value in states[3].items())


def test_scores_on_the_calibration_identities_are_those_of_the_table(smoke_request):
    request = smoke_request(settings=BEST)
    result = run(request)
    best = max(entry["mAP"] for entry in result.header["training"]["validation"])
    _, query, gallery = hold_out(SYNTHPED.open(request.data).train, request.calibration_share, request.seed)
    with np.load(next(result.folder.path.glob("embeddings-*.npz"))) as stored:
        # Epochs are chosen among the held-out people's own images: the training images come after them.
        codes = stored["calibration_query.3"], stored["calibration_gallery.3"][: len(gallery)]
    spec = ExitSpec("exit 4", result.header["exits"][-1]["dim"], "binary")
    labels = [
        np.array([getattr(f, name) for f in samples]) for samples in (query, gallery) for name in ("pid", "camid")
    ]
    table = build_table([spec], [codes[0]], [codes[1]], *labels)
    assert table.outcomes.average_precision.mean() == pytest.approx(best)


def test_without_held_out_identities_there_is_no_best(smoke_request):
    with pytest.raises(BenchError, match="--calibration above 0"):
        smoke_request(settings=BEST, calibration_share=0.0).resolve()


def test_fresh_trains_again_to_the_same(smoke_request, unbroken):
    request = smoke_request(settings=SETTINGS, sweep=SWEEP)
    folder = request.results.joinpath(*unbroken.folder.path.parts[-3:])
    shutil.copytree(unbroken.folder.path, folder)
    assert run(request).cached
    again = run(replace(request, fresh=True))
    assert again.folder.path == folder
    assert not again.cached
    assert_same(again, unbroken)


def test_a_loss_that_is_not_finite_stops_training(smoke_request, monkeypatch):
    def overflowing(outputs, labels, options):
        return {name: term * 3e38 * 10 for name, term in hashreid_loss(outputs, labels, options).items()}

    monkeypatch.setattr("hashreid.training_loss.hashreid_loss", overflowing)
    request = smoke_request(settings={"epochs": "3"})
    with pytest.raises(BenchError, match=r"not finite in epoch 1.*optimiser\.learning_rate"):
        run(request)
    assert not list(request.results.glob("runs/*/*/weights*"))


def test_checkpoints_of_other_runs_and_damaged_ones(tmp_path):
    path = tmp_path / "checkpoint.pt"
    Checkpoint("one", 1, {"w": torch.ones(2)}, {}, [{"epoch": 1.0}], torch.zeros(1, 3)).save(path)
    assert Checkpoint.load(path, "one").network["w"].tolist() == [1, 1]
    with pytest.raises(BenchError, match="another run"):
        Checkpoint.load(path, "two")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BenchError, match="--fresh"):
        Checkpoint.load(path, "one")
