"""The figure of large galleries: what is drawn is what the kept record says, and all panels are described."""

import json
from pathlib import Path

import numpy as np
import pytest

from bench.report.figures.scale import scale_figure

KEPT = sorted((Path(__file__).parents[2] / "results" / "scale").glob("*/*/scale.json"))


@pytest.mark.parametrize("path", KEPT, ids=[path.parent.name for path in KEPT])
def test_points_are_those_of_the_record(path):
    record = json.loads(path.read_text(encoding="utf-8"))
    drawing = scale_figure(record)
    accuracy, exact, *below = drawing.figure.axes
    measured = [row for row in record["exact"] if not row["derived"]]
    for axes, expected in (
        (accuracy, [(row["images"], 100 * row["mean_ap"]) for row in measured]),
        (exact, [(row["images"], row["batched_ms"]) for row in measured]),
    ):
        drawn = [tuple(point) for line in axes.lines for point in line.get_xydata()]
        assert np.array(sorted(drawn)) == pytest.approx(np.array(sorted(expected)))
    assert len(below) == (2 if record["indexes"] else 0)
    assert ("Below" in drawing.caption, "Below" in drawing.description) == (bool(below), bool(below))
    if below:
        largest = max(row["images"] for row in record["indexes"])
        rows = [row for row in record["indexes"] if row["images"] == largest]
        recall, _ = below
        points = [tuple(line.get_xydata()[0]) for line in recall.lines]
        assert np.array(points) == pytest.approx(np.array([(row["batched_ms"], 100 * row["recall"]) for row in rows]))
        assert all(row["index"] in drawing.description for row in rows)
