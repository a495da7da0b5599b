"""What callers of the Python API pass: what is taken, and what a wrong type or name is told."""

import numpy as np
import pytest
import torch
from brought import ABOUT, brought_arrays
from kept import same_queries

import bench as suite
from bench.budget.policies.gallery_separability import GALLERY_SEPARABILITY
from bench.budget.policy import Policy

FEW = {"budgets": 3, "shuffles": 2, "resamples": 20}
COSTS = [1.0, 2.0, 3.0, 4.0]


def unregistered(name):
    return Policy(name, "", "", lambda signals, generator: -signals.identity_margin)


@pytest.mark.parametrize("kind", [np.ndarray.tolist, torch.from_numpy])
def test_lists_and_tensors_are_scored_as_arrays(tmp_path, kind):
    arrays = {name: values for name, values in brought_arrays().items() if values.dtype != np.float32}
    floats = {name: values.astype(np.float64) for name, values in brought_arrays().items() if name not in arrays}
    scored = [
        suite.evaluate(given, ABOUT, policies=["gs"], results=tmp_path, **FEW)
        for given in (arrays | floats, {name: kind(values) for name, values in (arrays | floats).items()})
    ]
    assert scored[0].header["spec"] == scored[1].header["spec"]


def test_names_are_taken_once_and_without_policies_the_exits_alone_are_scored(tmp_path):
    """A policy that is compared with itself would count in Holm's correction."""
    twice = suite.evaluate(
        brought_arrays(), ABOUT, policies=["gs", "gs"], thresholdings=["exact", "exact"], results=tmp_path, **FEW
    )
    assert (len(twice.points), twice.comparisons["other"].tolist()) == (FEW["budgets"], ["interpolation"])
    alone = suite.evaluate(brought_arrays(), ABOUT, policies=[], results=tmp_path)
    assert (len(alone.exits), len(alone.points)) == (2, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"embeddings": [1, 2]}, "embeddings are arrays by name, or the path of their file; found list"),
        ({"embeddings": {"costs": [[1.0], [2.0, 3.0]]}}, "costs cannot be made an array"),
        ({"about": "mine"}, "about is a dict"),
        ({"embeddings": "mine.npz"}, "a file says what it is about itself"),
        ({"policies": "gs"}, r"policies is a list of names, as \['gs'\]"),
        (
            {"policies": [GALLERY_SEPARABILITY]},
            "found Policy in it; bench.sweep takes policies that are not registered",
        ),
        ({"thresholdings": None}, "thresholdings is a list of names"),
        ({"budgets": 2.5}, "budgets is a whole number; found 2.5"),
        ({"a_values": 0.5}, "a_values is a list of numbers; found 0.5"),
        ({"seed": 1.5}, "seed is a whole number; found 1.5"),
        ({"seed": -1}, "a seed is a whole number from 0"),
        ({"name": 3}, "name is one name"),
        ({"results": None}, "results is a path"),
    ],
)
def test_what_evaluate_cannot_take(tmp_path, options, message):
    given = {"embeddings": brought_arrays(), "about": ABOUT, "results": tmp_path, **options}
    with pytest.raises(suite.BenchError, match=message):
        suite.evaluate(given.pop("embeddings"), **given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"of": None}, "a sweep is of a run or of an exit table; found NoneType"),
        ({"policies": []}, "at least one policy"),
        ({"policies": "gs"}, "policies is a list of names and policies"),
        ({"policies": [3]}, "policies are names and policies; found int"),
        ({"policies": ["gs", unregistered("gs")]}, "two policies are called gs"),
        ({"costs": ["low"]}, "costs is a list of numbers"),
        ({"costs": [-1.0, 1.0, 2.0, 3.0]}, "costs are positive"),
        ({"calibration": 3}, "calibration is an exit table of held-out identities; found int"),
    ],
)
def test_what_a_sweep_cannot_take(options, message):
    given = {"of": same_queries(0), "policies": ["gs"], "costs": COSTS, **FEW, **options}
    with pytest.raises(suite.BenchError, match=message):
        suite.sweep(given.pop("of"), **given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": ["hashreid"]}, "method is one name"),
        ({"recipe": "theirs"}, "unknown recipe 'theirs': known: own, shared"),
        ({"views": "ten"}, "unknown views 'ten': did you mean 'ten-crop'"),
        ({"data": ["size=smoke"]}, "data is a dict"),
        ({"data": {"height": 7.5}}, "height"),
        ({"settings": "epochs=1"}, "settings is a dict"),
        ({"seed": "0"}, "seed is a whole number"),
        ({"data_root": 5}, "data_root is a path"),
    ],
)
def test_what_a_run_cannot_take(tmp_path, options, message):
    given = {"method": "hashreid", "preset": "smoke", "results": tmp_path, "cache": tmp_path, **options}
    with pytest.raises(suite.BenchError, match=message):
        suite.run(given.pop("method"), **given)


@pytest.mark.parametrize("options", [{"input_size": 64}, {"input_size": (64.0, 32.0)}, {"at": [1]}])
def test_what_a_network_cannot_be_wrapped_with(options):
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU())
    with pytest.raises(suite.BenchError, match=r"^(input_size is \(height, width\)|at names the submodules)"):
        suite.MultiExit.wrap(network, **{"at": ["1"], "input_size": (64, 32), **options})
