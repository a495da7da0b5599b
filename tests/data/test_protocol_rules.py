"""Readers and evaluator against the protocols of the sets' papers, which are written down here on file names alone.

A rule says of a query and a gallery entry, by their names, whether the latter is a match, junk, or counts as wrong.
Small sets with such names are read, and scored by the labels that the reader gives.
"""

from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from bench import registry
from bench.data.dataset import DatasetRequest, ReidDataset
from bench.data.inspection import Inspection
from bench.data.protocol import has_match
from bench.data.tracklets import entries
from bench.data.verify import verify
from bench.retrieval.labels import labels_of
from bench.retrieval.metrics import score_rankings

Rule = Callable[[str, str], str]
MATCH, JUNK, WRONG = "match", "junk", "wrong"


def touch(root: Path, names: Sequence[str]) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def market(query: str, answer: str) -> str:
    """Zheng et al. 2015: −1 is junk, as is the query's identity in its camera; 0000 is a distractor."""
    (pid, camera), (other, elsewhere) = (name.split("s1_")[0].split("_c") for name in (query, answer))
    if other == "-1" or (pid == other and camera == elsewhere):
        return JUNK
    return MATCH if pid == other else WRONG


def ltcc(query: str, answer: str) -> str:
    """Qian et al. 2020, standard: as in Market-1501."""
    (pid, _, camera, _), (other, _, elsewhere, _) = query.split("_"), answer.split("_")
    return WRONG if pid != other else JUNK if camera == elsewhere else MATCH


def ltcc_changing(query: str, answer: str) -> str:
    """Gu et al. 2022 (CC): the query's identity is junk in its camera, and in its clothes in any camera."""
    (pid, clothes, camera, _), (other, worn, elsewhere, _) = query.split("_"), answer.split("_")
    if pid != other:
        return WRONG
    return JUNK if camera == elsewhere or clothes == worn else MATCH


def prcc(query: str, answer: str) -> str:
    """Yang et al. 2021: nothing is junk, for the gallery's camera has no query."""
    return MATCH if query.split("/")[1] == answer.split("/")[1] else WRONG


def mars(query: str, answer: str) -> str:
    """MARS-evaluation: tracklets of −1, and of the query's identity in its camera, are junk; the query is one."""
    if answer.startswith("00-1") or query.split("T")[0] == answer.split("T")[0]:
        return JUNK
    return MATCH if query[:4] == answer[:4] else WRONG


def by_hand(distances: np.ndarray, verdicts: Sequence[str]) -> tuple[float, int] | None:
    """Average precision and rank of the first match, of one query; None without a match."""
    ranked = [one for _, one in sorted(zip(distances.tolist(), verdicts, strict=True)) if one != JUNK]
    ranks = [rank for rank, verdict in enumerate(ranked, start=1) if verdict == MATCH]
    return (float(np.mean([found / rank for found, rank in enumerate(ranks, 1)])), ranks[0]) if ranks else None


def check(dataset: ReidDataset, rule: Rule, name_of: Callable[[Path], str], seed: int) -> int:
    """Compare scores with those by hand, and tell how many queries have no match."""
    query, gallery = entries(dataset.query), entries(dataset.gallery)
    distances = np.random.default_rng(seed).random((len(query), len(gallery)))
    (query_pids, query_camids), (pids, camids) = labels_of(query), labels_of(gallery)
    scores = score_rankings(distances, query_pids, pids, query_camids, camids)
    expected = [
        by_hand(row, [rule(name_of(one.path), name_of(other.path)) for other in gallery])
        for one, row in zip(query, distances, strict=True)
    ]
    matched = [one is not None for one in expected]
    assert scores.valid.tolist() == matched == has_match(query, gallery)
    precisions, firsts = zip(*filter(None, expected), strict=True)
    np.testing.assert_allclose(scores.average_precision[scores.valid], precisions)
    assert scores.mean_ap == pytest.approx(np.mean(precisions))
    assert scores.rank(1) == pytest.approx(np.mean([first == 1 for first in firsts]))
    return matched.count(False)


def said_without_match(dataset: ReidDataset) -> str:
    """What ``bench data verify`` says of queries without a match."""
    unread = {one.path: Inspection(problem="empty") for one in (*dataset.train, *dataset.query, *dataset.gallery)}
    findings = {finding.check: finding for finding in verify(dataset, {}, unread)}
    return findings["queries without a match"].found


def said(unmatched: int, queries: int, what: str = "images") -> str:
    return f"{unmatched} of {queries} query {what}: no score counts them" if unmatched else "none"


def read(name: str, root: Path, **options: str) -> ReidDataset:
    return registry.dataset(name).open(DatasetRequest(root, options))


