"""Examples of the pages and the notebooks: what is written there runs, on small data."""

import json
import re
import sys
import types
from collections import OrderedDict
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import torch
from kept import keep_run

from bench.api import running
from bench.evaluation.file import read_embeddings
from bench.running.result import RunResult
from bench.runs.folder import RunFolder
from bench.runs.records import read_records

DOCS = Path(__file__).parents[2] / "docs"
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def undrawn():
    """Figures of examples are drawn to nowhere, and closed."""
    from matplotlib import pyplot

    with mpl.rc_context({"backend": "agg"}):
        pyplot.switch_backend("agg")
        yield
        pyplot.close("all")


def blocks(page):
    return PYTHON.findall((DOCS / page).read_text(encoding="utf-8"))


def test_the_page_on_python_runs(tmp_path, monkeypatch, capsys):
    """Training alone is replaced, by a run that is kept: what is asked for is looked at."""
    monkeypatch.chdir(tmp_path)
    kept = keep_run(tmp_path / "results")
    asked = []

    def trained(request, reporter):
        asked.append(request)
        path = next(kept.path.glob("records-*"))
        return RunResult(RunFolder(kept.path), *read_records(path), cached=True, path=path)

    monkeypatch.setattr(running, "run_request", trained)
    names = {}
    for block in blocks("python.md"):
        exec(compile(block, "python.md", "exec"), names)
    (request,) = asked
    assert (request.method, request.preset, request.data.options) == ("hashreid", "smoke", {"size": "smoke"})
    assert request.sweep.policies == ("random", "gs")
    assert set(names["tried"].curves["policy"]) == {"gs", "relative"}
    assert set(names["scored"].left_out) == {"entropy", "ets", "ets+gs", "learned"}
    assert "expected a file of embeddings, found none" in capsys.readouterr().out


def test_the_script_writes_a_file_that_is_understood(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    layers = [torch.nn.Linear(8, 4), torch.nn.Linear(8, 6)]
    names = {"network": lambda images: [layer(images) for layer in layers]}
    for part in ("query", "gallery"):
        names[f"{part}_loader"] = [(torch.rand(5, 8), torch.arange(5), torch.full((5,), len(part))) for _ in range(2)]
    script = blocks("bring-your-own.md")[0]
    exec(compile(script, "bring-your-own.md", "exec"), names)
    assert len([line for line in script.splitlines() if line and not line.startswith("import")]) <= 11
    found = read_embeddings(tmp_path / "mine.npz")
    assert [exit_.dim for exit_ in found.exits] == [4, 6]
    images = torch.cat([batch[0] for batch in names["gallery_loader"]])
    np.testing.assert_allclose(found.gallery.codes[1], layers[1](images).detach().numpy(), rtol=1e-6)


def test_a_network_is_wrapped_in_fifteen_lines_and_scored(tmp_path, monkeypatch):
    """The example with a small network for ``resnet``; then the script at the top with what it embeds."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    layers = {f"layer{n}": torch.nn.Conv2d(3 if n == 1 else 4, 4, 3, stride=2) for n in (1, 2, 3, 4)}
    network = torch.nn.Sequential(OrderedDict(layers)).train()
    images, labels = torch.randn(4, 3, 256, 128), torch.tensor([0, 0, 1, 1])
    names = {"resnet": network, "train_loader": [(images, labels)] * 2}
    writing, wrapping, registering = blocks("bring-your-own.md")
    assert len([line for line in wrapping.splitlines() if line]) <= 15
    exec(compile(wrapping, "bring-your-own.md", "exec"), names)
    assert len(names["costs"]) == 4
    loader = [(images, labels, torch.full((4,), camera)) for camera in (0, 1)]
    exec(
        compile(writing.replace("costs=[0.9e9, 2.7e9]", "costs=costs"), "bring-your-own.md", "exec"),
        names | {"network": names["network"].embed, "query_loader": loader[:1], "gallery_loader": loader[1:]},
    )
    found = read_embeddings(tmp_path / "mine.npz")
    assert [exit_.dim for exit_ in found.exits] == [128] * 4
    assert list(found.costs) == list(names["costs"])
    module = types.ModuleType("my_package.network")
    module.MyNetwork = lambda: network
    monkeypatch.setitem(sys.modules, "my_package", types.ModuleType("my_package"))
    monkeypatch.setitem(sys.modules, "my_package.network", module)
    exec(compile(registering, "bring-your-own.md", "exec"), names)
    family = names["FAMILY"]
    assert family.build("mine", weights="none", input_size=(64, 32)).widths == (4, 4, 4, 4)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run(path, tmp_path, monkeypatch, cache):
    """Cells run one after the other, as a kernel would run them; what they keep lands in a folder of the test."""
    monkeypatch.setenv("BENCH_CACHE", str(cache))
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    # Records that are kept with the code are named from the notebook's own folder.
    reads_kept = any("../../results" in "".join(cell["source"]) for cell in cells)
    monkeypatch.chdir(path.parent if reads_kept else tmp_path)
    names = {"__name__": "__main__"}
    for number, cell in enumerate(cells):
        exec(compile("".join(cell["source"]), f"{path.name}, cell {number + 1}", "exec"), names)
    assert not (path.parent / "results").exists()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_kept_without_outputs(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], len(notebook["cells"])) >= (4, 3)
    for cell in notebook["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
