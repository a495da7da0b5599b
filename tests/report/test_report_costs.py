"""Costs beside multiply-adds: named on axes and in tables, and never on one axis with others."""

import pytest
from all_rows import all_rows

from bench.findings.costs import Cost
from bench.findings.sections import sections
from bench.report.figures.budget import budget_figure
from bench.report.tables.exits import exit_table
from bench.report.write import write_report
from bench.runs.load import load


def in_milliseconds(header, records):
    header["cost"] = {"name": "latency", "unit": "milliseconds"}
    for record in records:
        for name in record:
            if "_cost" in name and record[name] is not None:
                record[name] /= 1e7


@pytest.fixture
def found(write_run):
    write_run()
    write_run(file="records-22222222.jsonl", change=in_milliseconds)
    return sections(load(write_run.results))


def test_sweeps_over_another_cost_are_a_section_of_their_own(found):
    latency, macs = sorted(found, key=lambda section: section.cost.name)
    assert (latency.cost, macs.cost) == (Cost("latency", "milliseconds"), Cost())
    assert len({section.slug for section in found}) == 2
    assert latency.title == "invented (rendered) [cost latency]"
    of_latency, of_macs = (all_rows(section.setups[0].runs) for section in (latency, macs))
    assert len(of_latency) == len(of_macs)
    assert of_latency["realised_cost"].max() < 10 < of_macs["realised_cost"].max()


def test_times_of_another_engine_or_batch_are_a_section_with_a_title_of_its_own(write_run):
    for number, (backend, batch) in enumerate((("torch", 1), ("openvino", 1), ("torch", 16))):
        cost = {"name": "milliseconds", "unit": "milliseconds", "backend": backend, "batch": batch}
        write_run(file=f"records-{number}.jsonl", change=lambda header, records, cost=cost: header.update(cost=cost))
    titles = {section.title for section in sections(load(write_run.results))}
    assert titles == {
        f"invented (rendered) [cost milliseconds, {backend}, batch {batch}]"
        for backend, batch in (("torch", 1), ("openvino", 1), ("torch", 16))
    }


def test_axes_and_tables_name_the_cost(found, tmp_path, write_run, figures_drawn):
    figures_drawn("budget")
    latency, macs = sorted(found, key=lambda section: section.cost.name)
    labels = [budget_figure(section, section.setups[0]).figure.axes[2].get_xlabel() for section in (latency, macs)]
    assert labels == ["Milliseconds (latency) a query", "Multiply-adds a query (millions)"]
    table = exit_table(latency)
    assert table.shown["milliseconds (latency)"].tolist() == ["2.000", "2.800", "3.500", "6.500"]
    assert table.full["cost_unit"].unique().tolist() == ["milliseconds"]
    report = write_report(write_run.results, tmp_path / "report", formats=["svg"])
    page = report.page.read_text()
    assert "at 2.000 milliseconds</title>" in page
    assert "another cost on their axis: milliseconds (latency)" in page


@pytest.mark.parametrize(
    ("largest", "label"),
    [
        (2e9, "Multiply-adds a query (billions)"),
        (3e3, "Multiply-adds a query (thousands)"),
        (3, "Multiply-adds a query"),
    ],
)
def test_the_scale_fits(largest, label):
    assert Cost().scale(largest).label() == label


def test_values_have_about_four_digits():
    assert [Cost().text(value) for value in (28.7e6, 4_089_184_256)] == ["28.70", "4,089.2"]
    assert [Cost("joules", "joules").text(value) for value in (0.12345, 12.345, 1234.5)] == [
        "0.123",
        "12.35",
        "1,234.5",
    ]
    assert Cost("operations", "operations").text(1_958_123) == "2.0 M"
    assert Cost("joules", "joules").title == "Joules"


@pytest.mark.parametrize(
    ("joules", "text"), [(2.0, "2.000"), (0.021, "0.021"), (0.0042, "0.0042"), (0.00005, "0.000050"), (0.0, "0.000")]
)
def test_thousandths_of_a_joule_are_told_apart(joules, text):
    assert Cost("joules", "joules").text(joules) == text
