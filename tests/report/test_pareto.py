import itertools

import pytest

from bench.findings.sections import sections
from bench.report.tables.pareto import pareto_table
from bench.runs.load import load


@pytest.fixture
def front(write_run):
    for seed in (0, 1):
        write_run(seed=seed)
    write_run(method="dare", exits=3)
    (section,) = sections(load(write_run.results))
    return section, pareto_table(section)


def test_nothing_cheaper_is_as_good(front):
    section, table = front
    costs, values = table.full["realised_cost"].tolist(), table.full["mAP"].tolist()
    assert len(costs) > 1
    assert all(one < other for one, other in itertools.pairwise(costs))
    assert all(one < other for one, other in itertools.pairwise(values))
    # By brute force: every exit of every setup is matched or beaten by some point of the front at its cost or below.
    for setup in section.setups:
        exits = setup.rows("exit").groupby("exit")[["realised_cost", "mAP"]].mean()
        for _, point in exits.iterrows():
            affordable = table.full[table.full["realised_cost"] <= point["realised_cost"] * (1 + 1e-12)]
            assert affordable["mAP"].max() >= point["mAP"] - 1e-12


def test_rows_say_how_to_get_there(front):
    _, table = front
    assert set(table.shown["how"].str.split(",").str[0]) <= {
        *(f"everybody at exit {number}" for number in range(1, 5)),
        "random",
        "gs",
    }
    assert table.shown["setup"].isin(["hashreid demo", "dare demo"]).all()
