"""Whole runs on small sets of rendered people in LTCC's and PRCC's layouts: who asks, who is held out, what is said."""

import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from notes import Notes

from bench import registry
from bench.data.dataset import DatasetRequest, ImageSample
from bench.data.split import hold_out
from bench.running.run import run

pytestmark = pytest.mark.long


@pytest.fixture
def people(cache) -> tuple[list[ImageSample], list[ImageSample]]:
    """Rendered images of training and of test identities."""
    rendered = registry.dataset("synthped").open(DatasetRequest(cache, {"size": "smoke"}))
    return list(rendered.train), [one for one in (*rendered.query, *rendered.gallery) if one.pid > 0]


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def letters(samples: Iterable[ImageSample]) -> list[tuple[ImageSample, str]]:
    """Deal the images of each person to PRCC's three cameras."""
    shots: Counter[int] = Counter()
    dealt = []
    for one in samples:
        dealt.append((one, "ABC"[shots[one.pid] % 3]))
        shots[one.pid] += 1
    return dealt


@pytest.mark.parametrize(("clothes", "asking"), [("changed", 3), ("same", 2)])
def test_held_out_people_of_prcc_are_asked_and_sought_as_test_people_are(
    tmp_path, people, smoke_request, clothes, asking
):
    for number, (one, letter) in enumerate(letters(people[0])):
        copy(one.path, tmp_path / f"rgb/train/{one.pid:03}/{letter}_cropped_rgb{number:03}.jpg")
    for number, (one, letter) in enumerate(letters(people[1])):
        copy(one.path, tmp_path / f"rgb/test/{letter}/{one.pid:03}/cropped_rgb{number:03}.jpg")
    data = DatasetRequest(tmp_path, {"clothes": clothes})
    train = registry.dataset("prcc").open(data).train
    result = run(smoke_request(method="dare", dataset="prcc", data=data))
    held_out = {one.pid for one in hold_out(train, 0.1, 0)[1]}
    seen = {pid: {one.camid for one in train if one.pid == pid} for pid in held_out}
    assert all({1, asking} <= cameras for cameras in seen.values())
    asked = [one.pid for one in train if one.pid in held_out and one.camid == asking]
    sought = [one.pid for one in train if one.pid in held_out and one.camid == 1]
    others = [one.pid for one in train if one.pid not in held_out]
    assert result.header["dataset"]["counts"]["calibration queries"] == len(asked)
    with np.load(next(result.folder.path.glob("embeddings*.npz"))) as stored:
        assert len(stored["calibration_query.0"]) == len(asked)
        assert len(stored["calibration_gallery.0"]) == len(sought) + len(others)


def test_a_run_says_how_many_queries_of_ltcc_have_no_match(tmp_path, people, smoke_request):
    asked: set[tuple[int, int]] = set()
    # Everybody with an even number changes clothes from one half of the cameras to the other.
    for number, one in enumerate([*people[0], *people[1]]):
        clothes = 1 + (one.camid > 3) * (one.pid % 2 == 0)
        test = "query" if (one.pid, one.camid) not in asked else "test"
        asked.add((one.pid, one.camid))
        folder = "train" if number < len(people[0]) else test
        copy(one.path, tmp_path / folder / f"{one.pid:03}_{clothes}_c{one.camid}_{number:06}.jpg")
    names = {folder: [path.name.split("_") for path in (tmp_path / folder).iterdir()] for folder in ("query", "test")}
    scored = [
        pid
        for pid, clothes, camera, _ in names["query"]
        if any(pid == other and worn != clothes and where != camera for other, worn, where, _ in names["test"])
    ]
    alone = len(names["query"]) - len(scored)
    assert 0 < alone < len(names["query"])
    notes = Notes()
    data = DatasetRequest(tmp_path, {"setting": "cloth-changing"})
    result = run(smoke_request(method="dare", dataset="ltcc", data=data, calibration_share=0.3), notes)
    assert f"{alone} of {len(names['query'])} test queries have no match: no score counts them" in notes.said
    counts = result.header["dataset"]["counts"]
    assert (counts["scored queries"], counts["scored identities"]) == (len(scored), len(set(scored)))
