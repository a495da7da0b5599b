"""What the engine does is what the sweep says: decision for decision, code for code, metric for metric."""

import numpy as np
import pytest
import torch
from multi_exit import BUDGETS, ENGINE_METHODS, MULTI_EXIT

from bench import registry
from bench.budget.distribution import conditional_exit, exit_distribution
from bench.budget.query_scores import METRICS, per_query_scores
from bench.budget.sweep import policy_costs
from bench.budget.thresholding.calibrated import calibrate
from bench.budget.thresholds import stream_exits, threshold_exits
from bench.data.augmentation import normalise
from bench.device import DeviceImages
from bench.inference.answers import Answers
from bench.inference.backends.by_name import open_backend
from bench.inference.export.trained import read_trained
from bench.inference.export.write import write_export
from bench.inference.inputs import Inputs
from bench.running.stages import obtain_ledger

POLICIES = registry.names("policy")
THRESHOLDINGS = [name for name in registry.names("thresholding") if not registry.thresholding(name).transductive]
SHARES = np.linspace(0, 1, BUDGETS)
BATCHES = (1, 8, 32)


def order_of(deployed, thresholding):
    """The order in which the sweep's first stream sees the queries."""
    count = len(deployed.table)
    if thresholding == "stream":
        return np.random.default_rng([deployed.seed, 3, 0]).permutation(count)
    return np.arange(count)


def simulated(deployed, budget, thresholding, order):
    """Exits (N,) as the sweep finds them, in the order of the stream."""
    confidence = deployed.policy.confidence(deployed.table.signals, np.random.default_rng([deployed.seed, 1]))[order]
    q = conditional_exit(exit_distribution(budget.a, len(deployed.costs)))
    if thresholding == "stream":
        return stream_exits(confidence, q)
    held_out = deployed.policy.confidence(deployed.calibration.signals, np.random.default_rng([deployed.seed, 2]))
    return threshold_exits(confidence, calibrate(held_out, q))


def run_engine(engine, inputs, deployed, order, batch, rebatch=False):
    camids = deployed.table.signals.query_camids
    parts = [order[first : first + batch] for first in range(0, len(order), batch)]
    engine.restart()
    if rebatch:
        return engine.answer_all((inputs[rows] for rows in parts), camids[order], order, batch=batch)
    return Answers.joined([engine.answer(inputs[rows], camids[rows], rows) for rows in parts])


@pytest.mark.parametrize("thresholding", THRESHOLDINGS)
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("method", ENGINE_METHODS)
def test_on_the_codes_of_the_table_nothing_differs(deployed_of, context_of, finished, method, policy, thresholding):
    deployed = deployed_of(method, policy)
    _, records = finished(method)
    wanted = {"kind": "policy", "policy": policy, "thresholding": thresholding}
    points = [record for record in records if wanted.items() <= record.items()]
    order = order_of(deployed, thresholding)
    scores = per_query_scores(deployed.table.outcomes)[order]
    signals = deployed.table.signals
    prices = registry.cost("matching").prices(obtain_ledger(context_of(method), deployed.network), None)
    with_matching = policy_costs(deployed.policy, signals, prices.ladder, search=prices.search)
    turn = POLICIES.index(policy) + MULTI_EXIT.index(method)
    for share, record in zip(SHARES, points, strict=True):
        turn += 1
        budget = deployed.budget(share)
        assert budget.requested_macs == pytest.approx(record["requested_cost"], rel=1e-9)
        expected = simulated(deployed, budget, thresholding, order)
        engine = deployed.engine(deployed.replay(), deployed.decider(budget, thresholding))
        # Half of the way in batches of every size, one by one too, where some leave at every exit; at other budgets in
        # one of the larger, which differs from policy to policy, and is the largest at both ends, where all queries
        # leave at one exit.
        one = BATCHES[-1] if share in (0, 1) else BATCHES[1 + turn % 2]
        asked = [(batch, False) for batch in BATCHES] + [(8, True)] if share == 0.5 else [(one, False)]
        for batch, rebatch in asked:
            answers = run_engine(engine, np.arange(len(order)), deployed, order, batch, rebatch)
            assert np.array_equal(answers.exits, expected)
            at = (order, answers.exits)
            assert np.array_equal(answers.indices, signals.nearest_indices[at])
            assert np.array_equal(answers.distances, signals.nearest_distances[at])
            means = scores[np.arange(len(order)), answers.exits]
            in_table_order = np.empty_like(means)
            in_table_order[order] = means
            for column, metric in enumerate(METRICS):
                assert in_table_order.mean(axis=0)[column] == record[metric]
            assert answers.macs[np.argsort(order)].mean() == record["realised_cost"]
            assert answers.fractions.tolist() == record["exit_fractions"]
            # Who decides by neighbours looks at every exit that a query reaches; the others where it leaves.
            reached = [int((expected >= index).sum()) for index in range(len(deployed.costs))]
            left = np.bincount(expected, minlength=len(deployed.costs)).tolist()
            assert answers.searches.tolist() == (left if policy in ("random", "entropy") else reached)
            spent = answers.macs.mean() + answers.searches @ prices.search / len(order)
            assert spent == pytest.approx(with_matching[expected].mean(), rel=1e-12)


