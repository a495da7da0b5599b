"""The search on a toy space whose best is known, its sampling by hand, and what it is asked for and leaves."""

import numpy as np
import pytest
import torch
from torch import nn

from baselines.genotypes import candidates, genotype_text, read_genotype
from baselines.networks.cdnet_search import TopSample
from bench import registry
from bench.architecture.found import find_architecture, halves_of, resolve
from bench.architecture.search import Halves, search
from bench.data.dataset import ImageSample
from bench.device import open_device
from bench.errors import BenchError
from bench.networks import ExitOutput, ExitSpec, SearchNetwork
from bench.report.figures.architecture import architecture_figure, progress_figure
from bench.running.request import RunRequest
from bench.training.recipe import Augmentation, Optimiser, Recipe
from bench.training.retrieval_history import TrainingImages

PEOPLE, EACH = 4, 8
RECIPE = Recipe(
    input_size=(8, 4),
    epochs=8,
    identities_per_batch=PEOPLE,
    images_per_identity=4,
    batches_per_epoch=12,
    optimiser=Optimiser(name="sgd", learning_rate=0.05, momentum=0.9),
    augmentation=Augmentation(flip=0.5, erase=0.0),
)


class Noise(nn.Module):
    """A candidate that nothing can be learned from."""

    def forward(self, maps):
        return 3 * torch.randn(len(maps), maps.shape[1], 1, 1).expand_as(maps)


class Nothing(nn.Module):
    def forward(self, maps):
        return torch.zeros_like(maps)


class ToySearch(SearchNetwork):
    """Two blocks, of which each is best where it lets the colours pass; at the start both prefer the others."""

    candidates = ("noise", "clear", "nothing")

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(TopSample([Noise(), nn.Conv2d(3, 3, 1), Nothing()], 2) for _ in range(2))
        self.heads = nn.ModuleList([nn.Identity()])
        self.classifier = nn.Linear(3, PEOPLE)
        self.exits = (ExitSpec("only", 3, "continuous"),)
        self.architecture = nn.ParameterList(torch.tensor([0.3, -0.3, 0.0]) for _ in range(2))

    def start(self, images):
        return images

    def step(self, state, exit_index):
        for block, logits in zip(self.blocks, self.architecture, strict=True):
            state = block(state, logits)
        return (), state.mean(dim=(2, 3))

    def outputs(self, images, num_exits=None):
        _, features = self.step(self.start(images), 0)
        return [ExitOutput(features, features, self.classifier(features))]


class Images:
    """People of one colour each, as a store's images on a device."""

    def __init__(self):
        colours = torch.tensor([[250, 10, 10], [10, 250, 10], [10, 10, 250], [250, 250, 10]])
        self.images = colours.repeat_interleave(EACH, dim=0)[:, :, None, None].expand(-1, -1, 8, 4).to(torch.uint8)

    def batch(self, indices):
        return self.images[indices].clone()


def toy_search(tmp_path, stop_after=0):
    """Search; with ``stop_after``, stop in that batch and go on with a new process's network."""
    images, labels = Images(), np.repeat(np.arange(PEOPLE), EACH)
    rows = [np.flatnonzero(np.arange(len(labels)) % 2 == half) for half in (0, 1)]
    halves = Halves(*(TrainingImages(images, part, labels[part], labels[part] * 0, labels[part]) for part in rows))
    calls = 0

    def loss(outputs, labels):
        nonlocal calls
        calls += 1
        if calls == stop_after:
            raise KeyboardInterrupt
        return {"identity": nn.functional.cross_entropy(outputs[0].logits, labels)}

    def run():
        torch.manual_seed(0)
        network = ToySearch()
        places = {"checkpoint": tmp_path / "checkpoint.pt", "fabric": open_device("cpu", "float32")}
        found = search(network, loss, halves, RECIPE, rate=0.1, decay=1e-3, seed=0, key="k", **places)
        return network, found

    if stop_after:
        with pytest.raises(KeyboardInterrupt):
            run()
    return run()


