"""Claims are answered from tables alone, and every number is found again by its reference."""

from dataclasses import replace

import pytest
from measured import CHAIN, accuracy, study

from bench.findings.claims.contract import NOT_MEASURED
from bench.findings.claims.known import CLAIMS
from bench.findings.sections import sections
from bench.report.kinds import TABLES
from bench.report.tables.claims import answers, claim_table
from bench.runs.load import load

FAST = {
    **CHAIN,
    "codes": "of preset paper",
    "lengths": [256, 256, 1024, 2048],
    "exit_fractions": [0.7, 0.1, 0.1, 0.1],
    "steps": [
        {"name": "everybody, floats of the last exit's length", "milliseconds": 6.0},
        {"name": "everybody, codes of the last exit", "milliseconds": 2.0},
        {"name": "each query at the exit where it leaves", "milliseconds": 0.25},
        {"name": "each query at every exit on its way", "milliseconds": 1.5},
    ],
}


def with_ets(header, records):
    """Name the policies of the paper: gs stays, random becomes ets+gs, and all let somebody go at the first exit."""
    for record in records:
        for name in ("policy", "other"):
            if record.get(name) == "random":
                record[name] = "ets+gs"
    about = {"kind": "outcome", "thresholding": "", "a": None, "exit": 0, "threshold_from": "own"}
    for policy, left, correct in (("ets", 48, 36), ("ets+gs", 30, 27), ("gs", 40, 30)):
        counts = {"left": float(left), "correct": float(correct), "incorrect": float(left - correct)}
        records.append({**about, **counts, "policy": policy, "possible": 45.0, "queries": 60, "threshold": 0.5})


@pytest.fixture
def section(write_run):
    for seed in (0, 1):
        write_run(seed=seed, budgets=9, change=with_ets)
        write_run("invented", "dare", seed=seed, budgets=9)
        write_run(seed=seed, network={"strips": 4}, preset="strips", swept=False)
        write_run(seed=seed, network={"strips": 1}, preset="strips", swept=False)
    (found,) = sections(load(write_run.results))
    measured = {**study([accuracy(2048)], chains=[FAST]), "method": {"name": "hashreid", "preset": "demo"}}
    return replace(found, studies=(("one", measured),))


def answer(section, name):
    return next(answer for claim, answer in answers(section) if claim.name == name)


def test_every_number_is_found_again(section):
    table = claim_table(section)
    assert len(table.full) == len(CLAIMS)
    tables = {
        one.name: one for kind in TABLES if kind.of != "report" and kind.name != "claims" for one in kind(section)
    }
    found = [cell for _, given in answers(section) for cell in given.cells]
    assert len(found) > 30
    for cell in found:
        rows = tables[cell.reference.table].full
        for name, value in cell.reference.row:
            rows = rows[rows[name].astype(str) == value]
        (row,) = rows.to_dict("records")
        assert (row[cell.reference.column], row.get("run", "")) == (cell.value, cell.run)
    keys = {run.key for setup in section.setups for run in setup.runs}
    named = {key for runs in table.full["run"] for key in runs.split()}
    assert named
    assert named <= keys


def test_what_is_saved_and_what_could_be(section):
    found = answer(section, "hashreid-saving")
    assert "at this size: 69.2 % if everybody leaves at exit 1" in found.allowed
    areas = next(kind for kind in TABLES if kind.name == "areas")(section)[0].full
    areas = areas[(areas["setup"] == "hashreid demo") & (areas["thresholding"] == "stream")]
    best = 1 - areas.groupby("policy")["mAP_cost_for_95"].mean().min() / 65e6
    assert f"{100 * best:.1f} % under" in found.measured
    assert "policies on these queries" in found.measured, "the best was chosen on the test itself"
    assert found.verdict == "not reached: not even with everybody at exit 1"


def test_who_leaves_first(section):
    found = answer(section, "hashreid-first-exit")
    assert found.allowed == "at exit 1 the first match of 75.0 % is right"
    assert found.measured == "80.0 % leave there under ets, 75.0 % of them rightly (hashreid demo, seeds 0, 1)"
    assert found.verdict == "reached"


def test_which_policy_is_best(section):
    found = answer(section, "hashreid-combination")
    assert "ets+gs 27 right, 3 wrong; ets 36 right, 12 wrong; gs 30 right, 10 wrong" in found.measured
    # It decides at random here.
    assert "ahead of it: gs" in found.measured
    assert found.verdict.startswith("no (")


def test_how_much_faster_a_search_is(section):
    found = answer(section, "hashreid-search")
    assert found.allowed.startswith("its own times: 20 times; counted, 256 times fewer operations")
    assert found.measured.startswith("24.0 times faster where searches before the last are not counted, 4.0 with every")
    assert found.verdict == "reached"


def test_operations_of_a_search_are_a_mean_over_the_seeds_as_its_times_are(section):
    slow = {**FAST, "seed": 1, "exit_fractions": [0.2, 0.2, 0.3, 0.3]}
    measured = {**study([accuracy(2048)], chains=[FAST, slow]), "method": {"name": "hashreid", "preset": "demo"}}
    found = answer(replace(section, studies=(("one", measured),)), "hashreid-search")
    # 8 words of 64 bits in one network, 16 in the other, in place of 2048 numbers.
    assert "counted, 171 times fewer operations" in found.allowed


def test_two_methods_by_the_test_of_who_is_ahead(section):
    found = answer(section, "hashreid-dare")
    assert "everybody at the last exit: " in found.measured
    # Both have the same outcomes.
    assert found.verdict == "not told apart everywhere"


def test_a_switch_is_two_setups_that_differ_in_it_alone(section):
    found = answer(section, "hashreid-strips")
    assert found.measured.startswith("0.0 points of mAP [")
    assert "at exit 1 with it" in found.measured
    assert found.verdict.startswith("not told apart (p ≥ 0.05")
    assert len(found.cells) == 4
    assert answer(section, "dare-deep-supervision").measured == NOT_MEASURED


def test_where_there_is_nothing_it_says_so(write_run):
    write_run(method="dare", swept=False)
    (found,) = sections(load(write_run.results))
    measured = {claim.name: given for claim, given in answers(found)}
    assert {one.measured for one in measured.values()} == {NOT_MEASURED}
    assert "80.8 % if everybody leaves at exit 1, 73.2 % if 70 % do" in measured["hashreid-saving"].allowed
    assert "7.1 times cheaper; rank-1 / mAP HAN (Small) 89.4 / 73.2, MLFN 90.0 / 74.3 %" in measured["han-mlfn"].allowed
    assert measured["han-mlfn"].verdict.endswith("its own table agrees")
    assert measured["han-resnet"].verdict.endswith("its own table agrees")
    assert "7.9 times fewer parameters" in measured["cdnet-auto-reid"].allowed
    assert measured["cdnet-auto-reid"].verdict.endswith("its own table says otherwise")


def test_other_methods_have_no_claims(write_run):
    write_run(method="mine", swept=False)
    (found,) = sections(load(write_run.results))
    assert claim_table(found) is None
