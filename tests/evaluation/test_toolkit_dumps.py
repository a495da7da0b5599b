"""Feature dumps of torchreid and fast-reid: read by their names, and scored as their evaluators score them."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from bench.api import evaluate
from bench.errors import BenchError
from bench.evaluation.file import read_embeddings


def made(seed=0):
    """Features and labels of 12 queries and 60 gallery images; one query has no match from another camera."""
    generator = np.random.default_rng(seed)
    pids = {"q": np.repeat(np.arange(1, 7), 2), "g": np.repeat(np.arange(1, 11), 6)}
    camids = {part: generator.integers(0, 4, len(labels)) for part, labels in pids.items()}
    pids["q"][3] = 99
    centres = generator.normal(size=(100, 16))
    features = {
        part: (centres[labels] + 1.5 * generator.normal(size=(len(labels), 16))).astype(np.float32)
        for part, labels in pids.items()
    }
    return features, pids, camids


def by_their_rule(distances, pids, camids):
    """Rank-1, rank-5, mAP and mINP, as facts on their evaluators have it: written by hand, one query at a time."""
    first, precisions, penalties = [], [], []
    for row, pid, camid in zip(distances, pids["q"], camids["q"], strict=True):
        matches = [
            gallery_pid == pid
            for _, gallery_pid, gallery_camid in sorted(zip(row, pids["g"], camids["g"], strict=True))
            if not (gallery_pid == pid and gallery_camid == camid)
        ]
        ranks = [rank for rank, match in enumerate(matches, start=1) if match]
        if ranks:
            first.append(ranks[0])
            precisions.append(np.mean([found / rank for found, rank in enumerate(ranks, start=1)]))
            penalties.append(len(ranks) / ranks[-1])
    return {
        "rank-1": np.mean([rank <= 1 for rank in first]),
        "rank-5": np.mean([rank <= 5 for rank in first]),
        "mAP": np.mean(precisions),
        "mINP": np.mean(penalties),
    }


def torchreid_dump(features, pids, camids):
    arrays = {"qf": features["q"], "gf": features["g"], "costs": np.array([2.67e9])}
    return arrays | {f"{p}_{kind}": of[p] for kind, of in (("pids", pids), ("camids", camids)) for p in "qg"}


def fast_reid_dump(features, pids, camids):
    joined = {name: np.concatenate([of["q"], of["g"]]) for name, of in (("pids", pids), ("camids", camids))}
    both = np.concatenate([features["q"], features["g"]])
    return {"features": both, **joined, "num_query": np.array(len(pids["q"])), "costs": np.array([4.1e9])}


def euclidean(features):
    return np.linalg.norm(features["q"][:, None].astype(float) - features["g"][None], axis=2)


def cosine(features):
    scaled = {part: one / np.linalg.norm(one, axis=1, keepdims=True) for part, one in features.items()}
    return 1 - scaled["q"].astype(float) @ scaled["g"].T


@pytest.mark.parametrize(
    ("dump", "distances", "name"),
    [(torchreid_dump, euclidean, "torchreid"), (fast_reid_dump, cosine, "fast-reid")],
)
def test_scores_are_those_of_their_evaluators(dump, distances, name, tmp_path):
    features, pids, camids = made()
    np.savez(tmp_path / "dump.npz", **dump(features, pids, camids))
    scored = evaluate(tmp_path / "dump.npz", policies=(), results=tmp_path / "results")
    (row,) = scored.exits.to_dict("records")
    expected = by_their_rule(distances(features), pids, camids)
    assert {metric: row[metric] for metric in expected} == pytest.approx(expected, abs=1e-12)
    assert 0 < expected["rank-1"] < 1
    assert scored.method == name


def test_a_dump_as_safetensors_and_with_a_description_of_its_own(tmp_path):
    arrays = torchreid_dump(*made())
    save_file(arrays, tmp_path / "dump.safetensors")
    plain = read_embeddings(tmp_path / "dump.safetensors")
    assert (plain.exits[0].dim, plain.about["name"], plain.about["cost"]["unit"]) == (16, "torchreid", "multiply-adds")
    np.savez(tmp_path / "dump.npz", about='{"name": "osnet", "exits": [{"metric": "cosine"}]}', **arrays)
    described = read_embeddings(tmp_path / "dump.npz")
    assert described.about["name"] == "osnet"
    np.testing.assert_allclose(np.linalg.norm(described.query.codes[0], axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"g_camids": None}, "a dump of torchreid holds .*; g_camids is missing"),
        ({"costs": None}, "costs is missing"),
        ({"other": np.zeros(2)}, "unknown array 'other'"),
    ],
)
def test_a_dump_that_is_not_whole(tmp_path, changed, said):
    arrays = {name: values for name, values in {**torchreid_dump(*made()), **changed}.items() if values is not None}
    np.savez(tmp_path / "dump.npz", **arrays)
    with pytest.raises(BenchError, match=said):
        read_embeddings(tmp_path / "dump.npz")


@pytest.mark.parametrize("count", [0, 72, 1.5])
def test_fast_reid_says_how_many_are_queries(tmp_path, count):
    np.savez(tmp_path / "dump.npz", **{**fast_reid_dump(*made()), "num_query": np.array(count)})
    with pytest.raises(BenchError, match=f"72 features, 72 pids, 72 camids, num_query {count}"):
        read_embeddings(tmp_path / "dump.npz")
