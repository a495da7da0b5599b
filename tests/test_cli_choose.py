"""``bench choose`` on kept runs."""

import json

import pytest
from kept import MACS, keep_run, same_queries

from bench.cli.choose import _conclusions

POLICIES = ("gs", "stability")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Give a folder with two runs of the same people."""
    folder = tmp_path_factory.mktemp("results")
    for at, (method, factor) in enumerate([("hashreid", 1.0), ("msdnet", 0.7)]):
        tables = {"table": same_queries(at), "held_out": same_queries(9 + at)}
        keep_run(folder, method, macs=factor * MACS, policies=POLICIES, **tables)
    return folder


@pytest.fixture
def choose(bench, results):
    """Choose among them: status, standard output in one line, standard error in one line."""

    def choose_(*options, folder=results):
        status, out, err = bench("choose", *options, "--results", folder)
        assert "Traceback" not in err
        return status, out if "--json" in options else " ".join(out.split()), " ".join(err.split())

    return choose_


def test_within_a_budget(choose):
    status, out, err = choose("--budget", "50M", "--policies", "gs,stability")
    assert (status, err) == (0, "")
    for words in ("The most accurate within 50.0 M MACs", "hashreid-demo-seed0", "msdnet-demo-seed0", "Choice: "):
        assert words in out, words
    _, out, _ = choose("--budget", "50M", "--policies", "gs,stability", "--json")
    found = json.loads(out)
    assert found["asked"] == {"budget": 5e7, "loss": None, "metric": "mAP", "confidence": None}
    assert (len(found["rows"]), found["curves"], found["without"]) == (2, 6, [])
    assert all(row["held_out"]["cost"] <= 5e7 for row in found["rows"])


def test_for_a_loss(choose):
    status, out, err = choose("hashreid", "--loss", "30", "--metric", "rank-1", "--confidence", "80")
    assert (status, err) == (0, "")
    for words in ("loses at most 30 points of rank-1", "with 80 % confidence over all 2 curves", "saves", "≤"):
        assert words in out, words
    assert "msdnet" not in out
    assert "loses at most 1 point of mAP" in choose("hashreid", "--loss", "1")[1]


def test_one_curve_shares_its_confidence_with_none(choose):
    _, out, _ = choose("hashreid", "--loss", "30", "--policies", "ets")
    assert "what is lost at most, with 95 % confidence. Chosen on" in out


def told(cost, behind, **point):
    test = {"cost": cost, "score": 0.5, "behind": behind, "behind_low": behind - 0.01, "behind_high": behind + 0.02}
    chosen = {"run": "mine-seed0", "has_network": True, "policy": "gs", "a": 0.5312, "exit": None, "test": test}
    return chosen | point


def test_the_conclusion_has_the_command_and_what_the_test_queries_say():
    asked = {"budget": 50.0, "loss": None}
    other = told(40.0, -0.015, run="other-seed0", policy=None, a=None, exit="exit 2")
    assert list(_conclusions({"asked": asked, "rows": [told(51.0, 0.0), other], "without": ["dear-seed0"]}, "")) == [
        "Choice: gs, a = 0.5312, of mine-seed0.",
        "On the test queries it costs 2.0 % more than the budget: other people set thresholds.",
        "On the test queries everybody at exit 2 of other-seed0 is ahead of it by 1.5 points [-0.5, 2.5].",
        "Nothing of dear-seed0 is within the budget.",
        "Run it: bench infer mine-seed0 --policy gs --a 0.5312",
    ]
    assert list(
        _conclusions({"asked": asked, "rows": [other | told(40.0, 0.0, policy=None, exit="exit 2")], "without": []}, "")
    ) == [
        "Choice: everybody at exit 2, of mine-seed0.",
    ]
    of_a_file = told(40.0, 0.0, has_network=False)
    assert list(_conclusions({"asked": asked, "rows": [of_a_file], "without": []}, "")) == [
        "Choice: gs, a = 0.5312, of mine-seed0.",
    ]
    behind = told(45.0, 0.01, run="last-seed0")
    said = list(_conclusions({"asked": asked, "rows": [told(45.0, 0.0), behind], "without": []}, " --results R"))
    assert said[1] == "On the test queries no other row is ahead of it."
    assert said[2] == "Run it: bench infer mine-seed0 --policy gs --a 0.5312 --results R"


@pytest.mark.parametrize(("lost", "kept"), [(0.008, "within"), (0.012, "beyond")])
def test_a_loss_is_held_against_what_was_allowed(lost, kept):
    found = {"asked": {"budget": None, "loss": 0.01}, "rows": [told(60.0, lost)], "without": []}
    found["held_out"] = {"people": 29}
    found["reference"] = {"test": {"cost": 80.0}}
    _, said, remark, _ = _conclusions(found, "")
    assert remark.startswith("Only 29 held-out people")
    assert f"points, {kept} the 1 allowed, and saves 25.0 % of what the reference costs" in said


def test_nothing_within_the_budget(choose):
    status, out, err = choose("--budget", "1k")
    assert (status, out) == (1, "")
    assert "nothing is within a budget of 1,000 multiply-adds: the cheapest is exit 1 of msdnet-demo-seed0" in err


def test_runs_without_results_are_left_out(choose, tmp_path):
    began = keep_run(tmp_path, scored=False)
    status, _, err = choose("--budget", "1G", folder=tmp_path)
    assert status == 1
    assert "no run that is meant has results yet" in err
    keep_run(tmp_path, "msdnet")
    status, out, err = choose("--budget", "1G", folder=tmp_path)
    assert status == 0
    assert f"remark: {began.path.name}: left out, for it has no results yet" in err
    assert "msdnet-demo" in out


def test_a_policy_that_cannot_decide_is_told_of(choose):
    status, _, err = choose("hashreid", "--budget", "1G", "--policies", "gs,learned")
    assert status == 0
    assert "learned left out:" in err
    assert "bench run --budget-sweep --policies learned makes it" in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "give --budget, or --loss"),
        (("--budget", "60X"), "--budget takes a number, as 60e6 or 60M"),
        (("--budget", "60M", "--confidence", "90"), "--confidence is that of a --loss"),
        (("--loss", "1", "--confidence", "100"), "below 100 %"),
        (("nobody", "--loss", "1"), "no run 'nobody'"),
        (("--budget", "60M", "--cost", "milliseconds"), "no results with --cost milliseconds"),
    ],
)
def test_mistakes_are_told_in_a_line(choose, options, said):
    status, out, err = choose(*options)
    assert (status, out) == (1, "")
    assert said in err
