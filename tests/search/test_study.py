import numpy as np
import pytest

from bench.errors import BenchError
from bench.files import read_json
from bench.progress import SILENT
from bench.retrieval.codes import pack
from bench.retrieval.metrics import score_rankings
from bench.running.run import Opened
from bench.search.study import TABLE_3, SearchRequest, conduct


def test_codes_of_a_run_as_they_are(smoke_request, trained, tmp_path):
    own = trained(smoke_request(calibration_share=0.3))
    request = SearchRequest(own, gallery_size=200, seconds=0.0, re_rank=True)
    study = conduct(request)
    assert study.folder.parent == tmp_path / "results" / "search" / "synthped-smoke"
    values = read_json(study.folder / "study.json")
    assert values == study.values

    opened = Opened.of(request.requests()[0], SILENT)
    with np.load(next(opened.folder.path.glob("embeddings-*.npz"))) as stored:
        codes = [(stored[f"query.{index}"], stored[f"gallery.{index}"]) for index in range(4)]
    samples = opened.dataset.query, opened.dataset.gallery
    labels = [[getattr(sample, name) for sample in part] for name in ("pid", "camid") for part in samples]
    assert [row["exit"] for row in values["accuracy"]] == ["exit 1", "exit 2", "exit 3", "exit 4"]
    for row, (query, gallery) in zip(values["accuracy"], codes, strict=True):
        distances = np.bitwise_count(query[:, None] ^ gallery[None]).sum(axis=2)
        scores = score_rankings(distances, *labels)
        assert [row["rank-1"], row["rank_1"]] == pytest.approx([scores.rank(1)] * 2)
        assert [row["mAP"], row["mean_ap"]] == pytest.approx([scores.mean_ap] * 2)
        assert row["mAP_ties_low"] <= row["mAP"] <= row["mAP_ties_high"]
        assert query.shape[1] == -(-row["length"] // 8)
        assert 0 < row["re_ranked_mean_ap"] <= 1
        assert row["re_ranked_seconds"] > 0

    own, paper = values["chains"]
    assert own["lengths"] == [row["length"] for row in values["accuracy"]]
    assert paper["lengths"] == [256, 256, 1024, 2048]
    assert sum(own["exit_fractions"]) == pytest.approx(1)
    assert own["exit_fractions"] == paper["exit_fractions"]
    assert {*own["lengths"], *paper["lengths"]} == {row["length"] for row in values["times"]}
    for row in values["times"]:
        assert row["binary_bytes"] == pack(np.ones((1, row["length"]))).size


def test_a_network_for_each_length(smoke_request, trained):
    run = smoke_request(method="hashreid-noexit")
    request = SearchRequest(run, seeds=(0, 1), lengths=(48, 16), gallery_size=50, seconds=0.0)
    for one in request.requests():
        trained(one)
    study = conduct(request)
    rows = study.values["accuracy"]
    assert [(row["seed"], row["length"]) for row in rows] == [(0, 16), (0, 48), (1, 16), (1, 48)]
    assert len({row["run"] for row in rows}) == 4
    assert study.values["chains"] == []


def test_the_lengths_of_the_paper_by_default(smoke_request):
    plain = smoke_request(method="hashreid-noexit")
    method, options, recipe = plain.resolve()
    width = method.build(options, 2, recipe.input_size).exits[-1].dim
    requests = SearchRequest(plain).requests()
    lengths = [int(request.settings["final_bits"]) or width for request in requests]
    assert tuple(lengths) == TABLE_3
    # The trunk's own width is the run that everybody trains.
    (own,) = SearchRequest(plain, lengths=(width,)).requests()
    assert own.spec("data", "print").key == plain.spec("data", "print").key


def test_exits_of_a_chosen_last_length_are_swept(smoke_request):
    (request,) = SearchRequest(smoke_request(), lengths=(24,)).requests()
    assert request.settings["final_bits"] == "24"
    assert request.sweep.policies == ("gs",)


def test_codes_that_have_one_length_alone(smoke_request):
    with pytest.raises(BenchError, match="codes of fixed length"):
        SearchRequest(smoke_request(method="dare"), lengths=(128,)).requests()
    with pytest.raises(BenchError, match="1 or more"):
        SearchRequest(smoke_request(), lengths=(0,)).requests()
