"""Exit fractions against budget: what is filled is what the records say."""

import numpy as np
import pytest

from bench.findings.sections import sections
from bench.report.figures.exit_fractions import FILLED, exit_fraction_figure
from bench.runs.load import load


def test_every_row_is_filled_by_the_shares_of_its_policy(write_run):
    _, everything, path = write_run(seed=0)
    records = [record for record in everything if record["kind"] == "policy" and record["thresholding"] == "exact"]
    (section,) = sections(load(path.parents[3]))
    (setup,) = section.setups
    drawing = exit_fraction_figure(section, setup)
    axes = drawing.figure.axes[1]
    assert axes.get_title() == "thresholding exact"
    labels = [label.get_text() for label in drawing.figure.axes[0].get_yticklabels()]
    assert labels == ["gs", "random"]
    budgets = np.array(sorted(r["requested_cost"] for r in records if r["policy"] == "gs"))
    inside = (budgets[1:] + budgets[:-1]) / 2
    for row, policy in enumerate(labels):
        swept = sorted((r["requested_cost"], r["exit_fractions"]) for r in records if r["policy"] == policy)
        shares = np.array([share for _, share in swept])
        expected = np.stack([np.interp(inside, budgets, share) for share in shares.T], axis=1)
        # How much of a fine grid of points over the row lies in the area of each exit.
        heights = row + FILLED * (np.arange(2000) + 0.5) / 2000
        for index, budget in enumerate(inside):
            points = np.column_stack([np.full(2000, budget / 1e6), heights])
            found = [areas.get_paths()[row].contains_points(points).mean() for areas in axes.collections]
            assert found == pytest.approx(expected[index], abs=2e-3)
    assert "Not swept" not in drawing.caption


def test_a_policy_that_lacks_a_mode_leaves_its_row_empty(write_run):
    def drop(header, records):
        records[:] = [
            r for r in records if (r["kind"], r["policy"], r["thresholding"]) != ("policy", "random", "exact")
        ]

    _, _, path = write_run(change=drop)
    (section,) = sections(load(path.parents[3]))
    drawing = exit_fraction_figure(section, section.setups[0])
    stream, exact = drawing.figure.axes
    assert drawing.caption.endswith("Not swept: random in thresholding exact.")
    areas = [
        [path.get_extents() for areas in axes.collections for path in areas.get_paths()] for axes in (stream, exact)
    ]
    assert max(box.y1 for box in areas[0]) == pytest.approx(1 + FILLED)
    assert max(box.y1 for box in areas[1]) == pytest.approx(FILLED)
    assert exact.get_title() == "thresholding exact"


def test_a_single_budget_spans_no_area(write_run):
    def one(header, records):
        (kept, *_) = (record["a"] for record in records if record["kind"] == "policy")
        records[:] = [r for r in records if r["kind"] == "exit" or (r["kind"] == "policy" and r["a"] == kept)]

    _, _, path = write_run(change=one)
    (section,) = sections(load(path.parents[3]))
    assert section.setups[0].thresholdings()
    assert exit_fraction_figure(section, section.setups[0]) is None
