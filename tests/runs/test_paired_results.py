from dataclasses import asdict, replace

import numpy as np
import pytest
from invented import invented_evidence, with_features
from kept import MACS, PEOPLE, QUERIES, keep_run, same_queries
from scipy.stats import norm, t

from bench import registry
from bench.budget.bootstrap import IdentityBootstrap, interval
from bench.budget.crossed import Networks, lead
from bench.budget.sweep import sweep
from bench.errors import BenchError
from bench.files import write_arrays
from bench.runs.comparable import comparable
from bench.runs.finding import read_run
from bench.runs.paired import EVERYTHING, RESAMPLES, SEED, pair_results
from bench.runs.redrawn import RedrawnRun
from bench.spec import EvaluationSpec, SweepSpec, digest


def pair(first, second):
    return pair_results([read_run(first)], [read_run(second)])


def pair_seeds(first, second):
    return pair_results([read_run(folder) for folder in first], [read_run(folder) for folder in second])


def test_exits_are_tested_on_the_same_people(tmp_path):
    tables = same_queries(0), same_queries(1)
    found = pair(*(keep_run(tmp_path, seed=seed, table=table) for seed, table in enumerate(tables)))
    one, other = (table.outcomes.average_precision[:, 2] for table in tables)
    pids = tables[0].outcomes.query_pids
    people = np.unique(pids)
    # Whole people are drawn, one draw after the other, and their queries' differences averaged.
    counts = np.random.default_rng(SEED).multinomial(len(people), np.full(len(people), 1 / len(people)), size=RESAMPLES)
    differences = [np.repeat(other - one, draw[np.searchsorted(people, pids)]).mean() for draw in counts]
    row = found.exits[2]
    assert row.names == ("exit 3", "exit 3")
    assert row.costs == (36e6, 36e6)
    metric = row.metrics["mAP"]
    assert (metric.first, metric.second) == pytest.approx((one.mean(), other.mean()))
    assert metric.lead == pytest.approx((other - one).mean())
    tested = metric.tested
    error = np.std(differences, ddof=1) * np.sqrt(len(people) / (len(people) - 1))
    assert tested.p == pytest.approx(2 * t.sf(abs(metric.lead) / error, len(people) - 1))
    assert (tested.low, tested.high) == pytest.approx(t.interval(0.95, len(people) - 1, metric.lead, error))
    assert not tested.over_seeds
    # Four exits and two policies in two metrics are tested together: the smallest p is multiplied by twelve.
    assert found.tests == 12
    every = [one for row in [*found.exits, *found.policies] for one in row.metrics.values()]
    least = min(every, key=lambda one: one.tested.p)
    assert least.p_holm == pytest.approx(min(12 * least.tested.p, 1))
    assert not found.not_redrawn
    assert not found.left_out


@pytest.mark.parametrize("thresholding", ["stream", "exact", "calibrated"])
def test_values_and_draws_of_a_policy_are_those_of_its_sweep(tmp_path, thresholding):
    """The sweep's own summary of the curve comes out again: its value from points, its interval from tables."""
    run = read_run(keep_run(tmp_path, thresholdings=(thresholding,), resamples=RESAMPLES, policies=("gs", "entropy")))
    side = RedrawnRun(run.folder, run.scored[0])
    side.draw(IdentityBootstrap.draw(side.table.outcomes.query_pids, RESAMPLES, SEED))
    for record in (record for record in run.scored[0].shown.records if record["kind"] == "curve"):
        assert side.decide_again(record["policy"], thresholding) == ""
        for metric in ("mAP", "rank-1"):
            value = side.mean_value(record["policy"], thresholding, metric, (MACS[0], MACS[-1]))
            assert value.number == pytest.approx(record[f"{metric}_area"])
            ends = [record[f"{metric}_area_{end}"] for end in ("low", "high")]
            assert list(interval(value.draws)) == pytest.approx(ends)
            # Out of the points' intervals, it is no less than the draws have it.
            assert value.draws.std(ddof=1) < 1.1 * value.error < 2 * value.draws.std(ddof=1)


