import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import TEXTS

from bench.errors import BenchError
from bench.settings import override
from bench.spec import SweepSpec, canonical_json, check_seed, digest
from bench.training.recipe import Recipe

OPTIONS = {"backbone": "resnet50", "bits": 256, "ranking_weight": 100.0, "early_exits": True}
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda children: st.lists(children) | st.dictionaries(TEXTS, children),
    max_leaves=12,
)


@settings(max_examples=40)
@given(st.dictionaries(TEXTS, PLAIN, max_size=5))
def test_order_of_names_does_not_matter(values):
    assert digest(values) == digest(dict(reversed(values.items())))


@given(PLAIN, PLAIN)
def test_different_values_have_different_json(one, other):
    import json

    assert (canonical_json(one) == canonical_json(other)) == (
        json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    )


def test_nan_has_no_key():
    with pytest.raises(ValueError, match="Out of range"):
        digest({"a": float("nan")})


def test_overrides_by_name():
    options, recipe = override(
        OPTIONS,
        Recipe(),
        {
            "bits": "128",
            "ranking_weight": "0",
            "early_exits": "false",
            "epochs": "7",
            "optimiser.learning_rate": "1e-2",
            "schedule.milestones": "3,5",
            "input_size": "128x64",
            "augmentation.erase": "0.1",
            "resize": "144x72",
            "schedule.later_betas": "0.5,0.999",
            "augmentation.erase_area": "0.1,0.3",
        },
    )
    assert options == {"backbone": "resnet50", "bits": 128, "ranking_weight": 0.0, "early_exits": False}
    assert (recipe.epochs, recipe.optimiser.learning_rate, recipe.schedule.milestones) == (7, 0.01, (3, 5))
    assert (recipe.input_size, recipe.augmentation.erase) == ((128, 64), 0.1)
    assert (recipe.resize, recipe.stored_size) == ((144, 72), (144, 72))
    assert (recipe.schedule.later_betas, recipe.augmentation.erase_area) == ((0.5, 0.999), (0.1, 0.3))
    assert (Recipe().epochs, Recipe().stored_size) == (100, (256, 128))
    assert OPTIONS["bits"] == 256


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epoch": "3"}, "did you mean 'epochs'"),
        ({"optimiser.learning_rat": "3"}, "did you mean 'optimiser.learning_rate'"),
        ({"epochs": "many"}, "expected int"),
        ({"early_exits": "maybe"}, "expected bool"),
        ({"epochs": "0"}, "at least 1"),
        ({"optimiser.learning_rate": "-1"}, "above 0"),
        ({"optimiser.name": "adamm"}, "did you mean 'adam'"),
        ({"input_size": "128"}, "height and width"),
        ({"epochs": "99999999999999999999"}, "epochs must be at least 1 and at most 100,000"),
        ({"identities_per_batch": "1000000"}, "at least 1 and at most 65,536"),
        ({"batches_per_epoch": "99999999999"}, "at least 0 and at most 10,000,000"),
        ({"optimiser.learning_rate": "1e30"}, "above 0 and at most 1,000"),
        ({"optimiser.momentum": "2"}, "at least 0 and at most 1"),
        ({"optimiser.betas": "0.9,1.5"}, "at least 0 and at most 1"),
        ({"schedule.milestones": "40,99999999999"}, "at least 0 and at most 100,000"),
        ({"schedule.warmup_epochs": "1e9"}, "at least 0 and at most 100,000"),
        ({"augmentation.pad": "100000"}, "at least 0 and at most 8,192"),
        ({"input_size": "99999x128"}, "at least 1 and at most 8,192"),
        ({"ranking_weight": "1e30"}, "from -1,000,000 to 1,000,000"),
    ],
)
def test_impossible_overrides(settings, message):
    with pytest.raises(BenchError, match=message):
        override(OPTIONS, Recipe(), settings)


def test_whole_numbers_stay_whole():
    with pytest.raises(BenchError, match="expected tuple"):
        override({}, Recipe(), {"input_size": "128.5x64"})


@pytest.mark.parametrize("seed", [-1, 2**32, 10**30])
def test_seeds_that_not_every_generator_takes_are_refused(seed):
    with pytest.raises(BenchError, match="from 0 to 4,294,967,295"):
        check_seed(seed)
    with pytest.raises(BenchError, match="from 0 to 4,294,967,295"):
        SweepSpec(("gs",), seed=seed)
