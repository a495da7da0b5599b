"""Tables and curves: the numbers are those of the records."""

import numpy as np
import pytest

from bench.report.curves import exit_curve, policy_curve, policy_means, policy_runs
from bench.report.figures.outcomes import outcome_figure
from bench.report.sections import sections
from bench.report.tables.areas import area_table
from bench.report.tables.budgets import BUDGET_SHARES, budget_table
from bench.report.tables.comparisons import comparison_table
from bench.report.tables.exits import exit_table
from bench.report.tables.outcomes import outcome_table
from bench.report.tables.overview import overview
from bench.report.tables.rounding import number, percent
from bench.runs.load import load


def only_section(write_run):
    (section,) = sections(load(write_run.results))
    return section


def test_exit_table_holds_the_records(write_run):
    def bounds(header, records):
        for record in records:
            if record["kind"] == "exit":
                record |= {"mAP_ties_low": 0.25, "mAP_ties_high": 0.75}

    _, records, _ = write_run(change=bounds)
    table = exit_table(only_section(write_run))
    exits = [record for record in records if record["kind"] == "exit"]
    for name in ("mAP", "mAP_low", "mAP_high", "mINP", "rank-1", "rank-5", "rank-10_high", "mAP_ties_low"):
        assert table.full[name].tolist() == [record[name] for record in exits]
    assert table.full["cumulative_cost"].tolist() == [20e6, 28e6, 35e6, 65e6]
    assert table.shown["MACs (M)"].tolist() == ["20.00", "28.00", "35.00", "65.00"]
    first = exits[0]
    assert table.shown["mAP (%)"][0] == (
        f"{100 * first['mAP']:.1f} [{100 * first['mAP_low']:.1f} to {100 * first['mAP_high']:.1f}]"
    )
    assert table.shown["mAP by tie-break (%)"][0] == "25.0 to 75.0"
    assert "(rendered)" in table.note


def test_budget_table_takes_the_nearest_swept_budget(write_run):
    _, records, _ = write_run()
    table = budget_table(only_section(write_run))
    assert len(table.full) == 2 * 2 * len(BUDGET_SHARES)
    half = (
        table.full[(table.full["policy"] == "gs") & (table.full["thresholding"] == "stream")]
        .set_index("budget_share")
        .loc[0.5]
    )
    swept = [
        record
        for record in records
        if (record["kind"], record["policy"], record["thresholding"]) == ("policy", "gs", "stream")
    ]
    nearest = min(swept, key=lambda record: abs(record["requested_cost"] - 42.5e6))
    for name in ("requested_cost", "realised_cost", "mAP", "rank-1_gain", "rank-1_gain_low", "mAP_gain_high"):
        assert half[name] == nearest[name]


def test_overview_has_a_row_a_run(write_run):
    write_run()
    write_run(method="dare", seed=1, swept=False)
    table = overview(sections(load(write_run.results)))
    assert table.full["method"].tolist() == ["dare", "hashreid"]
    assert table.full["seed"].tolist() == [1, 0]
    assert "(rendered)" in table.shown["data"][0]


def test_markdown_keeps_its_columns(write_run):
    write_run(method="a|b")
    section = only_section(write_run)
    for table in (exit_table(section), budget_table(section), area_table(section)):
        rows = [line for line in table.markdown().splitlines() if line.startswith("|")]
        assert len({line.replace("\\|", "").count("|") for line in rows}) == 1
        assert len(rows) == len(table.shown) + 2


def test_several_runs_have_the_means_of_values_and_intervals(write_run):
    singles = []
    for seed in (0, 1):
        _, records, _ = write_run(seed=seed)
        found = [r for r in records if (r["kind"], r["policy"], r["thresholding"]) == ("policy", "gs", "stream")]
        singles.append(sorted(found, key=lambda record: float(record["a"])))
        (setup,) = only_section(write_run).setups
        if seed == 0:
            single = policy_curve(setup, "gs", "stream", "mAP")
            assert single.low is not None
            assert not single.single_seeds
    both = policy_curve(setup, "gs", "stream", "mAP")
    for end, bound in (("low", both.low), ("high", both.high)):
        expected = np.mean([[record[f"mAP_{end}"] for record in run] for run in singles], axis=0)
        assert bound == pytest.approx(expected)
    bare = both.bare()
    assert (bare.low, bare.high, bare.single_seeds) == (None, None, ())
    assert len(both.single_seeds) == 2
    assert both.values == pytest.approx(np.mean([values for _, values in both.single_seeds], axis=0))
    assert np.all(np.diff(both.costs) > 0)
    assert len(exit_curve(setup, "mAP")) == 4


