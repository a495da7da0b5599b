"""Tables and curves: the numbers are those of the records."""

import numpy as np
import pytest
from one_section import only_section
from scipy.stats import norm, t

from bench.budget.significance import holm
from bench.findings.curves import exit_curve, policy_curve, policy_means, policy_runs
from bench.findings.rounding import number, percent
from bench.findings.sections import sections
from bench.report.tables.ahead import ahead_table
from bench.report.tables.areas import area_table
from bench.report.tables.budgets import BUDGET_SHARES, budget_table
from bench.report.tables.comparisons import comparison_table
from bench.report.tables.exits import exit_table
from bench.report.tables.overview import overview
from bench.runs.load import load


def test_exit_table_holds_the_records(write_run):
    def bounds(header, records):
        for record in records:
            if record["kind"] == "exit":
                record |= {"mAP_ties_low": 0.25, "mAP_ties_high": 0.75}

    _, records, _ = write_run(change=bounds)
    table = exit_table(only_section(write_run.results))
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
    table = budget_table(only_section(write_run.results))
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
    section = only_section(write_run.results)
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
        (setup,) = only_section(write_run.results).setups
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
    (setup,) = only_section(write_run.results).setups
    assert len(policy_means(setup, "gs", "stream", ["mAP"])) == 5
    assert [len(values) for values in policy_runs(setup, "gs", "stream", ["mAP"])] == [5, 9]


def test_area_table_holds_the_curves_and_names_whom_they_beat(write_run):
    _, records, _ = write_run(budgets=9)
    table = area_table(only_section(write_run.results))
    curves = {(record["policy"], record["thresholding"]): record for record in records if record["kind"] == "curve"}
    assert len(table.full) == len(curves) == 4
    assert table.full["policy"].tolist() == ["gs", "random", "gs", "random"]
    for row in table.full.to_dict("records"):
        record = curves[row["policy"], row["thresholding"]]
        for name in ("mAP_area", "mAP_gap_closed_low", "mAP_cost_for_95", "rank-1_area_over_interpolation_high"):
            assert row[name] == record[name]
    best = table.shown.iloc[0]
    met = comparison_table(only_section(write_run.results)).full
    met = met[(met["thresholding"] == "stream") & (met["mAP_lead_p_holm"] < 0.05)]
    certain = set(met[(met["policy"] == "gs") & (met["mAP_lead"] > 0)]["other"])
    certain |= set(met[(met["other"] == "gs") & (met["mAP_lead"] < 0)]["policy"])
    assert certain
    assert set(best["better than"].split(", ")) == certain
    assert "A dash" not in table.note
    price = 100 * np.array([curves["gs", "stream"][f"mAP_cost_for_95{end}"] for end in ("", "_low", "_high")]) / 65e6
    assert best["cost for 95 % (%)"] == "{:.1f} [{:.1f} to {:.1f}]".format(*price)


def test_comparison_table_sets_every_two_against_each_other(write_run):
    _, records, _ = write_run(budgets=9)
    table = comparison_table(only_section(write_run.results))
    pairs = [record for record in records if record["kind"] == "comparison"]
    assert len(table.full) == len(pairs) == 2 * (1 + 2)
    assert table.full["mAP_lead"].tolist() == [record["mAP_area_lead"] for record in pairs]
    # Of one seed the interval is all but the recorded one, as if its ends lay at equal distances: people that nobody
    # counted are many.
    widths = [record["mAP_area_lead_high"] - record["mAP_area_lead_low"] for record in pairs]
    assert (table.full["mAP_lead_high"] - table.full["mAP_lead_low"]).tolist() == pytest.approx(widths, rel=0.002)
    # Three pairs of each thresholding, in two metrics.
    of_stream = table.full[table.full["thresholding"] == "stream"]
    p = of_stream[["mAP_lead_p", "rank-1_lead_p"]].to_numpy().ravel()
    assert of_stream[["mAP_lead_p_holm", "rank-1_lead_p_holm"]].to_numpy().ravel() == pytest.approx(holm(p))
    assert table.shown["against"].tolist()[:3] == ["gs", "interpolation", "interpolation"]
    assert set(table.full["over"]) == {"people"}


