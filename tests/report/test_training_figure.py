"""Loss terms over the epochs: every term of every seed, on an axis that shows them all."""

import numpy as np
import pytest

from bench.findings.sections import sections
from bench.report.figures.training import training_figure
from bench.runs.load import load


@pytest.fixture
def drawn(write_run):
    """Gives a function that draws the training of two seeds with a history of these terms."""

    def draw(**terms):
        def change(header, records):
            epochs = len(next(iter(terms.values())))
            history = [{"epoch": e + 1, "learning_rate": 0.1, "seconds": 3.0} for e in range(epochs)]
            for name, values in terms.items():
                for entry, value in zip(history, values, strict=True):
                    entry[name] = value + header["spec"]["seed"]
            header["training"]["history"] = history

        for seed in (0, 1):
            write_run(seed=seed, change=change)
        (section,) = sections(load(write_run.results))
        return training_figure(section, section.setups[0])

    return draw


def test_every_term_of_every_seed_is_drawn_and_named(drawn):
    drawing = drawn(loss=[40.0, 20.0, 10.0], id_loss=[39.0, 19.5, 9.8], triplet=[1.0, 0.5, 0.2])
    (axes,) = drawing.figure.axes
    assert axes.get_yscale() == "log"
    lines = {tuple(line.get_ydata()) for line in axes.lines}
    assert {(40.0, 20.0, 10.0), (41.0, 21.0, 11.0), (1.0, 0.5, 0.2), (2.0, 1.5, 1.2)} <= lines
    assert len(lines) == 3 * 2
    assert [text.get_text() for text in axes.texts] == ["triplet", "id loss", "sum of the terms"]
    heights = [text.xyann[1] for text in axes.texts]
    assert heights == sorted(heights)
    assert np.diff(heights).min() > 0.05


@pytest.mark.parametrize("values", [[3.0, 0.0, 0.0], [1.2, 1.1, 1.0], [1.0, -2.0, -40.0]])
def test_what_does_not_fall_far_or_reaches_nothing_has_a_linear_axis(drawn, values):
    (axes,) = drawn(loss=values).figure.axes
    assert axes.get_yscale() == "linear"
    low, high = axes.get_ylim()
    assert low <= min(0, *values)
    assert high >= max(values) + 1
