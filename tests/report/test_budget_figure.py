"""The figure of all policies: what chance reaches, between all exits and between those worth their cost."""

import numpy as np
import pytest
from one_section import only_section

from bench.budget.references import hull_exits
from bench.findings.hull import hull_curve
from bench.report.figures.budget import budget_figure
from bench.report.tables.areas import area_table

HELD_OUT = ([0.5, 0.2, 0.6, 0.7], [0.3, 0.4, 0.6, 0.7])


def chosen_by(held_out):
    def change(header, records):
        header["calibration"] = [{"mAP": value} for value in held_out]

    return change


def hull_line(section, setup):
    """Values of the hull's line in the panel of mAP, if there is one, and the legend's texts."""
    figure = budget_figure(section, setup).figure
    hull = hull_curve(setup, "mAP")
    drawn = [np.asarray(line.get_ydata(), float) for line in figure.axes[0].get_lines()]
    found = hull is not None and any(
        np.shape(line) == hull[1].shape and np.allclose(line, 100 * hull[1]) for line in drawn
    )
    return found, [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_the_hull_is_the_mean_over_the_seeds(write_run):
    written = [write_run(seed=seed, change=chosen_by(HELD_OUT[seed])) for seed in (0, 1)]
    section = only_section(write_run.results)
    (setup,) = section.setups
    for metric in ("mAP", "rank-1"):
        expected = []
        for (_, records, _), held_out in zip(written, HELD_OUT, strict=True):
            exits = [record for record in records if record["kind"] == "exit"]
            costs = np.array([record["realised_cost"] for record in exits])
            hull = hull_exits(costs, held_out)
            expected.append(np.interp(costs, costs[hull], [exits[index][metric] for index in hull]))
        found_costs, found = hull_curve(setup, metric)
        assert found_costs == pytest.approx(costs)
        assert found == pytest.approx(np.mean(expected, axis=0))
    drawn, names = hull_line(section, setup)
    assert drawn
    assert "hull: exits worth their cost" in names
    assert np.isfinite(area_table(section).full["mAP_area_over_hull"]).all()


def test_without_held_out_people_there_is_no_hull(write_run):
    write_run()
    section = only_section(write_run.results)
    (setup,) = section.setups
    assert hull_curve(setup, "mAP") is None
    assert "hull: exits worth their cost" not in hull_line(section, setup)[1]
    assert area_table(section).shown["over the hull (points)"].tolist() == ["—"] * 4
