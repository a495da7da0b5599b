import json

import pytest
from measured import CHAIN, accuracy, study

from bench.report.figures.search import search_figure
from bench.report.tables.search import study_tables


def test_measured_beside_reported():
    lengths, times = study_tables(study([accuracy(128), accuracy(2048), accuracy(300)]), "data-search")
    shown = lengths.shown.set_index("code")
    assert shown.loc["128 bits", "mAP (%)"] == "51.3 [48.3 to 74.3]"
    assert shown.loc["128 bits", "reported mAP (%)"] == "67.22"
    assert shown.loc["2,048 bits", "reported rank-1 (%)"] == "94.18"
    assert shown.loc["300 bits", "reported mAP (%)"] == "—"
    assert lengths.full.set_index("length").loc[128, "reported_mAP"] == 0.6722
    assert "photographs: other data than these" in lengths.note
    row = times.shown.set_index("length").loc["2,048"]
    assert row["comparison (ns)"] == "20.5 : 81.9 (4.0×)"
    assert row["in a loop (ns)"] == "4,096 : 102,400 (25.0×)"
    assert row["search (ms)"] == "2.05 : 20.48 (10.0×)"
    assert row["bytes an image"] == "256 : 8,192"
    assert row["reported comparison (µs)"] == "17 : 3900 (229×)"


def test_several_seeds_are_a_mean_and_a_deviation():
    rows = [accuracy(128, seed) for seed in (0, 1, 2)]
    lengths, _ = study_tables(study(rows, seeds=(0, 1, 2)), "s")
    assert lengths.shown["mAP (%)"].tolist() == ["52.3 ± 1.0"]
    (row,) = lengths.full.to_dict("records")
    assert row["seeds"] == "0 1 2"
    assert row["mAP"] == pytest.approx(0.5228)
    assert row["mAP_sd"] == pytest.approx(0.01)


def test_re_ranking_stands_apart():
    more = {"rank_1": 0.6, "mean_ap": 0.5, "seconds": 0.25, "re_ranked_rank_1": 0.7, "re_ranked_mean_ap": 0.65}
    lengths, _ = study_tables(study([accuracy(128, **more, re_ranked_seconds=1.5)]), "s")
    (row,) = lengths.shown.to_dict("records")
    assert (row["re-ranked rank-1 (%)"], row["re-ranked mAP (%)"]) == ("70.0", "65.0")
    assert row["matched, re-ranked (s)"] == "0.25, 1.50"
    assert "no part of any budget" in lengths.note


def test_the_chain_of_a_budgeted_run():
    rows = [accuracy(256, exit_="exit 1"), accuracy(2048, exit_="exit 2")]
    *_, chain = study_tables(study(rows, chains=[CHAIN]), "s")
    assert chain.shown["of the first (%)"].tolist() == ["100.0", "25.0"]
    assert chain.shown["reported (s)"].tolist() == ["2.2", "0.11"]
    assert chain.shown["codes"].tolist() == ["256/2048 (as trained)", ""]
    assert chain.full["exit_fraction_1"].tolist() == [0.7, 0.7]


def test_a_study_that_was_read_back_gives_the_same_bytes():
    made = study([accuracy(256, exit_="exit 1"), accuracy(2048, exit_="exit 2")], chains=[CHAIN])
    read = json.loads(json.dumps(made, sort_keys=True))
    for one, other in zip(study_tables(made, "s"), study_tables(read, "s"), strict=True):
        assert (one.csv(), one.markdown()) == (other.csv(), other.markdown())
    times = study_tables(made, "s")[1]
    assert next(iter(times.full)) == "length"


@pytest.mark.parametrize(
    "rows",
    [
        [accuracy(length) for length in (128, 256, 512)],
        [accuracy(256, exit_="exit 1"), accuracy(256, exit_="exit 2"), accuracy(2048, exit_="exit 3")],
    ],
)
def test_the_figure_shows_every_code(rows):
    drawing = search_figure(study(rows), "data")
    assert drawing.part == "data"
    accuracies, times = drawing.figure.axes
    points = [line.get_xydata() for line in accuracies.lines]
    assert [len(line) for line in points] == [3, 3]
    assert points[1][:, 1] == pytest.approx([100 * row["mAP"] for row in rows])
    assert len(set(points[0][:, 0])) == 3  # codes of one length stand apart
    assert len(times.lines) == 4
    assert drawing.svg() == search_figure(study(rows), "data").svg()


@pytest.mark.parametrize(
    ("codes", "unit"), [(["binary"], "bits"), (["continuous"], "floats"), (["binary", "continuous"], "bits or floats")]
)
def test_the_axis_of_lengths_says_what_they_count(codes, unit):
    rows = [{**accuracy(length), "code": code} for length, code in zip((128, 256), 2 * codes, strict=False)]
    (left, _) = search_figure(study(rows), "data").figure.axes
    assert left.get_xlabel() == f"Code length ({unit}), logarithmic"


def test_what_ties_make_of_one_code_is_seen():
    """An area over a single length would have no width."""
    for rows in ([accuracy(128)], [accuracy(128), accuracy(256)]):
        (left, _) = search_figure(study(rows), "data").figure.axes
        (shade,) = (drawn for drawn in left.collections if drawn.get_label() == "mAP, by ties")
        box = shade.get_datalim(left.transData)
        assert box.height > 1
        assert box.width > 0 or shade.get_linewidth()[0] > 1
