"""Inference that is cut off at any moment: at every budget, the last exit that was reached answers."""

import numpy as np
import pytest
from one_section import only_section

from bench.report.figures.anytime import anytime_figure


def at(line, budget):
    """Height of a step line at a budget in millions: of its last point that is no dearer."""
    assert line.get_drawstyle() == "steps-post"
    macs, values = line.get_data()
    return values[np.flatnonzero(macs <= budget)[-1]]


def test_the_last_exit_that_was_reached_answers(write_run):
    _, records, _ = write_run()
    exits = [record for record in records if record["kind"] == "exit"]
    drawing = anytime_figure(only_section(write_run.results))
    for axes, metric in zip(drawing.figure.axes, ("mAP", "rank-1"), strict=True):
        line = axes.lines[0]
        end = axes.get_xlim()[1]
        for budget, reached in ((20, 0), (27.9, 0), (28, 1), (50, 2), (65, 3), (end, 3)):
            assert at(line, budget) == pytest.approx(100 * exits[reached][metric])
        assert line.get_xdata()[0] == pytest.approx(20), "before the first exit there is no answer"
        assert axes.get_xlabel() == "Multiply-adds before the cut (millions)"


def test_several_seeds_are_averaged_and_drawn_one_by_one(write_run):
    heights = []
    for seed in (0, 1):
        _, records, _ = write_run(seed=seed)
        heights.append([100 * record["mAP"] for record in records if record["kind"] == "exit"])
    drawing = anytime_figure(only_section(write_run.results))
    thick, *seeds = drawing.figure.axes[0].lines[:3]
    assert thick.get_ydata()[:4] == pytest.approx(np.mean(heights, axis=0))
    for line, expected in zip(seeds, heights, strict=True):
        assert line.get_ydata()[:4] == pytest.approx(expected)
        assert line.get_linewidth() < thick.get_linewidth()
    assert "hashreid demo: seeds 0, 1" in drawing.caption


def test_methods_without_early_exits_need_no_such_figure(write_run):
    write_run(exits=1, swept=False)
    assert anytime_figure(only_section(write_run.results)) is None