def test_the_same_outcomes_under_another_seed_do_not_differ(tmp_path):
    table = same_queries(0)
    found = pair(*(keep_run(tmp_path, seed=seed, table=table) for seed in (0, 1)))
    for row in (*found.exits, *found.policies):
        for one in row.metrics.values():
            assert (one.lead, one.tested.low, one.tested.high, one.p_holm) == (0, 0, 0, 1)


def test_where_costs_differ_the_shared_budgets_count(tmp_path):
    first = keep_run(tmp_path)
    second = keep_run(tmp_path, "dare", table=same_queries(1), macs=MACS + 10e6)
    found = pair(first, second)
    assert found.budgets == (30e6, 66e6)
    fine = np.linspace(30e6, 66e6, 100_001)
    records = read_run(first).scored[0].shown.records
    exits = [record["rank-1"] for record in records if record["kind"] == "exit"]
    points = [(r["realised_cost"], r["rank-1"]) for r in records if r["kind"] == "policy" and r["policy"] == "gs"]
    curve = np.array([*sorted(points), (66e6, exits[-1])]).T
    (row,) = (row for row in found.policies if row.names[0] == "gs")
    assert row.metrics["rank-1"].first == pytest.approx(np.interp(fine, *curve).mean(), abs=1e-4)
    assert row.metrics["rank-1"].tested.paired


def test_costs_that_do_not_overlap_leave_the_exits(tmp_path):
    found = pair(keep_run(tmp_path), keep_run(tmp_path, "dare", macs=MACS + 100e6))
    assert found.budgets is None
    assert not found.policies
    assert len(found.exits) == 4


def test_exits_are_paired_by_place_and_last_with_last(tmp_path):
    found = pair(keep_run(tmp_path), keep_run(tmp_path, "dare", table=same_queries(1, exits=3)))
    assert [row.names[0] for row in found.exits] == ["exit 1", "exit 2", "exit 3", "exit 4"]
    assert [row.names[1] for row in found.exits] == ["exit 1", "exit 2", "exit 3", "exit 3"]
    single = keep_run(tmp_path, "single", table=same_queries(1, exits=1), policies=())
    found = pair(keep_run(tmp_path), single)
    assert [row.names[0] for row in found.exits] == ["exit 1", "exit 4"]
    assert not found.policies


def test_only_what_both_swept_in_the_same_mode_is_compared(tmp_path):
    first = keep_run(tmp_path, policies=("qs", "gs"), thresholdings=("exact", "stream"))
    found = pair(first, keep_run(tmp_path, seed=1, policies=("gs", "random"), thresholdings=("stream",)))
    assert found.thresholding == "stream"
    assert [row.names for row in found.policies] == [("gs", "gs")]


def test_without_tables_recorded_intervals_stand_in(tmp_path):
    folders = keep_run(tmp_path), keep_run(tmp_path, seed=1, tables=False)
    found = pair(*folders)
    assert "is not kept" in found.not_redrawn[EVERYTHING]
    assert found.tests == 12
    for row in (*found.exits, *found.policies):
        metric = row.metrics["mAP"]
        assert metric.lead == metric.second - metric.first
        assert not metric.tested.paired
    exits = [[row for row in read_run(folder).scored[0].shown.records if row["kind"] == "exit"] for folder in folders]
    errors = [(side[1]["mAP_high"] - side[1]["mAP_low"]) / (2 * norm.ppf(0.975)) for side in exits]
    tested = found.exits[1].metrics["mAP"].tested
    # The header does not count people: they are taken for many, and the test is all but the normal one.
    expected = 2 * norm.sf(abs(found.exits[1].metrics["mAP"].lead) / np.hypot(*errors))
    assert tested.p == pytest.approx(expected, rel=0.01)


