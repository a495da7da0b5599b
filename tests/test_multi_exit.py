"""Exits on a network of one's own: costs, training by a recipe, export and real early exit, as of any other."""

import json

import pytest
import torch
from smoke_networks import assert_same, embed, noise, smoke_run
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import bench as suite
from bench import MultiExit, registry
from bench.cost.macs import count, cross_check
from bench.encoders.build import build_encoder
from bench.errors import BenchError
from bench.inference.backends.by_name import open_backend
from bench.inference.export.write import write_export
from bench.running.run import run
from bench.spec import SweepSpec

SIZE = (64, 32)


class Own(nn.Module):
    """Four convolutions; the maps of the first join those of the third, over two exits."""

    def __init__(self):
        super().__init__()

        def block(entering, leaving, stride):
            return nn.Sequential(nn.Conv2d(entering, leaving, 3, stride, 1), nn.BatchNorm2d(leaving), nn.ReLU(True))

        self.first, self.second = block(3, 16, 4), block(16, 16, 1)
        self.third, self.fourth = block(16, 16, 1), block(16, 24, 2)
        self.classifier = nn.Linear(24, 10)

    def forward(self, images):
        early = self.first(images)
        middle = self.second(early)
        late = self.fourth(self.third(middle) + early)
        return self.classifier(late.mean(dim=(2, 3)))


PLACES = ["first", "second", "fourth"]


@pytest.fixture
def own_backbone(monkeypatch):
    """A backbone ``own``, as another package would register it."""
    family = MultiExit.family("own", Own, PLACES)
    names, load = registry.names, registry.load
    monkeypatch.setattr(registry, "names", lambda kind, of=None: ["own"] if kind == "encoder" else names(kind, of))
    monkeypatch.setattr(registry, "load", lambda kind, name: family if kind == "encoder" else load(kind, name))


@pytest.mark.parametrize("heads", ["dare", "hashreid"])
def test_it_keeps_the_contract_of_a_network(heads):
    torch.manual_seed(0)
    whole = Own().train()
    network = MultiExit.wrap(whole, at=PLACES, heads=heads, num_identities=2, input_size=SIZE)
    images = torch.randn(4, 3, *SIZE)
    method = registry.method(heads)
    terms = method.loss(network.outputs(images), torch.tensor([0, 0, 1, 1]), method.presets["paper"].network)
    sum(terms.values()).backward()
    assert all(part.grad is not None and part.grad.abs().sum() > 0 for part in network.parameters())
    macs = cross_check(network, SIZE)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        whole.eval()(images[:1])
    in_one_piece = counter.get_flop_counts()["Global"][torch.ops.aten.convolution] // 2
    steps = count(network, SIZE)
    assert sum(step.trunk_macs for step in steps) == in_one_piece
    assert sum(step.macs for step in steps) == macs[-1]
    with torch.inference_mode():
        for output, embedding in zip(network.outputs(images), network.embed(images), strict=True):
            assert torch.equal(output.embedding, embedding)


def test_it_trains_by_a_recipe_and_leaves_early_for_real(own_backbone, bench, smoke_request, monkeypatch, tmp_path):
    monkeypatch.setattr("bench.inference.infer.PROFILE_SECONDS", 0)
    monkeypatch.setattr("bench.inference.infer.FURTHER_SECONDS", 0)
    request = smoke_request(
        method="hashreid",
        settings={"backbone": "own"},
        precision="float32",
        calibration_share=0.3,
        sweep=SweepSpec(("gs",), ("calibrated",), budgets=3, resamples=2),
    )
    records = run(request).records
    macs = [record["realised_cost"] for record in records if record["kind"] == "exit"]
    assert macs == sorted(macs)
    assert len(macs) == 3
    kept = tmp_path / "record.json"
    arguments = ("--results", request.results, "--device", "cpu", "--rounds", 1, "--budget", "0,0.5,1")
    status, _, err = bench("infer", "hashreid-smoke", *arguments, "--json", kept)
    assert status == 0, err
    engines = [one for one in json.loads(kept.read_text())["contestants"] if one["kind"] == "engine"]
    points = [record for record in records if record["kind"] == "policy"]
    for one, point in zip(engines, points, strict=True):
        assert (one["decisions_changed"], one["bits_changed"], one["mAP"]) == (0, 0, point["mAP"])


@pytest.mark.slow
def test_it_is_exported_step_by_step(own_backbone, tmp_path):
    pytest.importorskip("onnxruntime")
    made = smoke_run("dare", backbone="own")
    card = write_export(made, tmp_path)
    assert [len(exit_.outputs) for exit_ in card.exits] == [3, 5, 1]  # maps, the early ones, embeddings so far
    images = noise(5, made.input_size)
    backend = open_backend("onnxruntime", tmp_path, threads=1, device="cpu")
    state = backend.start(images)
    for index, expected in enumerate(embed(made.network, images)):
        state, embedding = backend.step(state, index)
        assert_same(embedding, expected, made.network.exits[index])


def test_weights_of_its_own(own_backbone, tmp_path):
    torch.manual_seed(5)
    trained = Own()
    torch.save(trained.state_dict(), tmp_path / "own.pth")
    encoder = build_encoder("own", weights=str(tmp_path / "own.pth"), input_size=SIZE)
    assert torch.equal(encoder.stem.state_dict()["module.first.0.weight"], trained.first[0].weight)
    torch.save({"other": torch.zeros(1)}, tmp_path / "other.pth")
    for weights, said in ((str(tmp_path / "other.pth"), "do not fit own"), ("imagenet", "no ImageNet weights here")):
        with pytest.raises(BenchError, match=said):
            build_encoder("own", weights=weights, input_size=SIZE)
    with pytest.raises(BenchError, match="last_stride=1 changes nothing in backbone own"):
        build_encoder("own", last_stride=1, input_size=SIZE)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"heads": "bot"}, "method with heads for any network 'bot'.*hashreid"),
        ({"heads": "dere"}, "did you mean 'dare'"),
        ({"hiden": 5}, "option of dare 'hiden': did you mean 'hidden'"),
        ({"heads": "branchynet"}, "after stages 1, 2 and 4 of four, found 3 stages"),
    ],
)
def test_what_does_not_fit_is_said(asked, said):
    with pytest.raises(suite.BenchError, match=said):
        MultiExit.wrap(Own(), PLACES, input_size=SIZE, **asked)
