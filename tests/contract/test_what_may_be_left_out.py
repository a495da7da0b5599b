"""Contract tests leave alone what a plug-in need not have, under whatever name it stands."""

from types import SimpleNamespace

import pytest

from bench.budget.policy import Policy
from bench.testing import methods, policies
from bench.testing.invented import invented_table, with_features


def test_a_network_need_not_tell_its_features():
    network = SimpleNamespace(
        start=lambda images: images,
        step=lambda state, exit_index: (state, state),
        first_features=lambda state, embedding: None,
    )
    with pytest.raises(pytest.skip.Exception, match="tells no features"):
        methods.test_the_first_step_tells_the_features_that_training_reads(network, None)


def test_a_policy_may_draw():
    coin = Policy(
        "coin", "", "", lambda signals, generator: generator.random(signals.identity_margin.shape), drawn=True
    )
    with pytest.raises(pytest.skip.Exception, match="draws"):
        policies.test_a_query_is_judged_by_its_own_signals(coin, with_features(invented_table()))
