"""Published numbers beside measured ones: on the photographs that they are for, and nowhere else."""

import sys

import numpy as np
import pytest
from test_legible import off

from bench.cli import main
from bench.findings.reported.papers import accuracies, query_sets
from bench.findings.sections import sections
from bench.report.figures.budget import budget_figure
from bench.report.figures.comparison import comparison_figure
from bench.report.figures.published import published_curve
from bench.report.figures.published_points import published_points
from bench.report.tables.methods import method_table
from bench.report.tables.reported import reported_table
from bench.report.write import write_report
from bench.runs.load import load

LABEL = "DaRe, published (gs)"


def on_market(scale=40.0, *, rendered=False, queries=3368, lengths=None):
    """Make a change of a run's records: Market-1501's number of queries, and costs of a network of full size."""

    def change(header, records):
        header["dataset"] |= {"rendered": rendered, "counts": {"query images": queries}}
        for index, exit_ in enumerate(header["exits"]):
            exit_["cumulative_macs"] = int(scale * exit_["cumulative_macs"])
            exit_["dim"] = lengths[index] if lengths else exit_["dim"]
        for record in records:
            for name in record:
                if "_cost" in name and record[name] is not None:
                    record[name] *= scale

    return change


def labels(drawing):
    return [text.get_text() for text in drawing.figure.legends[0].get_texts()]


def line_at(drawing, panel, macs):
    """Heights of the line in a panel that runs over these costs, in units of the axis."""
    for line in drawing.figure.axes[panel].get_lines():
        across = np.asarray(line.get_xdata(), dtype=float)
        if len(across) == len(macs) and np.allclose(across, macs):
            return np.asarray(line.get_ydata(), dtype=float)
    return None


@pytest.fixture
def section(write_run):
    """Runs of two methods, as ``section(...)`` of :func:`on_market`."""

    def make(dataset="market1501", **changes):
        for method in ("dare", "hashreid"):
            write_run(dataset=dataset, method=method, preset="paper", change=on_market(**changes))
        (found,) = sections(load(write_run.results))
        return found

    return make


def test_both_figures_show_the_published_curve(section):
    found = section()
    dare, hashreid = found.setups
    published = published_curve(found, ["gs"])
    assert published.costs[0] == 523.57e6
    assert published.values["rank-1"].tolist()[-1] == 0.88717
    comparison, budget = comparison_figure(found), budget_figure(found, dare)
    for drawing in (comparison, budget):
        assert LABEL in labels(drawing)
        assert line_at(drawing, 0, published.costs / 1e9) == pytest.approx(100 * published.values["mAP"])
        assert line_at(drawing, 1, published.costs / 1e9) == pytest.approx(100 * published.values["rank-1"])
        low, high = drawing.figure.axes[0].get_xlim()
        assert low < 0.523
        assert high > 2.53
        for expected in (
            "not measured here",
            "there: margin",
            "authors' own constants",
            "ten crops",
            "trapezoidal",
            "junk",
        ):
            assert expected in drawing.caption
        assert LABEL in drawing.description
    assert LABEL not in labels(budget_figure(found, hashreid))


@pytest.mark.parametrize(
    "changes",
    [{"rendered": True}, {"queries": 60}, {"dataset": "other"}],
    ids=["rendered", "other people", "other set"],
)
def test_on_other_data_nothing_is_drawn_or_listed(section, changes):
    found = section(**changes)
    for drawing in (comparison_figure(found), budget_figure(found, found.setups[0])):
        assert LABEL not in labels(drawing)
        assert "published" not in drawing.caption + drawing.description
    table = method_table(found)
    assert set(table.full["row"]) == {"measured"}
    assert "arxiv" not in table.note


def test_a_small_network_keeps_its_own_axis(section):
    """At a fortieth of the published costs, one linear axis for both would leave the measured curves no room."""
    found = section(scale=1.0)
    assert LABEL not in labels(budget_figure(found, found.setups[0]))
    comparison = comparison_figure(found)
    assert LABEL in labels(comparison)
    assert comparison.figure.axes[0].get_xscale() == "log"