def test_the_best_of_a_toy_space_is_found_and_a_stopped_search_ends_as_another(tmp_path):
    network, history = toy_search(tmp_path / "whole")
    assert network.genotype() == "clear,clear"
    assert [row["epoch"] for row in history] == list(range(1, 9))
    assert history[0]["1: clear"] < 0.5 < history[-1]["1: clear"]
    assert history[-1]["validation loss"] < history[0]["validation loss"] / 2
    again, _ = toy_search(tmp_path / "stopped", stop_after=2 * 12 * 3 + 5)
    assert again.probabilities() == network.probabilities()


def test_the_greatest_run_with_weight_1_and_gradients_of_the_softmax():
    """Equation 8: the sum over those that run of (dF/dĥ_k) (dp_k/dα_j)."""
    factors = [2.0, 3.0, 5.0, 7.0]
    blocks = [nn.Conv2d(1, 1, 1, bias=False) for _ in factors]
    for block, factor in zip(blocks, factors, strict=True):
        nn.init.constant_(block.weight, factor)
    logits = torch.tensor([0.5, -1.0, 2.0, 1.0], requires_grad=True)
    output = TopSample(blocks, 2)(torch.ones(1, 1, 1, 1), logits)
    assert output.item() == pytest.approx(5 + 7)
    output.sum().backward()
    p = torch.softmax(logits.detach(), dim=0).tolist()
    expected = [sum(factors[k] * p[k] * ((k == j) - p[j]) for k in (2, 3)) for j in range(4)]
    assert logits.grad.tolist() == pytest.approx(expected, rel=1e-5)
    assert blocks[0].weight.grad is None


@pytest.mark.parametrize(("name", "count"), [("cnet", 6), ("cdnet", 12)])
def test_every_block_of_the_search_network_is_the_block_of_its_name(name, count):
    """With the logits of a genotype alone on top, what runs has as many parameters as the network of that genotype."""
    space = candidates(name)
    assert len(space) == len(set(space)) == count
    method = registry.method(name)
    published = method.presets["paper"].network["genotype"]
    assert set(published.split(",")) <= set(space)
    smoke = method.architecture.presets["smoke"]
    network = method.architecture.build({**smoke.network, "top": 1}, 3, smoke.recipe.input_size)
    with torch.no_grad():
        for logits, chosen in zip(network.architecture, published.split(","), strict=True):
            logits[space.index(chosen)] = 1.0
    assert network.genotype() == published
    options = {**method.presets["smoke"].network, "genotype": published, "neck": "bl"}
    trained = method.build(options, 3, smoke.recipe.input_size)
    run = [block.candidates[space.index(one)] for block, one in zip(network.blocks, published.split(","), strict=True)]
    of_stages = sum(part.numel() for stage in trained.stages for part in stage.parameters())
    assert sum(part.numel() for block in (*run, *network.halvings) for part in block.parameters()) == of_stages
    outputs = network.outputs(torch.randn(4, 3, *smoke.recipe.input_size))
    sum(method.architecture.loss(outputs, torch.tensor([0, 0, 1, 1]), smoke.network).values()).backward()
    assert all(logits.grad.abs().sum() > 0 for logits in network.architecture)


def test_a_genotype_is_read_from_a_file(tmp_path):
    file = tmp_path / "genotype.txt"
    file.write_text("3-5-1,3-7-2,5-7-2,5-9-1,5-7-2,5-7-1\n")
    request = RunRequest(method="cdnet", settings={"genotype": str(file)})
    assert request.resolve()[1]["genotype"] == "3-5-1,3-7-2,5-7-2,5-9-1,5-7-2,5-7-1"
    assert read_genotype(genotype_text(str(file)))[3] == (5, 9, 1)
    for text, said in (("3-5-1,3-7", "the file holds no genotype"), ("x" * 3000, "the file holds no genotype")):
        file.write_text(text)
        with pytest.raises(BenchError, match=said):
            genotype_text(str(file))
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(BenchError, match="holds no genotype"):
        genotype_text(str(file))
    with pytest.raises(BenchError, match="expected 6 blocks"):
        genotype_text(str(tmp_path / "nothing.txt"))


def test_the_halves_share_no_image_and_every_identity(tmp_path):
    pids = [1, 1, 1, 2, 2, 5, 5, 5, 5, 7]
    samples = tuple(ImageSample(tmp_path / f"{index}.jpg", pid, 0) for index, pid in enumerate(pids))
    training, validation = halves_of(samples, seed=3)
    assert sorted([*training, *validation]) == list(range(len(pids)))
    counts = [[int(sum(pids[row] == pid for row in half)) for pid in (1, 2, 5, 7)] for half in (training, validation)]
    assert counts == [[2, 1, 2, 1], [1, 1, 2, 0]]


