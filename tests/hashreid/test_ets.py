from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from invented import FEATURES, invented_evidence, invented_table, with_features
from sklearn.metrics import roc_auc_score

from bench import registry
from bench.budget.exit_decisions import decision_records
from bench.budget.policy import TrainingStatistics
from bench.cost.macs import module_work
from bench.errors import BenchError
from hashreid.ets import ETS, ETS_GS, HIDDEN, READ, class_counts, fit, probability_function
from hashreid.exit_classes import EASY, HARD, SKIP, UNLABELLED, exit_classes
from hashreid.exit_classifier import ClassifierSettings, ExitClassifier, class_probabilities, train_classifier

GENERATOR = np.random.default_rng(0)


def retrieval_history(*rows):
    return np.array([[int(mark) if mark != "-" else -1 for mark in row] for row in rows], dtype=np.int8).T


@pytest.mark.parametrize(
    ("course", "expected"),
    [
        ("0011111111", EASY),  # the paper's easy example: one flip
        ("0011000011", HARD),  # the paper's hard example: three flips
        ("1111111111", EASY),
        ("0000000000", HARD),  # never right, never flips: the paper does not say
        ("1111111110", HARD),  # wrong in the end
        ("1100000011", EASY),  # two flips
        ("1010101111", HARD),  # six flips
        ("0101010111", SKIP),  # seven flips
        ("0101010100", SKIP),  # eight flips
        ("0101010101", SKIP),
        ("----------", UNLABELLED),
    ],
)
def test_classes_by_hand(course, expected):
    assert exit_classes(retrieval_history(course)).tolist() == [expected]


def test_never_right_is_skip_in_the_other_reading():
    courses = ("0000000000", "1111111110", "0000000001", "----------", "0101010101")
    history = retrieval_history(*courses)
    assert exit_classes(history, "skip").tolist() == [SKIP, HARD, EASY, UNLABELLED, SKIP]
    assert exit_classes(history).tolist() == [HARD, HARD, EASY, UNLABELLED, SKIP]


def test_few_ticks_cannot_flip_often():
    assert exit_classes(retrieval_history("01", "10", "11")).tolist() == [EASY, HARD, EASY]


@pytest.fixture(scope="module")
def parameters():
    return fit(invented_evidence(images=600), np.random.default_rng(0))


@pytest.mark.long
def test_the_classifier_learns_who_is_easy(parameters):
    table = with_features(invented_table())
    found = probability_function(parameters)(table.signals)
    assert found.sum(axis=1) == pytest.approx(1)
    assert roc_auc_score(table.outcomes.hits[:, 0, 0], found[:, EASY]) > 0.9


def test_counts_of_the_classes_are_reported(parameters):
    counts = class_counts(parameters)
    assert sum(counts.values()) == 600
    classes = exit_classes(invented_evidence(images=600).training.retrieval_history)
    assert counts["hard training images"] == (classes == HARD).sum()


def test_the_policies_are_what_they_say(parameters):
    signals = with_features(invented_table()).signals
    ets, both = ETS.load(parameters), ETS_GS.load(parameters)
    found = probability_function(parameters)(signals)
    leaving = found[:, EASY] + found[:, SKIP]
    one, other = ets.confidence(signals, GENERATOR), both.confidence(signals, GENERATOR)
    assert np.array_equal(one[:, 0], leaving)
    assert np.array_equal(one[:, 1:], signals.identity_margin[:, 1:])
    assert np.array_equal(other[:, 1:], signals.identity_margin[:, 1:])
    # Queries that ETS lets go stand before all that it keeps, and within both the wider margin comes first.
    assert other[leaving >= 0.5, 0].min() >= both.least_threshold > other[leaving < 0.5, 0].max()
    margin = signals.identity_margin[:, 0]
    for part in (leaving >= 0.5, leaving < 0.5):
        assert (np.diff(other[part, 0][np.argsort(margin[part], kind="stable")]) >= 0).all()


def test_classes_and_exits_tell_the_same(parameters):
    """A query counts as hard exactly where ETS keeps it, also where the likeliest of three classes is another."""
    signals = with_features(invented_table()).signals
    ets = ETS.load(parameters)
    found = probability_function(parameters)(signals)
    names, classes = ets.sorts(signals)
    assert list(names) == ["easy", "skip", "hard"]
    assert np.array_equal(classes == HARD, ets.confidence(signals, GENERATOR)[:, 0] < ets.own_threshold)
    kept = classes != HARD
    assert np.array_equal(classes[kept], np.where(found[kept, SKIP] > found[kept, EASY], SKIP, EASY))
    assert np.array_equal(ets.gives_up(signals), classes == SKIP)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(0, 10_000), st.sampled_from([0.02, 0.5, 0.98]))
def test_ets_and_gs_lets_nobody_go_whom_ets_keeps(parameters, seed, other, right):
    """An AND: its wrong exits, and its exits, are at most those of ETS alone, whatever the held-out identities say."""
    table, held_out = (with_features(invented_table(seed=number, queries=60, people=20)) for number in (seed, other))
    hits = np.repeat((np.random.default_rng(other).random((60, 4, 1)) < right).astype(float), 3, axis=2)
    held_out = replace(held_out, outcomes=replace(held_out.outcomes, hits=hits))
    alone, both = decision_records([ETS.load(parameters), ETS_GS.load(parameters)], table, held_out, 30, 0)
    assert both["incorrect"] <= alone["incorrect"]
    assert both["left"] <= alone["left"]


