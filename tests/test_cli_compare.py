import pytest
from kept import MACS, keep_run, same_queries

from bench.cli.terminal import OUT
from bench.spec import EvaluationSpec


@pytest.fixture
def compare(bench, tmp_path):
    """Compare what is kept in folders: status, standard output in one line, standard error in one line."""

    def compare_(first, second, *options):
        status, out, err = bench("compare", first.path, second.path, *options)
        assert "Traceback" not in err
        return status, " ".join(out.split()), " ".join(err.split())

    return compare_


def test_two_runs_side_by_side(compare, tmp_path):
    table = same_queries(0)
    worse = same_queries(0)
    worse.outcomes.average_precision[:] *= 0.7
    first = keep_run(tmp_path, table=table, epochs=30)
    second = keep_run(tmp_path, seed=1, table=worse, epochs=60, device="cuda", packages={"numpy": "2.1"})
    status, out, err = compare(first, second)
    assert (status, err) == (0, "")
    for words in (
        "seed │ 0 │ 1",
        "epochs │ 30 │ 60",
        "Everything else is equal.",
        "trained: device cpu | cuda; numpy 2.0 | 2.1 scored:",
        "exit 4 │ 66.0 M │ 66.0 M",
        "Policies, thresholding stream",
        "correction for all 12 differences, those of both metrics",
        "do not cover the choice of training seed",
        "mAP: A is ahead at exit 1, exit 2, exit 3, exit 4 and under random, gs by more than noise",
        "rank-1: neither is ahead by more than noise",
        "20.0 M to 66.0 M",
    ):
        assert words in out, words
    assert "bits" not in out


def test_one_person_shows_nobody_ahead(compare, tmp_path):
    """However far apart two runs are on the queries of a single person."""
    tables = [same_queries(0) for _ in range(2)]
    for factor, table in zip((1, 0.5), tables, strict=True):
        table.outcomes.average_precision[:] *= factor
        table.outcomes.query_pids[:] = 1
    status, out, _ = compare(*(keep_run(tmp_path, seed=seed, table=table) for seed, table in enumerate(tables)))
    assert status == 0
    assert "mAP: neither is ahead by more than noise" in out
    assert "inf" not in out
    assert "[+" not in out
    assert "[-" not in out


def test_a_narrow_terminal_gets_a_table_a_metric(compare, tmp_path, monkeypatch):
    monkeypatch.setattr(OUT, "width", 80)
    _, out, _ = compare(*(keep_run(tmp_path, seed=seed) for seed in (0, 1)))
    assert out.count("Exits") == 2
    assert "…" not in out.partition("Exits")[2]


def test_one_run_twice(compare, tmp_path):
    run = keep_run(tmp_path)
    assert compare(run, run)[:2] == (0, f"both are the same run, {run.path.name}: there is nothing to compare")


def test_the_same_spec_in_two_places(compare, tmp_path):
    status, out, _ = compare(keep_run(tmp_path / "here"), keep_run(tmp_path / "there", device="cuda"))
    assert status == 0
    assert "Both are the same run: every field of their specs is equal." in out
    assert "device cpu | cuda" in out
    assert "1.000" in out


def test_without_tables_the_way_to_get_them_is_told(compare, tmp_path):
    first, second = (keep_run(tmp_path, seed=seed, tables=False) for seed in (0, 1))
    status, out, _ = compare(first, second)
    assert status == 0
    assert "All tested from the recorded intervals" in out
    assert "makes its tables again" in out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fingerprint": "cd" * 32}, "on different data"),
        ({"evaluation": EvaluationSpec(ap="trapezoid")}, "AP trapezoid"),
        ({"evaluation": EvaluationSpec(signals="protocol")}, "signals protocol"),
        ({"scored": False}, "has no results"),
    ],
)
def test_what_measures_different_things_is_not_compared(compare, tmp_path, change, message):
    first, second = keep_run(tmp_path), keep_run(tmp_path, seed=1, **change)
    status, out, err = compare(first, second)
    assert status == 1
    assert message in err
    assert "seed │ 0 │ 1" in out
    status, out, err = compare(first, second, "--spec")
    assert (status, err) == (0, "")
    assert "results are not compared" in out
    assert message in out