def test_a_policy_that_nobody_published_has_no_curve(section):
    found = section()
    assert published_curve(found, ["entropy"]) is None
    assert published_curve(found, ["entropy", "qs", "random"]).policy == "qs"


def test_reported_rows_stand_over_measured_ones(write_run):
    lengths = (256, 256, 1024, 2048)
    _, records, _ = write_run(dataset="market1501", change=on_market(lengths=lengths))
    write_run(dataset="market1501", method="branchynet", exits=3, change=on_market())
    write_run(dataset="market1501", method="hashreid-noexit", exits=1, swept=False, change=on_market())
    (found,) = sections(load(write_run.results))
    table = method_table(found)
    shown = table.shown.set_index("method")
    assert shown.loc["OURS+HE", "rank-1 S1 (%)"] == "71.29"
    assert shown.loc["OURS+HE", "mAP S4 (%)"] == "82.08"
    assert shown.loc["OURS+HE", ["mAP S1 (%)", "MACs S1 (M)"]].tolist() == ["—", "—"]
    assert shown.index.get_loc("hashreid demo") == shown.index.get_loc("OURS+HE") + 1
    assert shown.loc["hashreid demo", "codes"] == "B 256/256/1024/2048"
    exits = [record for record in records if record["kind"] == "exit"]
    measured = table.full[table.full["name"] == "hashreid demo"].iloc[0]
    for stage, record in enumerate(exits, 1):
        for name in ("rank-1", "mAP"):
            assert measured[f"{name}_S{stage}"] == record[name]
            assert measured[f"{name}_S{stage}_high"] == record[f"{name}_high"]
            assert shown.loc["hashreid demo", f"{name} S{stage} (%)"] == f"{100 * record[name]:.1f}"
        assert measured[f"cost_S{stage}"] == record["realised_cost"]
    assert measured["ap"] == "step"
    # Three exits: the last stands at the papers' last stage.
    assert shown.loc["branchynet demo", "rank-1 S3 (%)"] == "—"
    assert shown.loc["branchynet demo", "rank-1 S4 (%)"] not in ("—", "not measured")
    assert shown.loc["hashreid-noexit demo", "rank-1 S1 (%)"] == "—"
    assert set(shown.loc["msdnet", ["rank-1 S1 (%)", "rank-1 S4 (%)", "mAP S4 (%)"]]) == {"not measured"}
    reported = table.full[table.full["row"] == "reported"]
    assert reported["source"].str.contains("Table|Section").all()
    assert reported["address"].str.startswith("https://").all()
    assert reported.set_index("name").loc["DaRe(R)+RE", "mAP_S4"] == 0.742


def test_the_other_dataset_has_its_own_rows(section):
    table = method_table(section(dataset="msmt17", queries=11659))
    shown = table.shown.set_index("method")
    assert shown.loc["MSDNet", "codes"] == "C 384/384/352/304"
    assert shown.loc["dare paper", "rank-1 S4 (%)"]
    assert "DaRe(R)" not in shown.index


def test_a_stage_that_a_run_lacks_is_not_measured(write_run):
    write_run(dataset="market1501", exits=1, swept=False, change=on_market())
    (found,) = sections(load(write_run.results))
    shown = method_table(found).shown.set_index("method")
    assert shown.loc["hashreid demo", "rank-1 S2 (%)"] == "not measured"
    assert shown.loc["hashreid demo", "rank-1 S4 (%)"] != "not measured"


def test_only_datasets_of_the_papers_have_their_rows(write_run, figures_drawn, tmp_path):
    figures_drawn()
    write_run(dataset="market1501", exits=1, swept=False, change=on_market())
    write_run(exits=1, swept=False)
    report = write_report(write_run.results, tmp_path / "report")
    tables = {file.name: file.read_text() for file in report.files if file.name.endswith("methods.md")}
    assert set(tables) == {"market1501-methods.md", "invented-methods.md"}
    assert "OURS+HE" in tables["market1501-methods.md"]
    assert "OURS+HE" not in tables["invented-methods.md"]
    page = report.page.read_text()
    assert page.count("<h3>Methods compared</h3>") == 2
    assert "tables/market1501-methods.tex" in page


