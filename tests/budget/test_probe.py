"""A policy that gives no number is named, with what it met, before anything is trained."""

import re

import numpy as np
import pytest
from invented import invented_table
from notes import Notes

import bench
from bench import registry
from bench.budget.policy import Evidence, LearnedPolicy, Policy
from bench.budget.probe import check_before_training, check_policy, edge_cases
from bench.budget.sweep import sweep
from bench.errors import BenchError
from bench.running.readying import Fitting, make_ready
from bench.runs.folder import RunFolder
from bench.spec import SweepSpec


def ratio(signals, generator):
    """Divides without a thought for duplicates."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return signals.nearest_distances[:, :, 1] / signals.nearest_distances[:, :, 0]


RATIO = Policy("ratio", "", "", ratio)


def test_a_ratio_of_nothing_to_nothing_is_found_before_training():
    with pytest.raises(BenchError, match=r"policy ratio gives NaN.*nearest distances are 0 and 0.*np\.divide"):
        check_before_training(RATIO)


def test_another_shape_is_found():
    flat = Policy("flat", "", "", lambda signals, generator: signals.identity_margin[:, 0])
    with pytest.raises(BenchError, match=r"policy flat gives confidences of shape \(5,\), expected .* \(5, 3\)"):
        check_policy(flat, edge_cases())


def test_what_is_no_number_is_found():
    texts = Policy("texts", "", "", lambda signals, generator: "sure")
    with pytest.raises(BenchError, match="policy texts gives confidences that are no numbers"):
        check_policy(texts, edge_cases())


@pytest.mark.parametrize("name", registry.names("policy"))
def test_the_policies_here_give_numbers_for_what_a_gallery_may_look_like(name):
    policy = registry.policy(name)
    if isinstance(policy, Policy):
        check_before_training(policy)
        if policy.applies(edge_cases()):
            check_policy(policy, edge_cases())


def test_what_cannot_be_judged_here_is_not():
    def wants_four_exits(signals, generator):
        return signals.identity_margin[:, 3]

    check_before_training(Policy("four", "", "", wants_four_exits))


def test_a_sweep_names_the_policy():
    table = invented_table(queries=30)
    table.signals.nearest_distances[7, 1] = 0
    with pytest.raises(BenchError, match="ratio gives NaN as the confidence of 1 decisions, the first for query 7"):
        sweep(table, np.array([1.0, 2, 3, 4]), SweepSpec(("ratio",), budgets=3, resamples=5), [RATIO])


def test_a_policy_that_fails_is_named_with_its_line():
    def fails(signals, generator):
        return {}["nothing of that name"]

    table = invented_table(queries=30)
    with pytest.raises(BenchError, match=r"policy broken failed \(KeyError: 'nothing.*test_probe.py, line \d+; mend"):
        sweep(table, np.array([1.0, 2, 3, 4]), SweepSpec(("broken",), budgets=3), [Policy("broken", "", "", fails)])


def test_a_policy_that_fails_is_left_out_where_it_was_not_named(tmp_path):
    def fails(signals, generator):
        return {}["nothing of that name"]

    table = invented_table(queries=30)
    notes = Notes()
    fitting = Fitting(RunFolder(tmp_path), "0" * 64, seed=0, of="it", reporter=notes, lacking={})
    policies = [Policy("broken", "", "", fails), registry.policy("gs")]
    found = make_ready(fitting, policies, table, Evidence(None, None), leave_out=True)
    assert [policy.name for policy in found.policies] == ["gs"]
    assert "policy broken failed (KeyError" in found.left_out["broken"]
    assert any("policy broken left out" in note for note in notes.said)


def learning(fit, load=lambda parameters: registry.policy("gs")):
    return LearnedPolicy("learner", "", "", "calibration", fit, load, lambda dims, classes, features: [0] * len(dims))


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (
            learning(lambda evidence, generator: {}["a column"]),
            r"failed \(KeyError: 'a column'\) in .*test_probe.py, line",
        ),
        (learning(lambda evidence, generator: None), "was fitted to NoneType, expected arrays"),
        (learning(lambda evidence, generator: {"model": object()}), "was fitted to dict, expected arrays"),
        (learning(lambda evidence, generator: {"ragged": [[1], [1, 2]]}), r"failed \(ValueError: setting an array"),
        (
            learning(lambda evidence, generator: {}, lambda parameters: parameters["slope"]),
            r"failed \(KeyError: 'slope'\)",
        ),
    ],
)
def test_a_policy_that_cannot_be_fitted_is_named_and_the_others_go_on(tmp_path, policy, message):
    table = invented_table(queries=30)
    notes = Notes()
    fitting = Fitting(RunFolder(tmp_path), "0" * 64, seed=0, of="it", reporter=notes, lacking={})
    wanted = [policy, registry.policy("gs")]
    found = make_ready(fitting, wanted, table, Evidence(table), leave_out=True)
    assert [one.name for one in found.policies] == ["gs"]
    assert re.search(f"policy learner {message}", found.left_out["learner"])
    assert any("policy learner left out" in note for note in notes.said)
    with pytest.raises(BenchError, match=f"policy learner {message}"):
        make_ready(fitting, wanted, table, Evidence(table), leave_out=False)
    with pytest.raises(BenchError, match=f"policy learner {message}"):
        bench.sweep(table, policies=[policy], costs=[1, 2, 3, 4], calibration=table)


def test_a_policy_that_was_fitted_and_fails_is_left_out_where_it_was_not_named(tmp_path):
    def fails(signals, generator):
        return {}["nothing of that name"]

    table = invented_table(queries=30)
    fitting = Fitting(RunFolder(tmp_path), "0" * 64, seed=0, of="it", reporter=Notes(), lacking={})
    learner = learning(lambda evidence, generator: {}, lambda parameters: Policy("learner", "", "", fails))
    found = make_ready(fitting, [learner, registry.policy("gs")], table, Evidence(table), leave_out=True)
    assert [policy.name for policy in found.policies] == ["gs"]
    assert "policy learner failed (KeyError" in found.left_out["learner"]
    assert "learner" not in found.reports
    # Asked for by its name, it is an error of the sweep.
    (ready,) = make_ready(fitting, [learner], table, Evidence(table), leave_out=False).policies
    with pytest.raises(BenchError, match="policy learner failed"):
        sweep(table, np.array([1.0, 2, 3, 4]), SweepSpec(("learner",), budgets=3), [ready])


def test_a_run_is_refused_before_anything_is_done(smoke_request, monkeypatch):
    monkeypatch.setattr(registry, "policy", lambda name: RATIO)
    with pytest.raises(BenchError, match="policy ratio"):
        smoke_request(sweep=SweepSpec(("ratio",))).policies()
    # Where the user named none, the others go on, and it is left out with a note.
    assert smoke_request(sweep=SweepSpec(("ratio",)), leave_out=True).policies() == [RATIO]