@pytest.mark.parametrize(("other", "message"), [({"batch": 16}, "batch 16"), ({"backend": "openvino"}, "openvino")])
def test_milliseconds_of_another_batch_or_engine_are_not_compared(compare, tmp_path, other, message):
    cost = {"name": "milliseconds", "unit": "milliseconds", "machine": "a machine", "backend": "torch", "batch": 1}
    first, second = (
        keep_run(tmp_path, seed=seed, change=lambda header, records, cost=own: header.update(cost=cost))
        for seed, own in enumerate((cost, cost | other))
    )
    status, _, err = compare(first, second)
    assert status == 1
    assert "budgets in milliseconds, a machine, torch, batch 1 and" in err
    assert message in err


def test_the_spec_alone(compare, tmp_path):
    status, out, _ = compare(keep_run(tmp_path), keep_run(tmp_path, seed=1), "--spec")
    assert status == 0
    assert "seed │ 0 │ 1" in out
    assert "Exits" not in out


def test_no_policies_in_common(compare, tmp_path):
    first = keep_run(tmp_path)
    _, out, _ = compare(first, keep_run(tmp_path, seed=1, policies=("qs",)))
    assert "none was swept in all" in out
    _, out, _ = compare(first, keep_run(tmp_path, seed=2, macs=MACS + 100e6))
    assert "do not overlap" in out
    single = keep_run(tmp_path, seed=3, table=same_queries(3, exits=1), policies=())
    _, out, _ = compare(first, single)
    assert "exit 4 | exit 1 │ 66.0 M │ 20.0 M" in out
    assert "one exit" in out


def test_other_views_of_the_images_are_told(compare, tmp_path):
    status, out, _ = compare(
        keep_run(tmp_path), keep_run(tmp_path, seed=1, evaluation=EvaluationSpec(views="ten-crop"))
    )
    assert status == 0
    assert "evaluated: views centre | ten-crop" in out


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """Three seeds of two setups, of which the second scores worse."""
    results = tmp_path_factory.mktemp("seeds")
    for seed in range(3):
        worse = same_queries(seed)
        worse.outcomes.average_precision[:] *= 0.6
        keep_run(results, seed=seed)
        keep_run(results, "dare", seed=seed, table=worse)
    return results


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("hashreid-demo", "dare-demo"),
        ("hashreid-demo-seed*", "dare*"),
        ("hashreid", "dare-demo-seed0, dare-demo-seed1,dare-demo-seed2"),
    ],
)
def test_all_seeds_of_two_setups(bench, seeds, first, second):
    status, out, err = bench("compare", first, second, "--results", seeds)
    out = " ".join(out.split())
    assert (status, err) == (0, "")
    assert out.count("A ") >= 3
    for words in (
        "method │ hashreid │ dare",
        "means over the seeds",
        "over test people and 3 seeds of each side",
        "mAP: A is ahead at exit 1",
    ):
        assert words in out, words
    assert "seed │" not in out


def test_two_seeds_are_told_to_be_few(bench, seeds):
    told = "Two seeds say little of how much seeds differ"
    sides = [",".join(f"{method}-demo-seed{seed}" for seed in (0, 1)) for method in ("hashreid", "dare")]
    assert told in bench("compare", *sides, "--results", seeds)[1]
    assert told not in bench("compare", "hashreid-demo", "dare-demo", "--results", seeds)[1]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("hashreid-demo", "dare-demo-seed0,dare-demo-seed1", "different seeds, 0, 1, 2 and 0, 1"),
        ("seed0", "dare-demo", "differ by their seed alone; dare-demo-seed0"),
        ("hashreid-demo", "hashreid-demo-seed0,hashreid-demo-seed1", "stands on both sides"),
        ("hashreid-demo", "nothing*", "no run 'nothing*'"),
        (",", "dare", "is given an empty value"),
    ],
)
def test_sides_that_cannot_be_compared(bench, seeds, first, second, message):
    status, _, err = bench("compare", first, second, "--results", seeds)
    assert status == 1
    assert message in " ".join(err.split())
    assert "Traceback" not in err


def test_one_seed_twice_is_no_side(bench, seeds, tmp_path):
    keep_run(tmp_path, "dare")
    again = next(tmp_path.glob("runs/*/*"))
    status, _, err = bench("compare", f"dare-demo-seed0,{again}", "hashreid-demo", "--results", seeds)
    assert status == 1
    assert "each seed once" in " ".join(err.split())