def test_means_are_over_budgets_that_all_seeds_have(write_run):
    write_run(seed=0, budgets=5)
    write_run(seed=1, budgets=9)
    (setup,) = only_section(write_run).setups
    assert len(policy_means(setup, "gs", "stream", ["mAP"])) == 5
    assert [len(values) for values in policy_runs(setup, "gs", "stream", ["mAP"])] == [5, 9]


def test_area_table_holds_the_curves_and_names_whom_they_beat(write_run):
    _, records, _ = write_run(budgets=9)
    table = area_table(only_section(write_run))
    curves = {(record["policy"], record["thresholding"]): record for record in records if record["kind"] == "curve"}
    assert len(table.full) == len(curves) == 4
    assert table.full["policy"].tolist() == ["gs", "random", "gs", "random"]
    for row in table.full.to_dict("records"):
        record = curves[row["policy"], row["thresholding"]]
        for name in ("mAP_area", "mAP_gap_closed_low", "mAP_cost_for_95", "rank-1_area_over_interpolation_high"):
            assert row[name] == record[name]
    best = table.shown.iloc[0]
    met = [record for record in records if record["kind"] == "comparison" and record["thresholding"] == "stream"]
    beaten = {one["other"] if one["policy"] == "gs" else one["policy"] for one in met if "gs" in one.values()}
    beaten &= {"random", "interpolation"}
    certain = {
        name
        for name in beaten
        for one in met
        if {one["policy"], one["other"]} == {"gs", name} and one["mAP_area_lead_p_holm"] < 0.05
    }
    assert certain
    assert set(best["better than"].split(", ")) == certain
    price = 100 * np.array([curves["gs", "stream"][f"mAP_cost_for_95{end}"] for end in ("", "_low", "_high")]) / 65e6
    assert best["cost for 95 % (%)"] == "{:.1f} [{:.1f} to {:.1f}]".format(*price)


def test_comparison_table_sets_every_two_against_each_other(write_run):
    _, records, _ = write_run(budgets=9)
    table = comparison_table(only_section(write_run))
    pairs = [record for record in records if record["kind"] == "comparison"]
    assert len(table.full) == len(pairs) == 2 * (1 + 2)
    assert table.full["mAP_area_lead_p_holm"].tolist() == [record["mAP_area_lead_p_holm"] for record in pairs]
    assert table.shown["against"].tolist()[:3] == ["gs", "interpolation", "interpolation"]


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
        nobody = {"left": 0.0, "correct": 0.0, "incorrect": 0.0, "possible": 40.0, "queries": 60, "threshold": None}
        records.append({**about, **nobody, "policy": "qs"})

    write_run(change=outcomes)
    section = only_section(write_run)
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
    table = outcome_table(only_section(write_run))
    assert table.full["policy"].tolist() == ["agreement", "gs", "qs", "stability"]
    assert table.full["learned_from"].tolist() == ["", "3 easy images; 7 images", "", ""]


def test_without_a_sweep_nobody_leaves_first(write_run):
    write_run(swept=False)
    section = only_section(write_run)
    assert outcome_table(section).full.empty
    assert outcome_figure(section, section.setups[0]) is None


def test_a_sweep_of_single_points_has_no_area(write_run):
    def points(header, records):
        for record in list(records):
            if record["kind"] == "comparison":
                records.remove(record)
            if record["kind"] == "curve":
                kept = {name: record[name] for name in ("kind", "policy", "thresholding", "a", "exit")}
                record.clear()
                record.update(kept)

    write_run(change=points)
    table = area_table(only_section(write_run))
    assert set(table.shown["mean mAP (%)"]) == {"—"}
    assert set(table.shown["better than"]) == {"none"}


def test_rounding():
    assert percent(0.12345) == "12.3"
    assert percent(-0.0345, signed=True) == "−3.5"
    assert percent(-1e-17, signed=True) == "0.0"
    assert number(float("nan"), 1) == "—"