@pytest.mark.parametrize("policy", ["ets", "ets+gs"])
def test_policies_that_read_features_decide_alike_on_exported_graphs(
    deployed_of, context_of, traced_once, tmp_path, policy
):
    pytest.importorskip("onnxscript", reason="exporting needs the extra export")
    deployed, context = deployed_of("hashreid", policy), context_of("hashreid")
    write_export(read_trained(context.folder), tmp_path)
    inputs = Inputs.of_store(context.stores.query, deployed.rows, context.spec.recipe.input_size)
    order = np.arange(len(deployed.table))
    images = inputs.prepared(order)
    opened = [open_backend("torch", deployed.network), open_backend("onnxruntime", tmp_path, device="cpu")]
    left = set()
    for share in SHARES:
        budget = deployed.budget(share)
        engines = [deployed.engine(backend, deployed.decider(budget, "calibrated")) for backend in opened]
        torch_exits, graph_exits = (run_engine(engine, images, deployed, order, 8).exits for engine in engines)
        assert np.array_equal(graph_exits, torch_exits)
        left |= set(torch_exits.tolist())
    assert len(left) > 1, "some queries leave early, and some go on"


@pytest.mark.parametrize("method", ENGINE_METHODS)
def test_from_images_the_codes_are_those_of_the_table(deployed_of, context_of, method):
    """In PyTorch itself, in batches as they were embedded; a batch of another size may round otherwise.

    Every way to batch with every policy, and with every thresholding.
    """
    context = context_of(method)
    for number, policy in enumerate(("gs", "ets")):
        deployed = deployed_of(method, policy)
        images = DeviceImages(context.stores.query, context.fabric, context.spec.recipe.input_size)
        inputs = normalise(images.views(torch.from_numpy(deployed.rows))[0]).numpy()
        backend = open_backend("torch", deployed.network)
        for turn, thresholding in enumerate(THRESHOLDINGS, start=number):
            order = order_of(deployed, thresholding)
            budget = deployed.budget(0.5)
            expected = simulated(deployed, budget, thresholding, order)
            engine = deployed.engine(backend, deployed.decider(budget, thresholding))
            ways = ((1, False), (8, False), (32, False), (len(order), False), (8, True))
            for batch, rebatch in ways[turn % 2 :: 2]:
                answers = run_engine(engine, inputs, deployed, order, batch, rebatch)
                for index, spec in enumerate(backend.exits):
                    kept = deployed.query_codes[index][order[answers.exits == index]]
                    if spec.code == "binary":
                        assert np.array_equal(answers.codes[index], kept)
                    else:
                        np.testing.assert_allclose(answers.codes[index], kept, rtol=1e-4, atol=1e-5)
                assert np.array_equal(answers.exits, expected)