def test_records_without_intervals_leave_values_untested(tmp_path):
    def bare(header, records):
        for record in records:
            for name in [name for name in record if name.endswith(("_low", "_high"))]:
                del record[name]

    found = pair(*(keep_run(tmp_path, seed=seed, tables=False, change=bare) for seed in (0, 1)))
    assert found.tests == 0
    assert {row.metrics["mAP"].tested for row in (*found.exits, *found.policies)} == {None}


def test_several_seeds_are_tested_over_people_and_seeds(tmp_path):
    first = [keep_run(tmp_path, seed=seed) for seed in range(3)]
    better = [same_queries(seed) for seed in (3, 4, 5)]
    for table in better:
        table.outcomes.average_precision[:] **= 0.5
    second = [keep_run(tmp_path, "dare", seed=seed, table=table) for seed, table in enumerate(better)]
    found = pair_seeds(first, second)
    assert found.seeds == (3, 3)
    assert not found.not_redrawn
    scores = [
        np.stack([table.outcomes.average_precision[:, 1] for table in tables], axis=1)
        for tables in ([same_queries(seed) for seed in range(3)], better)
    ]
    metric = found.exits[1].metrics["mAP"]
    assert (metric.first, metric.second) == pytest.approx(tuple(one.mean() for one in scores))
    bootstrap = IdentityBootstrap.draw(same_queries(0).outcomes.query_pids, RESAMPLES, SEED)
    sides = [Networks(one.mean(axis=0), draws=bootstrap.means(one)) for one in reversed(scores)]
    assert metric.tested == lead(*sides, people=PEOPLE)
    assert metric.tested.over_seeds
    assert [row.names[0] for row in found.policies] == ["random", "gs"]
    assert all(row.metrics["mAP"].tested.over_seeds for row in found.policies)


def test_tables_that_are_not_those_of_the_records_are_not_used(tmp_path):
    def better(header, records):
        records[0]["mAP"] += 0.01

    found = pair(keep_run(tmp_path), keep_run(tmp_path, seed=1, change=better))
    assert "not the one that its records were made from" in found.not_redrawn[EVERYTHING]

    def luckier(header, records):
        for record in records:
            if record["kind"] == "policy" and record["policy"] == "gs":
                record["mAP"] += 0.01

    found = pair(keep_run(tmp_path), keep_run(tmp_path, seed=2, change=luckier))
    assert "other than in records-" in found.not_redrawn["gs"]
    assert {row.names[0]: row.metrics["mAP"].tested.paired for row in found.policies} == {"random": True, "gs": False}
    assert found.tests == 12


def test_a_damaged_table_costs_the_test_alone(tmp_path):
    folder = keep_run(tmp_path)
    path = folder.table("test", EvaluationSpec().key)
    path.write_bytes(path.read_bytes()[:2000])
    found = pair(folder, keep_run(tmp_path, seed=1))
    assert path.name in found.not_redrawn[EVERYTHING]


def test_a_table_of_an_older_version_is_called_that(tmp_path):
    older = EvaluationSpec(evaluation_version=1)
    folders = [keep_run(tmp_path, seed=seed, evaluation=older) for seed in (0, 1)]
    assert not pair(*folders).not_redrawn
    path = folders[1].table("test", older.key)
    with np.load(path) as stored:
        kept = {name: values for name, values in stored.items() if name != "signals.class_entropy"}
    np.savez(path, **kept)
    assert pair(*folders).not_redrawn[EVERYTHING] == f"{path} is of an older version of the suite"


def test_tables_of_other_queries_are_not_paired(tmp_path):
    table = same_queries(1)
    others = replace(table, outcomes=replace(table.outcomes, query_pids=np.arange(QUERIES) % 39 + 1))
    with pytest.raises(BenchError, match="not of the same queries"):
        pair(keep_run(tmp_path), keep_run(tmp_path, seed=1, table=others))