@pytest.mark.parametrize("seed", range(5))
def test_market1501(tmp_path, seed):
    generator = np.random.default_rng(seed)
    people = ["-1", "0000", *(f"{pid:04}" for pid in range(2, 8))]
    shown = [f"{one}_c{camera}s1_{number:06}_01.jpg" for one in people for camera, number in draw(generator, 6, 4)]
    query = [
        f"{one}_c{camera}s1_{number + 500:06}_01.jpg" for one in people[2:] for camera, number in draw(generator, 6, 2)
    ]
    train = [f"{pid:04}_c{camera}s1_000001_01.jpg" for pid, camera in product((20, 21), (1, 2))]
    parts = {"bounding_box_train": train, "query": query, "bounding_box_test": shown}
    dataset = read(
        "market1501", touch(tmp_path, [f"{folder}/{name}" for folder, names in parts.items() for name in names])
    )
    unmatched = check(dataset, market, lambda path: path.name, seed)
    assert said_without_match(dataset) == said(unmatched, len(query))


@pytest.mark.parametrize("seed", range(5))
def test_ltcc_in_both_settings(tmp_path, seed):
    generator = np.random.default_rng(seed)
    names = {"train": ["000_1_c1_000001.png", "000_2_c2_000002.png"], "query": [], "test": []}
    for pid in range(100, 106):
        # As in the set, some never change their clothes.
        for clothes, folder in product(range(1, 2 + pid % 3), ("query", "test")):
            shots = draw(generator, 12, 3)
            names[folder] += [
                f"{pid}_{clothes}_c{camera}_{len(names[folder]) + number:06}.png" for camera, number in shots
            ]
    touch(tmp_path, [f"{folder}/{name}" for folder, found in names.items() for name in found])
    standard = check(read("ltcc", tmp_path), ltcc, lambda path: path.name, seed)
    changing = read("ltcc", tmp_path, setting="cloth-changing")
    unmatched = check(changing, ltcc_changing, lambda path: path.name, seed)
    assert unmatched > standard
    assert said_without_match(changing) == said(unmatched, len(names["query"]))
    assert said_without_match(read("ltcc", tmp_path)) == said(standard, len(names["query"]))


@pytest.mark.parametrize("clothes", ["changed", "same"])
def test_prcc(tmp_path, clothes):
    train = [f"train/001/{camera}_cropped_rgb{number:03}.jpg" for camera, number in product("ABC", (1, 2))]
    test = [
        f"test/{camera}/{pid:03}/cropped_rgb{n:03}.jpg" for camera, pid, n in product("ABC", range(3, 8), (1, 2, 3))
    ]
    dataset = read("prcc", touch(tmp_path, [*train, *test]), clothes=clothes)
    asking = {"changed": "C", "same": "B"}[clothes]
    assert {path_from_test(one.path)[0] for one in dataset.query} == {asking}
    assert {path_from_test(one.path)[0] for one in dataset.gallery} == {"A"}
    assert (len(dataset.query), len(dataset.gallery)) == (15, 15)
    assert check(dataset, prcc, path_from_test, 0) == 0


def path_from_test(path: Path) -> str:
    return "/".join(path.parts[-3:])


@pytest.mark.parametrize(("seed", "gallery"), [*product(range(3), ("all", "rest"))])
def test_mars_by_tracklet(tmp_path, seed, gallery):
    generator = np.random.default_rng(seed)
    tracks = [(who, camera) for who in ("00-1", "0000", "0002", "0004", "0006") for camera, _ in draw(generator, 6, 4)]
    # A query for each camera of a person; cameras repeat.
    asking = [
        n for n, track in enumerate(tracks, 1) if track[0] not in ("00-1", "0000") and track not in tracks[: n - 1]
    ]
    info("train", tmp_path, [("0001", 1), ("0001", 2), ("0003", 2)])
    info("test", tmp_path, tracks)
    savemat(tmp_path / "info" / "query_IDX.mat", {"query_IDX": np.array([asking])})
    dataset = read("mars", tmp_path, gallery=gallery)
    unmatched = check(dataset, mars, lambda path: path.name, seed)
    assert said_without_match(dataset) == said(unmatched, len(asking), "tracklets")
    answering = len(tracks) if gallery == "all" else len(tracks) - len(asking)
    assert (len(entries(dataset.query)), len(entries(dataset.gallery))) == (len(asking), answering)


def info(split: str, root: Path, tracks: Sequence[tuple[str, int]]) -> None:
    """Write tracklets of two images, and the tables that list them."""
    names = [
        f"{who}C{camera}T{number:04}F{frame:03}.jpg" for number, (who, camera) in enumerate(tracks) for frame in (1, 2)
    ]
    touch(root, [f"bbox_{split}/{name[:4]}/{name}" for name in names] + [f"info/{split}_name.txt"])
    (root / "info" / f"{split}_name.txt").write_text("\n".join(names))
    rows = [[2 * n + 1, 2 * n + 2, -1 if who == "00-1" else int(who), camera] for n, (who, camera) in enumerate(tracks)]
    savemat(root / "info" / f"tracks_{split}_info.mat", {f"track_{split}_info": np.array(rows)})


def draw(generator: np.random.Generator, cameras: int, most: int) -> list[tuple[int, int]]:
    """Draw up to so many shots: the camera of each, and a number."""
    count = generator.integers(1, most, endpoint=True)
    return [(int(camera), number) for number, camera in enumerate(generator.integers(1, cameras, count, endpoint=True))]
