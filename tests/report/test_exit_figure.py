"""Accuracy at every exit: the lines are the records' numbers, and names at their ends keep apart."""

from dataclasses import replace

import numpy as np
import pytest
from one_section import only_section

from bench.findings.sections import sections
from bench.report.figures.exits import LABEL_HEIGHT, exit_figure
from bench.report.figures.labels import spread
from bench.report.tables.exits import exit_table
from bench.report.tables.methods import method_table
from bench.runs.load import load


def exits_of(records, name):
    return [record[name] for record in records if record["kind"] == "exit"]


def test_lines_are_the_records(write_run):
    _, first, _ = write_run(seed=0)
    _, second, _ = write_run(seed=1)
    _, single, _ = write_run(method="single", exits=1, swept=False)
    drawing = exit_figure(only_section(write_run.results))
    for axes, name in zip(drawing.figure.axes, ("rank-1", "mAP"), strict=True):
        assert axes.get_ylabel() == f"{name} (%)"
        expected = 50 * (np.array(exits_of(first, name)) + exits_of(second, name))
        assert any(
            len(line.get_ydata()) == 4 and np.allclose(np.asarray(line.get_ydata(), float), expected)
            for line in axes.get_lines()
        )
        level = 100 * exits_of(single, name)[0]
        assert any(np.allclose(np.asarray(line.get_ydata(), float), level) for line in axes.get_lines())
    texts = {text.get_text() for text in drawing.figure.axes[1].texts}
    assert {"hashreid demo", "single demo"} <= texts
    assert "seeds 0, 1" in drawing.caption


def test_many_setups_have_a_legend(write_run):
    for index in range(9):
        write_run(method=f"method{index}", swept=False)
    drawing = exit_figure(only_section(write_run.results))
    (legend,) = drawing.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [f"method{index} demo" for index in range(9)]


def test_one_exit_alone_is_no_figure(write_run):
    write_run(exits=1, swept=False)
    assert exit_figure(only_section(write_run.results)) is None


@pytest.mark.parametrize("heights", [[], [0.5], [0.1, 0.5, 0.9], [0.5, 0.5, 0.5, 0.52, 0.9], [0.0, 0.01, 0.06, 0.07]])
def test_names_keep_apart(heights):
    placed = spread(heights, LABEL_HEIGHT)
    assert len(placed) == len(heights)
    assert np.all(np.diff(placed) >= LABEL_HEIGHT - 1e-9)
    assert np.mean(placed or [0]) == pytest.approx(np.mean(heights or [0]))


def test_the_table_has_means_and_deviations_over_seeds(write_run):
    runs = [write_run(seed=seed)[1] for seed in (0, 1, 2)]
    write_run(method="dare", exits=3, swept=False)
    table = method_table(only_section(write_run.results))
    full, shown = table.full.set_index("method"), table.shown.set_index("method")
    for stage in range(4):
        for name in ("rank-1", "mAP"):
            values = [exits_of(records, name)[stage] for records in runs]
            mean, deviation = np.mean(values), np.std(values, ddof=1)
            assert full.loc["hashreid", f"{name}_S{stage + 1}"] == pytest.approx(mean)
            assert full.loc["hashreid", f"{name}_S{stage + 1}_sd"] == pytest.approx(deviation)
            expected = f"{100 * mean:.1f} ± {100 * deviation:.1f}"
            assert shown.loc["hashreid demo", f"{name} S{stage + 1} (%)"] == expected
    assert shown.loc["hashreid demo", "MACs S4 (M)"] == "65.00"
    assert full.loc["hashreid", "seeds"] == "0 1 2"
    # Three exits: the last stands under the last stage.
    assert shown.loc["dare demo", [f"MACs S{stage} (M)" for stage in range(1, 5)]].tolist() == [
        "20.00",
        "28.00",
        "—",
        "35.00",
    ]


def with_an_extra(header, records):
    last = next(record for record in records if record["kind"] == "exit" and record["exit"] == 3)
    scores = {name: last[name] for name in ("requested_cost", "realised_cost", "mAP_low", "mAP_high")}
    about = {"kind": "extra", "policy": "", "thresholding": "", "a": None, "exit": None, "other": "stage 4"}
    records.append({**about, **scores, "mAP": 0.61, "rank-1": 0.72, "mINP": 0.2, "rank-5": 0.8, "rank-10": 0.9})


def test_embeddings_that_are_no_exits_are_crosses_beside_the_last(write_run):
    """DaRe's Figure 3: the last stage beside the fusion."""
    write_run(method="dare", change=with_an_extra)
    write_run(method="hashreid")
    (found,) = sections(load(write_run.results))
    drawing = exit_figure(found)
    for axes, expected in zip(drawing.figure.axes, (72.0, 61.0), strict=True):
        (cross,) = [line for line in axes.get_lines() if line.get_marker() == "x"]
        assert (cross.get_xdata()[0], cross.get_ydata()[0]) == pytest.approx((4.15, expected))
    assert "Crosses: embeddings that are no exits, beside the last (dare demo: stage 4)" in drawing.caption
    shown = exit_table(found).shown
    row = shown[shown["exit"] == "stage 4 (no exit)"].iloc[0]
    assert (row["rank-1 (%)"], row["code"]) == ("72.0", "—")
    assert "Crosses" not in exit_figure(replace(found, setups=found.setups[1:])).caption
