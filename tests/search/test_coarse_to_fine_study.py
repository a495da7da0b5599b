"""Thresholds by the F-score, and the ways of searching that a study scores, on codes made up of noise."""

import math

import numpy as np
import pytest

from bench.errors import BenchError
from bench.report.figures.coarse_to_fine import coarse_to_fine_figure
from bench.report.tables.coarse_to_fine import coarse_to_fine_table
from bench.retrieval.codes import pack
from bench.retrieval.hamming import hamming
from bench.retrieval.metrics import score_rankings
from bench.search.coarse_to_fine import study_codes, time_searches
from bench.search.code_lengths import CodeLengths, Labelled
from bench.search.distance_thresholds import distance_counts, f_beta_threshold

LENGTHS = (16, 64, 256)


def labelled(rng, centres, count, first_pid):
    """Images of people: their centre's signs, of which some are turned."""
    pids, camids = rng.integers(0, len(centres[0]), count), rng.integers(0, 4, count)
    codes = tuple(pack(part[pids] * np.where(rng.random((count, part.shape[1])) < 0.2, -1, 1)) for part in centres)
    return Labelled(codes, (pids + first_pid, camids))


@pytest.fixture(scope="module")
def codes():
    rng = np.random.default_rng(0)
    splits = []
    for first_pid in (0, 100):
        centres = [np.where(rng.random((30, length)) < 0.5, 1, -1) for length in LENGTHS]
        splits += [labelled(rng, centres, count, first_pid) for count in (60, 400)]
    return CodeLengths(LENGTHS, *splits)


@pytest.fixture(scope="module")
def rows(codes):
    return study_codes(codes, milliseconds={"the longest code": 2.0, "β 2": 0.5})


def test_counts_leave_junk_out():
    query, gallery = np.array([[0b1100_0000]], np.uint8), np.zeros((4, 1), np.uint8)
    gallery[1], gallery[3] = 0b1000_0000, 0b1111_0000
    labels = (np.array([1]), np.array([0])), (np.array([1, 1, -1, 2]), np.array([0, 1, 1, 0]))
    matches, everything = distance_counts(query, gallery, *labels, 8)
    assert matches.tolist() == [0, 1, *[0] * 7]
    assert everything.tolist() == [0, 1, 1, *[0] * 6]


def test_the_threshold_has_the_greatest_f_score_of_two_normal_distributions():
    """The definition at every distance, with shares counted on a million draws instead of the error function."""
    rng = np.random.default_rng(0)
    drawn = [rng.normal(mean, spread, 1_000_000) for mean, spread in ((9, 3), (20, 4))]
    counts = [np.bincount(np.clip(part.round(), 0, 40).astype(int), minlength=41) for part in drawn]
    for beta in (1.0, 2.0):
        scores = []
        for distance in range(41):
            recall, kept = (float((part <= distance).mean()) for part in drawn)
            precision = recall / (recall + kept) if recall else 0.0
            scores.append((1 + beta**2) * precision * recall / (beta**2 * precision + recall) if recall else 0.0)
        assert f_beta_threshold(*counts, beta) == pytest.approx(int(np.argmax(scores)), abs=1)
    assert f_beta_threshold(*counts, 1.0) < f_beta_threshold(*counts, 4.0)


def test_thresholds_of_nothing_are_refused(codes):
    with pytest.raises(BenchError, match="no held-out pair matches"):
        f_beta_threshold(np.zeros(9, int), np.ones(9, int), 2.0)
    with pytest.raises(BenchError, match="above 0"):
        f_beta_threshold(np.ones(9, int), np.ones(9, int), 0.0)


def test_one_code_scores_as_the_evaluator_does(codes, rows):
    (query_pids, query_camids), (pids, camids) = codes.query.labels, codes.gallery.labels
    for level, row in enumerate(rows[:3]):
        distances = hamming(codes.query.codes[level], codes.gallery.codes[level])
        scores = score_rankings(distances, query_pids, pids, query_camids, camids)
        assert (row["rank-1"], row["mAP"]) == pytest.approx((scores.rank(1), scores.mean_ap))
        assert row["bits"] == 400 * LENGTHS[level]
        assert row["word_operations"] == 400 * (1, 1, 4)[level]
        assert row["mAP_low"] <= row["mAP"] <= row["mAP_high"]


def test_a_search_from_coarse_to_fine_compares_less_and_finds_nearly_as_much(rows):
    longest, paper = rows[2], next(row for row in rows if row["name"] == "β 2")
    assert paper["compared"][0] == 1
    assert paper["compared"][1] > paper["compared"][2]
    assert paper["bits"] == pytest.approx(400 * np.dot(paper["compared"], LENGTHS))
    assert paper["bits"] < longest["bits"] / 2
    assert rows[0]["mAP"] < longest["mAP"] - 0.1 < paper["mAP"]
    laxer = [row["bits"] for row in rows if row["way"] == "coarse to fine"]
    assert laxer == sorted(laxer)
    assert (longest["milliseconds"], paper["milliseconds"]) == (2.0, 0.5)


def test_queries_leave_between_the_shortest_code_and_all(rows):
    first, *_, last = [row for row in rows if row["way"] == "queries leave"]
    assert first["compared"] == [1, 0, 0]
    assert last["compared"] == pytest.approx([1, 1, 1])
    assert first["mAP"] == pytest.approx(rows[0]["mAP"])
    assert last["mAP"] == pytest.approx(rows[2]["mAP"])


def test_both_searches_are_timed(codes):
    times = time_searches(codes, 50, 0.0)
    assert set(times) == {"the longest code", "β 2"}
    assert all(value > 0 and math.isfinite(value) for value in times.values())


def test_the_table_and_the_figure_of_a_study(rows):
    method, dataset = {"name": "ctf", "preset": "demo"}, {"name": "synthped-demo", "rendered": True}
    seeds = [{"seed": seed, "run": f"run{seed}", "macs": 123_400_000, **row} for seed in (0, 1) for row in rows]
    study = {"method": method, "dataset": dataset, "seeds": [0, 1], "gallery_size": 50, "coarse_to_fine": seeds}
    study["provenance"] = {"processor": "a processor", "threads": 1, "versions": {}}
    table = coarse_to_fine_table(study, "s")
    shown = table.shown.set_index("search")
    assert shown.loc["256 bits", "of longest (%)"] == "100.0"
    assert shown.loc["coarse to fine, β 2", "ms"] == "0.500"
    assert shown.loc["coarse to fine, β 2", "compared (%)"].startswith("100 / ")
    assert shown.loc["16 bits", "mAP (%)"].endswith(" ± 0.0")
    # One word an image for the short codes, six for all three.
    assert "The network takes 123.4 M multiply-adds for every query, a search 400 to 2,400 comparisons" in table.note
    (panel, _) = coarse_to_fine_figure(study).figure.axes
    (of_codes, of_images, of_queries) = panel.lines
    assert of_codes.get_xdata() == pytest.approx([400 * length / 1e3 for length in LENGTHS])
    assert of_images.get_ydata() == pytest.approx([100 * row["rank-1"] for row in rows if "beta" in row])
    assert len(of_queries.get_xdata()) == 5
    assert not len(coarse_to_fine_table({**study, "coarse_to_fine": []}, ""))
    assert not len(coarse_to_fine_table({**study, "coarse_to_fine": []} | {"seeds": [0]}, ""))