def test_what_learned_from_features_needs_what_it_learned(tmp_path):
    def renamed(header, records):
        for record in records:
            if record["kind"] in ("policy", "curve") and record["policy"] == "gs":
                record["policy"] = "ets"

    found = pair(*(keep_run(tmp_path, seed=seed, change=renamed) for seed in (0, 1)))
    assert list(found.not_redrawn) == ["ets"]
    assert "is not kept" in found.not_redrawn["ets"]
    (row,) = (row for row in found.policies if row.names[0] == "ets")
    assert not row.metrics["mAP"].tested.paired


def test_other_data_and_other_measures_are_refused(tmp_path):
    run = read_run(keep_run(tmp_path))
    with pytest.raises(BenchError, match=r"different data, invented \(abababababab\) and invented \(cdcdcdcdcdcd\)"):
        comparable(run, read_run(keep_run(tmp_path, seed=1, fingerprint="cd" * 32)))
    with pytest.raises(BenchError, match=r"AP step.* and AP trapezoid"):
        comparable(run, read_run(keep_run(tmp_path, seed=2, evaluation=EvaluationSpec(ap="trapezoid"))))
    with pytest.raises(BenchError, match="has no results"):
        comparable(run, read_run(keep_run(tmp_path, seed=3, scored=False)))


def test_the_evaluation_that_both_have_is_chosen(tmp_path):
    first = keep_run(tmp_path)
    keep_run(tmp_path, evaluation=EvaluationSpec(ap="trapezoid"), at="2026-02-01T00:00:00+00:00")
    second = keep_run(tmp_path, seed=1)
    run = read_run(first)
    assert [scored.evaluation["ap"] for scored in run.scored] == ["trapezoid", "step"]
    assert [scored.evaluation["ap"] for scored in comparable(run, read_run(second))] == ["step", "step"]


def test_runs_of_before_the_evaluation_key_was_recorded_are_compared(tmp_path):
    """Their tables are named by the hash of all values of the evaluation, which was its key then."""
    folders = []
    for seed in (0, 1):
        folder = keep_run(tmp_path, seed=seed, change=lambda header, records: header.pop("evaluation_key"))
        evaluation = EvaluationSpec()
        for split in ("test", "calibration"):
            folder.table(split, evaluation.key).rename(folder.table(split, digest(asdict(evaluation))))
        folders.append(folder)
    assert not pair(*folders).not_redrawn


def test_versions_of_a_policy_are_not_mixed(tmp_path):
    def versioned(header, records):
        header["policy_versions"] = {"gs": 2}

    found = pair(keep_run(tmp_path), keep_run(tmp_path, seed=1, change=versioned))
    assert [row.names[0] for row in found.policies] == ["random"]
    assert "different versions" in found.left_out["gs"]


def ets_run(results, seed):
    """A run whose policy ets was learned, fitted and swept, with all that is kept of it."""
    policy = registry.policy("ets")
    table = with_features(same_queries(seed), seed)
    parameters = policy.fit(invented_evidence(images=40), np.random.default_rng(seed))
    swept = SweepSpec(("gs", "ets"), thresholdings=("calibrated",), budgets=5, resamples=20)

    def with_ets(header, records):
        ready = [registry.policy("gs"), policy.load(parameters)]
        records[:] = sweep(table, MACS, swept, ready, table.signals)
        header["sweep"] = swept.to_json()

    folder = keep_run(results, seed=seed, table=table, thresholdings=("calibrated",), change=with_ets)
    write_arrays(folder.policy(policy.file_name, EvaluationSpec().key), parameters)
    features = table.signals.features
    parts = {
        f"{prefix}{name}": getattr(features, name) for prefix in ("", "calibration_") for name in ("query", "gallery")
    }
    write_arrays(folder.features, parts)
    return folder


@pytest.mark.long
def test_ets_decides_again_on_kept_features(tmp_path):
    folders = [ets_run(tmp_path, seed) for seed in (0, 1)]
    found = pair(*folders)
    assert not found.not_redrawn
    assert {row.names[0]: row.metrics["mAP"].tested.paired for row in found.policies} == {"gs": True, "ets": True}
    folders[1].features.unlink()
    assert "features of images" in pair(*folders).not_redrawn["ets"]