def test_a_search_is_kept_found_and_drawn(smoke_request, tmp_path):
    settings = {"epochs": "1", "batches_per_epoch": "1", "stem": "4"}
    request = smoke_request(method="cnet", settings=settings, results=tmp_path)
    found = find_architecture(request)
    assert found.genotype.read_text().splitlines()[0] == found.values["genotype"]
    assert genotype_text(str(found.genotype)) == found.values["genotype"]
    assert not (found.file.parent / "checkpoint.pt").exists()
    assert find_architecture(request).values == found.values
    bars = architecture_figure(found.values).figure.axes
    for axes, probabilities in zip(bars, found.values["probabilities"], strict=True):
        assert [bar.get_width() for bar in axes.patches] == pytest.approx([100 * value for value in probabilities])
        coloured = [bar.get_facecolor() for bar in axes.patches]
        assert coloured.count(coloured[int(np.argmax(probabilities))]) == 1
    losses, choice = progress_figure(found.values).figure.axes
    assert losses.lines[0].get_ydata() == pytest.approx([found.values["history"][0]["training loss"]])
    assert len(choice.lines) == 6 + 1


@pytest.mark.parametrize(
    ("method", "settings", "said"),
    [
        ("bot", {}, "bot has no architecture to search for; these have: cdnet, cnet"),
        ("cdnet", {"tops": "2"}, "did you mean 'top'"),
        ("cdnet", {"epochs": "0"}, "epochs must be at least 1"),
        ("cdnet", {"keep": "best"}, "keep=best chooses among weights, and a search keeps none of them"),
    ],
)
def test_what_cannot_be_searched(method, settings, said):
    with pytest.raises(BenchError, match=said):
        resolve(RunRequest(method=method, settings=settings))


@pytest.mark.parametrize("name", ["cnet", "cdnet"])
def test_the_paper_is_searched_as_its_repository_is_configured(name):
    """FasterReID/factory/{cnet,cdnet}_sample_topk_search/configs.py of solicucu/ReID."""
    preset = registry.method(name).architecture.presets["paper"]
    asked = {option: preset.network[option] for option in ("top", "architecture_rate", "architecture_decay", "margin")}
    assert asked == {"top": 2, "architecture_rate": 3e-4, "architecture_decay": 1e-3, "margin": 0.3}
    recipe = preset.recipe
    assert recipe.optimiser == Optimiser(name="sgd", learning_rate=0.025, weight_decay=3e-4, momentum=0.9)
    assert (recipe.epochs, recipe.batch_size, recipe.images_per_identity) == (240, 64, 4)
    assert (recipe.schedule.kind, recipe.input_size) == ("cosine", (256, 128))


def test_what_was_found_is_trained_without_the_identities_that_no_search_saw(bench, tmp_path):
    """The command that is printed names data, preset and seed, by which identities are held out."""
    short = ("--set", "epochs=1", "--set", "batches_per_epoch=1", "--results", tmp_path, "--device", "cpu")
    asked = ("--method", "cnet", "--preset", "smoke", "--data", "size=smoke", "--seed", 3, "--calibration", 0.3)
    status, out, err = bench("architecture", "search", *asked, *short)
    assert status == 0, err
    (line,) = [line for line in out.splitlines() if line.startswith("Train it: ")]
    same, _, genotype = line.removeprefix("Train it: bench run --method cnet ").partition(" --set genotype=")
    assert same == "--preset smoke --seed 3 --calibration 0.3 --data size=smoke"
    arguments = ("--method", "cnet", *same.split(), "--set", f"genotype={genotype}", "--results", tmp_path, "--dry-run")
    assert bench("run", *arguments)[0] == 0


def test_as_many_candidates_run_as_there_are():
    method = registry.method("cnet")
    smoke = method.architecture.presets["smoke"]
    with pytest.raises(BenchError, match="top=7: expected from 1 to the 6 candidates"):
        method.architecture.build({**smoke.network, "top": 7}, 3)
