"""AUC of policies and outcomes of the first exit, in tables and figures: the numbers are those of the records."""

import pandas as pd
import pytest
from one_section import only_section

from bench.report.figures.auc import auc_figure
from bench.report.figures.outcomes import outcome_figure
from bench.report.folder import write_outcomes
from bench.report.tables.auc import auc_table
from bench.report.tables.outcomes import outcome_table


def with_auc(header, records):
    for policy, value in (("gs", 0.8), ("random", 0.5)):
        for people, less in (("test", 0.0), ("calibration", 0.05)):
            for exit_index in range(len(header["exits"])):
                record = {"kind": "auc", "policy": policy, "thresholding": "", "people": people, "a": None}
                record |= {"exit": exit_index, "queries": 60, "right": 0.6, "right_auc": value - less}
                record |= {"right_auc_low": value - less - 0.1, "right_auc_high": value - less + 0.1}
                if exit_index + 1 < len(header["exits"]):
                    record |= {"no_better_later": 0.9}
                    record |= {f"no_better_later_auc{end}": record[f"right_auc{end}"] for end in ("", "_low", "_high")}
                records.append(record)


def test_auc_of_every_policy_and_exit_stands_in_table_and_figure(write_run):
    write_run(change=with_auc)
    section = only_section(write_run.results)
    table = auc_table(section)
    assert len(table.full) == 2 * 2 * 4
    assert table.shown["people"].tolist()[:4] == ["test", "test", "held out", "held out"]
    assert table.shown["AUC: right here (%)"][0] == "80.0 [70.0 to 90.0]"
    assert table.shown["AUC: no later exit better (%)"].tolist()[-1] == "—"
    drawing = auc_figure(section, section.setups[0])
    axes = drawing.figure.axes
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["gs", "random"]
    points = [x for line in axes[0].lines if line.get_marker() in ("o", "D") for x in line.get_xdata()]
    assert sorted(points) == pytest.approx([45.0, 50.0, 75.0, 80.0])
    assert not axes[-1].get_visible()


def test_people_whom_a_policy_was_fitted_on_are_told_apart(write_run):
    def fitted(header, records):
        with_auc(header, records)
        for record in records:
            if record["kind"] == "auc" and record["policy"] == "random":
                record["policy"] = "learned"

    write_run(change=fitted)
    section = only_section(write_run.results)
    shown = auc_table(section).shown
    found = set(zip(shown["policy"], shown["people"], strict=True))
    assert {("gs", "held out"), ("learned", "held out, fitted on them"), ("learned", "test")} <= found
    assert ("learned", "held out") not in found
    assert "learned from these very people" in auc_table(section).note
    figure = auc_figure(section, section.setups[0]).figure
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "test people",
        "people held out of training",
        "held-out people whom the policy was fitted on",
    ]
    square = [line for line in figure.axes[0].lines if line.get_marker() == "s"]
    assert [x for line in square for x in line.get_xdata() if x == x] == pytest.approx([45.0])


def test_without_auc_there_is_no_table_and_no_figure_of_it(write_run):
    write_run()
    section = only_section(write_run.results)
    assert not len(auc_table(section))
    assert auc_figure(section, section.setups[0]) is None


def test_outcome_table_counts_the_exits(write_run):
    def outcomes(header, records):
        counts = {"left": 30.0, "correct": 24.0, "incorrect": 6.0, "possible": 40.0, "queries": 60}
        shares = {"precision": 0.8, "precision_low": 0.7, "precision_high": 0.9}
        about = {
            "kind": "outcome",
            "policy": "gs",
            "thresholding": "",
            "a": None,
            "exit": 0,
            "threshold_from": "calibration",
        }
        records.append({**about, **counts, **shares, "threshold": 2.5})
        none_left = {"left": 0.0, "correct": 0.0, "incorrect": 0.0, "possible": 40.0, "queries": 60, "threshold": None}
        records.append({**about, **none_left, "policy": "qs"})

    write_run(change=outcomes)
    section = only_section(write_run.results)
    table = outcome_table(section)
    assert table.full["policy"].tolist() == ["gs", "qs"]
    assert table.full["threshold"].tolist()[0] == 2.5
    assert table.shown["precision (%)"].tolist() == ["80.0 [70.0 to 90.0]", "—"]
    assert table.shown["right"].tolist() == ["24", "0"]
    drawing = outcome_figure(section, section.setups[0])
    assert drawing is not None
    assert "60 queries" in drawing.caption


def test_outcomes_keep_their_order_and_what_was_learned_whatever_is_swept_later(write_run):
    def outcomes(header, records):
        about = {"kind": "outcome", "thresholding": "", "a": None, "exit": 0, "threshold_from": "calibration"}
        counts = {"left": 30.0, "correct": 24.0, "incorrect": 6.0, "possible": 40.0, "queries": 60, "threshold": 1.0}
        records += [{**about, **counts, "policy": name} for name in ("stability", "gs", "agreement", "qs")]
        records[:] = [record for record in records if record["kind"] in ("exit", "outcome")]
        header["learned"] = {"gs": {"images": 7, "easy images": 3}}

    def fewer(header, records):
        outcomes(header, records)
        records[:] = records[:-2]
        header["learned"] = {}

    write_run(change=outcomes)
    write_run(change=fewer, file="records-11111111.jsonl", at="2026-02-01T00:00:00+00:00")
    table = outcome_table(only_section(write_run.results))
    assert table.full["policy"].tolist() == ["agreement", "gs", "qs", "stability"]
    assert table.full["learned_from"].tolist() == ["", "3 easy images; 7 images", "", ""]


def test_outcomes_of_a_run_with_several_costs_are_written(write_run, tmp_path):
    """What is written is of the records that are asked for, whatever else the run was swept over."""

    def leaving(count, cost):
        def change(header, records):
            about = {"kind": "outcome", "thresholding": "", "a": None, "exit": 0, "threshold_from": "own"}
            counts = {"left": count, "correct": 1.0, "incorrect": 2.0, "possible": 4.0, "queries": 60}
            records.append({**about, **counts, "policy": "gs", "threshold": 1.0})
            header.update(cost)

        return change

    timed = {"cost": {"name": "milliseconds", "unit": "milliseconds"}}
    written = [
        write_run(change=leaving(3.0, {})),
        write_run(change=leaving(5.0, timed), file="records-11111111.jsonl", at="2026-02-01T00:00:00+00:00"),
    ]
    for (header, _, path), left in zip(written, (3.0, 5.0), strict=True):
        out = tmp_path / f"out-{left:.0f}"
        assert write_outcomes(write_run.results, path.parent, header, out, {})
        assert pd.read_csv(out / "outcomes.csv")["left"].tolist() == [left]


def test_without_a_sweep_no_outcomes_are_shown(write_run):
    write_run(swept=False)
    section = only_section(write_run.results)
    assert outcome_table(section).full.empty
    assert outcome_figure(section, section.setups[0]) is None
