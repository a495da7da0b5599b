"""Same person or not in the report: what the table and the figure take from the records."""

import numpy as np
import pytest
from brought import ABOUT, brought_arrays

from bench.evaluation.checks import checked
from bench.evaluation.evaluate import evaluate
from bench.evaluation.request import EvaluationRequest
from bench.findings.sections import sections
from bench.report.figures.verification import verification_figure
from bench.report.tables.verification import verification_table
from bench.retrieval.same_person import accepted_pairs
from bench.runs.load import load


@pytest.fixture
def section(tmp_path):
    """Two seeds of one network, their exits alone."""
    for seed in (0, 1):
        embeddings = checked(brought_arrays(seed=seed), {**ABOUT, "seed": seed})
        evaluate(EvaluationRequest(embeddings=embeddings, results=tmp_path))
    return sections(load(tmp_path))[0]


def expected(seed, exit_index):
    arrays = brought_arrays(seed=seed)
    labels = [arrays[f"{part}.{what}"] for part in ("query", "gallery") for what in ("pids", "camids")]
    return accepted_pairs(arrays[f"query.{exit_index}"], arrays[f"gallery.{exit_index}"], *labels)


def test_the_table_has_each_exit_of_each_seed(section):
    table = verification_table(section)
    assert len(table) == 4
    for row in table.rows.to_dict("records"):
        pairs = expected(row["seed"], int(row["exit"][-1]) - 1)
        assert row["equal_error_rate"] == pytest.approx(pairs.equal_error_rate, abs=1e-12)
        accepted, distance = pairs.at(1e-2)
        assert (row["true_accepts_at_1e-2"], row["distance_at_1e-2"]) == pytest.approx((accepted, distance))
    assert "EER (%)" in table.markdown()


def test_the_figure_has_the_means_over_the_seeds(section):
    drawing = verification_figure(section, section.setups[0])
    lines = drawing.figure.axes[0].get_lines()
    assert "Means over the seeds" in drawing.caption
    for index, line in enumerate(lines[:2]):
        rates, accepted = line.get_xdata() / 100, line.get_ydata() / 100
        for rate, value in zip(rates[::6], accepted[::6], strict=True):
            assert value == pytest.approx(np.mean([expected(seed, index).at(rate)[0] for seed in (0, 1)]), abs=1e-9)
