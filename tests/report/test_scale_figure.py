"""The figure and tables of large galleries: they are what the kept record says, and all panels are described."""

import json
from pathlib import Path

import numpy as np
import pytest

from bench.report.figures.scale import scale_figure
from bench.report.tables.scale import scale_tables

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


@pytest.mark.parametrize("path", KEPT, ids=[path.parent.name for path in KEPT])
def test_tables_of_the_record_are_those_that_the_command_wrote(path):
    """To the byte: rows and columns stand in one order, though names in the record are sorted."""
    tables = scale_tables(json.loads(path.read_text(encoding="utf-8")))
    assert len(tables) > 2
    for table in tables:
        for name, text in ((f"{table.name}.csv", table.csv()), (f"{table.name}.md", table.markdown())):
            assert text == (path.parent / name).read_text(encoding="utf-8"), name


def test_distractors_stand_in_the_order_of_the_exits():
    distances = {f"{how}_{whose}": 1.0 for how in ("drawn", "measured") for whose in ("same", "strangers")}
    distances |= {f"{how}_strangers_nearest": 1.0 for how in ("drawn", "measured")}
    record = json.loads(KEPT[0].read_text(encoding="utf-8"))
    rows = [{**record["exact"][0], "exit": name} for name in ("middle", "last")]
    named = dict.fromkeys(("all lengths", "last", "middle"), distances)
    (table,) = (one for one in scale_tables({**record, "exact": rows, "distractors": named}) if "distr" in one.name)
    assert table.full["exit"].tolist() == ["middle", "last", "all lengths"]