def test_policies_of_several_seeds_are_compared_over_these(write_run):
    leads = []
    for seed in range(3):
        _, records, _ = write_run(seed=seed, budgets=9)
        leads += [one for one in records if one["kind"] == "comparison" and one["thresholding"] == "stream"][:1]
    table = comparison_table(only_section(write_run.results))
    assert len(table.full) == 2 * (1 + 2)
    values = np.array([one["mAP_area_lead"] for one in leads])
    errors = np.array([(one["mAP_area_lead_high"] - one["mAP_area_lead_low"]) / (2 * norm.ppf(0.975)) for one in leads])
    # A header that does not count its people stands for 1,000, of whom a bootstrap's variance is one short.
    parts = values.var(ddof=1) / 3, errors.mean() ** 2 * 1000 / 999
    degrees = sum(parts) ** 2 / (parts[0] ** 2 / 2 + parts[1] ** 2 / 999)
    first = table.full.iloc[0]
    assert (first["policy"], first["other"], first["seeds"]) == (leads[0]["policy"], leads[0]["other"], "3")
    assert first["mAP_lead"] == pytest.approx(values.mean())
    assert first["mAP_lead_p"] == pytest.approx(2 * t.sf(abs(values.mean()) / sum(parts) ** 0.5, degrees))
    assert first["run"].count(" ") == 2


def test_setups_are_compared_at_their_last_exit_and_over_shared_budgets(write_run):
    exits = {}
    for seed in range(3):
        for place, method in enumerate(("dare", "hashreid")):
            _, records, _ = write_run(method=method, seed=seed + 3 * place, budgets=9)
            exits.setdefault(method, []).append([one for one in records if one["kind"] == "exit"][-1])
    table = ahead_table(only_section(write_run.results))
    assert table.full["compared"].tolist() == ["everybody at the last exit", "policy gs, thresholding stream"]
    values = [np.array([one["mAP"] for one in exits[method]]) for method in ("dare", "hashreid")]
    errors = [
        np.mean([(one["mAP_high"] - one["mAP_low"]) / (2 * norm.ppf(0.975)) for one in exits[method]])
        for method in ("dare", "hashreid")
    ]
    parts = [one.var(ddof=1) / 3 for one in values]
    over_people = sum(error**2 for error in errors) * 1000 / 999
    variance = sum(parts) + over_people
    degrees = variance**2 / (sum(part**2 for part in parts) / 2 + over_people**2 / 999)
    last = table.full.iloc[0]
    value = values[0].mean() - values[1].mean()
    assert last["mAP_lead"] == pytest.approx(value)
    assert last["mAP_lead_p"] == pytest.approx(2 * t.sf(abs(value) / variance**0.5, degrees))
    p = table.full[["mAP_lead_p", "rank-1_lead_p"]].to_numpy().ravel()
    assert table.full[["mAP_lead_p_holm", "rank-1_lead_p_holm"]].to_numpy().ravel() == pytest.approx(holm(p))
    assert table.shown["compared by"].tolist()[1] == "policy gs, thresholding stream, 20.00 to 65.00 M"
    swept = table.full.iloc[1]
    areas = area_table(only_section(write_run.results)).full
    areas = areas[(areas["policy"] == "gs") & (areas["thresholding"] == "stream")]
    # Both setups span the same budgets: their means over these are the areas.
    expected = [areas[areas["method"] == method]["mAP_area"].mean() for method in ("dare", "hashreid")]
    assert (swept["mAP"], swept["mAP_other"]) == pytest.approx(tuple(expected))
    assert (swept["from"], swept["to"]) == (20e6, 65e6)


def test_one_setup_is_ahead_of_none(write_run):
    write_run()
    assert ahead_table(only_section(write_run.results)) is None


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
    table = area_table(only_section(write_run.results))
    assert set(table.shown["mean mAP (%)"]) == {"—"}
    assert set(table.shown["better than"]) == {"—"}
    assert table.note.endswith("the curve covers less than 75 % of the way, and was not compared.")


def test_a_dash_beside_an_area_has_its_reason(write_run):
    def unreached(header, records):
        for record in records:
            for name in [name for name in record if name.startswith("mAP_cost_for_99")]:
                del record[name]

    write_run()
    assert "A dash" not in area_table(only_section(write_run.results)).note
    write_run(change=unreached, seed=1)
    table = area_table(only_section(write_run.results))
    assert set(table.shown[table.shown["seed"] == "1"]["cost for 99 % (%)"]) == {"—"}
    assert table.note.endswith(
        "A dash under cost: no budget reaches that accuracy, at least under some draws of the people."
    )


def test_rounding():
    assert percent(0.12345) == "12.3"
    assert percent(-0.0345, signed=True) == "−3.5"
    assert percent(-1e-17, signed=True) == "0.0"
    assert number(float("nan"), 1) == "—"
