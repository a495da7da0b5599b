"""Every layout at small size, from the reader over ``verify`` and a run to the report, as a newcomer would type it."""

import shutil

import pytest
from PIL import Image

from bench import registry
from bench.data.dataset import DatasetRequest

NAMES = {
    "market1501": "{pid:04}_c{camid}s1_{number:06}_00.jpg",
    "dukemtmc": "{pid:04}_c{camid}_f{number:07}.jpg",
    "cuhk03": "{pid:04}_c{camid}_{number}.png",
}
FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}


@pytest.fixture(scope="module")
def rendered(cache):
    return registry.dataset("synthped").open(DatasetRequest(cache, {"size": "smoke"}))


def lay_out(name, rendered, root):
    """Write the rendered set under another's names; distractors and junk only where the set has them."""
    counts = {}
    for split, folder in FOLDERS.items():
        samples = [sample for sample in getattr(rendered, split) if name == "market1501" or sample.pid > 0]
        counts[split] = len(samples)
        (root / folder).mkdir(parents=True)
        for number, sample in enumerate(samples, 1):
            pid = "-1" if sample.pid == -1 else f"{sample.pid:04}"
            target = NAMES[name].replace("{pid:04}", pid).format(camid=sample.camid, number=number)
            if target.endswith(".png"):
                Image.open(sample.path).save(root / folder / target)
            else:
                shutil.copyfile(sample.path, root / folder / target)
    return counts


@pytest.mark.parametrize("name", NAMES)
def test_from_the_reader_to_the_report(bench, rendered, figures_drawn, tmp_path, name):
    figures_drawn()
    root = tmp_path / "data" / ("detected" if name == "cuhk03" else "")
    counts = lay_out(name, rendered, root)
    data = ("--data-root", tmp_path / "data")
    status, out, err = bench("data", "verify", name, *data)
    assert status == 1, "the counts are not the official ones"
    assert "images" in out + err

    results = ("--results", tmp_path / "results")
    job = ("run", "-m", "hashreid", "--dataset", name, *data, "--preset", "smoke", "--device", "cpu", *results)
    status, out, err = bench(*job, "--budget-sweep", "--budgets", 3, "--policies", "gs,random", "--resamples", 20)
    assert (status, [line for line in err.splitlines() if line.startswith("error")]) == (0, [])
    assert "rendered" not in out

    status, _, err = bench("report", *results, "--formats", "svg")
    assert status == 0
    page = (tmp_path / "results" / "report" / "index.html").read_text(encoding="utf-8")
    assert f"{counts['query']} query images" in page
    assert f"{counts['gallery']} gallery images" in page
    assert "This dataset is rendered" not in page