def test_queries_that_are_given_up_are_scored_apart(parameters):
    table = with_features(invented_table())
    ets = replace(ETS.load(parameters), gives_up=lambda signals: np.arange(len(table)) < 100)
    (record,) = decision_records([ets], table, table, 2, 0)
    hits = table.outcomes.hits[:, :, 0]
    gone = (ets.confidence(table.signals, GENERATOR)[:, 0] >= 0.5)[:100]
    assert record["given_up"] == gone.sum() > 0
    assert record["given_up_correct"] == hits[:100][gone, 0].sum()
    assert record["given_up_rightly"] == (hits[:100][gone].max(axis=1) == 0).sum()


def test_classes_are_weighted_in_one_reading_alone():
    """Without weights a rare class keeps its frequency; with them it is as likely as the common one."""
    generator = np.random.default_rng(0)
    labels = np.where(np.arange(600) < 30, SKIP, EASY)
    features = generator.normal(size=(600, FEATURES)).astype(np.float16)
    neighbours = generator.integers(0, 600, (600, READ - 1))
    found = {}
    for weights in ("none", "inverse"):
        chosen = ClassifierSettings(epochs=6, batch_size=64, learning_rate=1e-2, dropout=0.0, class_weights=weights)
        classifier = train_classifier(features, neighbours, labels, 8, 0, chosen)
        found[weights] = class_probabilities(classifier.double(), features, features, neighbours)[:, SKIP].mean()
    assert found["none"] < 0.15 < 0.35 < found["inverse"]


def test_readings_are_policies_of_their_own():
    default, weighted, skipped = (registry.policy(name) for name in ("ets", "ets:inverse", "ets+gs:never-skip"))
    assert (default.version, default.file_name) == (2, "ets-v2")
    assert (weighted.name, weighted.file_name) == ("ets:inverse", "ets-inverse-v1")
    assert (skipped.name, skipped.file_name) == ("ets+gs:never-skip", "ets-never-skip-v1")
    with pytest.raises(BenchError, match="did you mean 'inverse'"):
        registry.policy("ets:invers")
    evidence = invented_evidence(images=120)
    never = evidence.training.retrieval_history.copy()
    never[:, :7] = 0
    fitted = skipped.fit(
        replace(evidence, training=replace(evidence.training, retrieval_history=never)), np.random.default_rng(0)
    )
    assert fitted["class_counts"][SKIP] >= 7
    assert skipped.load(fitted).name == "ets+gs:never-skip"


def test_order_of_the_images_matters_and_missing_ones_do_not_break_it(parameters):
    signals = with_features(invented_table()).signals
    unmatched = replace(signals, nearest_indices=np.full_like(signals.nearest_indices, -1))
    assert np.isfinite(probability_function(parameters)(unmatched)).all()
    turned = replace(signals, nearest_indices=signals.nearest_indices[:, :, ::-1])
    assert not np.allclose(probability_function(parameters)(signals), probability_function(parameters)(turned))


def test_four_matches_of_the_first_exit_are_read_and_no_others(parameters):
    signals = with_features(invented_table()).signals
    found = probability_function(parameters)(signals)
    changed = signals.nearest_indices.copy()
    changed[:, 0, 4] = 0
    changed[:, 1:] = 0
    assert np.array_equal(found, probability_function(parameters)(replace(signals, nearest_indices=changed)))
    for match in range(4):
        changed = signals.nearest_indices.copy()
        changed[:, 0, match] = -1
        assert not np.allclose(found, probability_function(parameters)(replace(signals, nearest_indices=changed)))


def test_a_rectifier_stands_before_the_last_layer():
    """HashReID, section 3.4: recurrent layers, then ReLU, then three outputs."""
    classifier = ExitClassifier(FEATURES, HIDDEN).eval()
    sequences = torch.from_numpy(np.random.default_rng(0).normal(size=(8, READ, FEATURES)).astype(np.float32))
    read = []
    classifier.classify.register_forward_pre_hook(lambda _, entering: read.append(entering[0]))
    last = classifier.recurrent(sequences)[1][-1]
    classifier(sequences)
    assert (last < 0).any()
    assert torch.equal(read[0], last.clamp(min=0))


@pytest.mark.parametrize("features", [FEATURES, 1024])
def test_its_multiply_adds_are_those_that_are_counted(features):
    classifier = ExitClassifier(features, HIDDEN).eval()
    counted = module_work(classifier, torch.zeros(1, READ, features)).macs
    assert list(ETS.macs(np.array([256, 256, 1024, 2048]), 751, features)) == [counted, 0, 0, 0]


def test_training_that_left_one_class_alone_is_told():
    evidence = invented_evidence()
    statistics = evidence.training
    easy = TrainingStatistics(np.ones_like(statistics.retrieval_history), statistics.features, statistics.neighbours)
    with pytest.raises(BenchError, match="300 easy, 0 skip and 0 hard"):
        fit(replace(evidence, training=easy), GENERATOR)


def test_signals_without_features_are_told(parameters):
    with pytest.raises(BenchError, match="features of the first exit"):
        ETS.load(parameters).confidence(invented_table().signals, GENERATOR)


def test_unlabelled_images_teach_nothing():
    evidence = invented_evidence()
    unlabelled = evidence.training.retrieval_history.copy()
    unlabelled[:, ::3] = -1
    one = fit(
        replace(evidence, training=replace(evidence.training, retrieval_history=unlabelled)), np.random.default_rng(0)
    )
    assert sum(class_counts(one).values()) == 200