def test_the_terminal_lists_them(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bench", "list", "reported"])
    with pytest.raises(SystemExit) as ended:
        main()
    out = capsys.readouterr().out
    assert not ended.value.code
    for expected in ("71.29", "3900", "1467.40", "2,060,915,200", "arxiv.org/abs/2308.11900", "mileyan/DARENet"):
        assert expected in out


STATIC = "published, networks without exits"


def test_networks_without_exits_stand_in_the_figure_of_their_dataset(section):
    drawing = comparison_figure(section())
    assert STATIC in labels(drawing)
    points = published_points(section()).static
    (market,) = {point.accuracy.dataset for point in points}
    assert market == "market1501"
    for panel, metric in enumerate(("mAP", "rank-1")):
        costs = [point.macs / 1e9 for point in points]
        drawn = line_at(drawing, panel, costs)
        expected = [
            float(point.accuracy.mean_average_precision if metric == "mAP" else point.accuracy.rank_1[-1])
            for point in points
        ]
        assert drawn == pytest.approx(expected)
    for told in ("HAN-S (HAN, Table 3; cost: HAN, Table 3)", "torchreid's model zoo", "160×64"):
        assert told in drawing.caption
    assert published_points(section(queries=60)) is None
    # HashReID's exits, at counted costs.
    costs = [macs / 1e9 for macs, _ in published_points(section()).exits]
    assert line_at(drawing, 1, costs) == pytest.approx([71.29, 79.93, 92.10, 92.10])
    # The paper prints one mAP, of the last exit.
    assert line_at(drawing, 0, costs[-1:]) == pytest.approx([82.08])
    assert "costs counted here" in drawing.caption


def test_names_of_published_networks_do_not_hide_one_another(section):
    queries = {part.dataset: part.query_images for part in query_sets()}["dukemtmc"]
    drawing = comparison_figure(section(dataset="dukemtmc", queries=queries))
    assert off(drawing.figure) == []
    named = {text.get_text() for axes in drawing.figure.axes for text in axes.texts}
    assert named >= {"HAN", "CDNet", "OSNet"}


def test_one_setup_has_company_where_something_was_published(write_run):
    write_run(dataset="market1501", method="dare", preset="paper", change=on_market())
    (found,) = sections(load(write_run.results))
    assert STATIC in labels(comparison_figure(found))
    write_run(method="dare")
    other = next(one for one in sections(load(write_run.results)) if one.dataset == "invented")
    assert comparison_figure(other) is None


def test_every_row_of_the_papers_is_a_table_of_its_own(section):
    table = reported_table(section())
    assert len(table) == sum(row.dataset == "market1501" for row in accuracies())
    shown = table.shown
    han = shown[(shown["method"] == "HAN (Large)") & (shown["recipe"] == "RE+RR") & (shown["queries"] == "—")].iloc[0]
    assert han[["rank-1 S4 (%)", "mAP (%)", "cost (M)"]].tolist() == ["93.1", "89.6", "701"]
    dare = shown[(shown["source"] == "DaRe") & (shown["method"] == "DaRe(De)+RE+RR")].iloc[0]
    assert dare[["rank-1 S4 (%)", "mAP (%)", "cost (M)"]].tolist() == ["90.9", "86.7", "—"]
    assert reported_table(section(rendered=True)) is None


def test_what_was_held_out_is_said_beside_the_papers_rows(write_run):
    def held_out(header, records):
        on_market()(header, records)
        header["spec"]["calibration_share"] = 0.1

    write_run(dataset="market1501", change=held_out)
    (found,) = sections(load(write_run.results))
    table = method_table(found)
    assert "measured, seed 0, 10% of the training identities held out" in set(table.shown["from"])
    assert "The papers train on all training identities" in table.note
    assert "hashreid demo: 10%" in comparison_figure(found).caption
