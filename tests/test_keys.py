"""What is in a key: every value that numbers depend on, and no field that stands at its default."""

from dataclasses import field, fields, is_dataclass, make_dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import TEXTS

from bench.settings import override
from bench.spec import (
    EVALUATION_VERSION,
    SWEEP_VERSION,
    TRAINING_VERSION,
    EvaluationSpec,
    RunSpec,
    SweepSpec,
    identifying,
    with_defaults,
)
from bench.training.recipe import Augmentation, Optimiser, Recipe, Schedule

OPTIONS = {"backbone": "resnet50", "bits": 256, "weights": "none"}
RUN = RunSpec("d", "f" * 64, "m", "p", OPTIONS, Recipe(), seed=0, calibration_share=0.1, precision="float32")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
DEFAULTS = {
    Recipe: {
        "input_size": (256, 128),
        "resize": (),
        "epochs": 100,
        "identities_per_batch": 16,
        "images_per_identity": 4,
        "batches_per_epoch": 0,
        "optimiser": Optimiser(),
        "schedule": Schedule(),
        "augmentation": Augmentation(),
        "keep": "last",
    },
    Optimiser: {
        "name": "adam",
        "learning_rate": 3e-4,
        "weight_decay": 0.0,
        "betas": (0.9, 0.999),
        "momentum": 0.9,
    },
    Schedule: {"kind": "step", "milestones": (), "factor": 0.1, "warmup_epochs": 0.0, "later_betas": ()},
    Augmentation: {"flip": 0.5, "erase": 0.5, "pad": 0, "erase_area": (0.02, 0.4), "erase_with": "mean"},
    RunSpec: {
        "recipe_name": "own",
        "weights_digest": "",
        "loss_parts": 1,
        "as_is": False,
        "training_version": TRAINING_VERSION,
    },
    EvaluationSpec: {
        "ap": "step",
        "signals": "deployed",
        "views": "centre",
        "evaluation_version": EVALUATION_VERSION,
    },
    SweepSpec: {
        "thresholdings": ("stream", "exact"),
        "budgets": 21,
        "a_values": (),
        "shuffles": 10,
        "resamples": 1000,
        "seed": 0,
        "cost": "macs",
        "extras": False,
        "sweep_version": SWEEP_VERSION,
    },
}
CHANGED_RECIPE = {
    "input_size": "128x64",
    "resize": "288x144",
    "epochs": "7",
    "identities_per_batch": "8",
    "images_per_identity": "2",
    "batches_per_epoch": "3",
    "optimiser.name": "sgd",
    "optimiser.learning_rate": "1e-3",
    "optimiser.weight_decay": "1e-4",
    "optimiser.betas": "0.5,0.999",
    "optimiser.momentum": "0.8",
    "schedule.kind": "cosine",
    "schedule.milestones": "3,5",
    "schedule.factor": "0.2",
    "schedule.warmup_epochs": "1.5",
    "augmentation.flip": "0.1",
    "augmentation.erase": "0.1",
    "augmentation.pad": "4",
    "augmentation.erase_area": "0.1,0.3",
    "augmentation.erase_with": "noise",
    "keep": "best",
}


def later(value, default):
    """Give a value as a later version of its class would hold it: with one field more, at its default."""
    kind = make_dataclass(
        "Later", [("added", object, field(default=default))], bases=(type(value),), frozen=True, kw_only=True
    )
    return kind(**{part.name: getattr(value, part.name) for part in fields(value)})


def holders(default):
    """Give keys of before and after a field came to every class that is in a key, and with the field changed."""

    def in_recipe(recipe):
        return replace(RUN, recipe=recipe)

    def in_optimiser(optimiser):
        return in_recipe(Recipe(optimiser=optimiser))

    return [
        (RUN, lambda value: value),
        (EvaluationSpec(), lambda value: value),
        (SweepSpec(("gs",)), lambda value: value),
        (Recipe(epochs=3), in_recipe),
        (Recipe(), in_recipe),
        (Optimiser(learning_rate=0.1), in_optimiser),
        (Optimiser(), in_optimiser),
    ]


@settings(max_examples=40)
@given(SCALARS, SCALARS)
def test_a_field_that_is_added_changes_keys_only_where_it_is_not_at_its_default(default, other):
    for value, placed in holders(default):
        more = later(value, default)
        assert placed(more).key == placed(value).key
        changed = placed(replace(more, added=other))
        # Text tells 1, 1.0 and True apart, as JSON does.
        assert (changed.key == placed(value).key) == (repr(other) == repr(default))


@pytest.mark.parametrize("kind", DEFAULTS, ids=lambda kind: kind.__name__)
def test_a_default_that_is_changed_raises_a_version(kind):
    """A default is no part of a key. Who changes one raises the version beside the class, and then this table."""
    assert (TRAINING_VERSION, EVALUATION_VERSION, SWEEP_VERSION) == (1, 2, 2)
    empty = {SweepSpec: {"policies": ()}, RunSpec: {name: getattr(RUN, name) for name in RunSpec.__match_args__[:9]}}
    value = kind(**empty.get(kind, {}))
    found = {part.name: getattr(value, part.name) for part in fields(kind)}
    assert {name: found[name] for name in DEFAULTS[kind]} == DEFAULTS[kind]
    assert set(found) - set(DEFAULTS[kind]) - set(empty.get(kind, {})) <= {"option_defaults"}


def test_every_setting_of_a_recipe_is_in_the_key():
    def leaves(value, prefix=""):
        for part in fields(value):
            inner = getattr(value, part.name)
            if is_dataclass(inner):
                yield from leaves(inner, f"{prefix}{part.name}.")
            else:
                yield prefix + part.name

    keys = {RUN.key}
    for name, text in CHANGED_RECIPE.items():
        keys.add(replace(RUN, recipe=override({}, Recipe(), {name: text})[1]).key)
    betas = {"schedule.milestones": "3,5", "schedule.later_betas": "0.5,0.999"}
    keys.add(replace(RUN, recipe=override({}, Recipe(), betas)[1]).key)
    assert len(keys) == len(CHANGED_RECIPE) + 2
    assert {*CHANGED_RECIPE, "schedule.later_betas"} == set(leaves(Recipe()))


@pytest.mark.parametrize(
    ("value", "changes"),
    [
        (
            RUN,
            {
                "dataset": "e",
                "fingerprint": "a" * 64,
                "method": "n",
                "preset": "q",
                "network": {**OPTIONS, "bits": 128},
                "recipe": Recipe(epochs=3),
                "seed": 1,
                "calibration_share": 0.0,
                "precision": "bfloat16",
                "recipe_name": "shared",
                "weights_digest": "c" * 64,
                "loss_parts": 2,
                "as_is": True,
                "training_version": TRAINING_VERSION + 1,
            },
        ),
        (
            EvaluationSpec(),
            {"ap": "trapezoid", "signals": "protocol", "views": "ten-crop", "evaluation_version": 1},
        ),
        (
            SweepSpec(("gs",)),
            {
                "policies": ("gs", "qs"),
                "thresholdings": ("exact",),
                "budgets": 5,
                "a_values": (0.5, float("inf")),
                "shuffles": 3,
                "resamples": 20,
                "seed": 1,
                "cost": "matching",
                "extras": True,
                "sweep_version": 1,
            },
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_field_is_in_the_key(value, changes):
    assert set(changes) == {part.name for part in fields(value)} - {"option_defaults"}
    keys = {value.key} | {replace(value, **{name: changed}).key for name, changed in changes.items()}
    assert len(keys) == len(changes) + 1


def test_versions_are_in_the_key_at_their_default():
    """What a change of code invalidates is said by the version alone: a raised version is a default, too."""
    assert identifying(RUN)["training_version"] == TRAINING_VERSION
    assert identifying(EvaluationSpec()) == {"evaluation_version": EVALUATION_VERSION}
    assert identifying(SweepSpec(())) == {"policies": [], "sweep_version": SWEEP_VERSION}


@given(st.integers() | st.booleans() | st.floats(allow_nan=False) | TEXTS, st.integers() | st.booleans())
def test_an_option_that_is_added_with_its_default_leaves_keys_as_they_are(default, other):
    more = replace(RUN, network={**OPTIONS, "added": default}, option_defaults={"added": default})
    assert more.key == RUN.key
    changed = replace(more, network={**OPTIONS, "added": other})
    assert (changed.key == RUN.key) == (repr(other) == repr(default))


def test_order_of_options_does_not_matter():
    assert replace(RUN, network=dict(reversed(OPTIONS.items()))).key == RUN.key
    assert RUN.folder_name == f"m-p-seed0-{RUN.key[:8]}"


def test_a_file_of_weights_counts_by_its_content():
    here, there = (
        replace(RUN, network={**OPTIONS, "weights": path}, weights_digest="a" * 64) for path in ("/here/w.pth", "w.pth")
    )
    assert here.key == there.key
    assert here.key != replace(here, weights_digest="b" * 64).key
    assert len({here.key, RUN.key, replace(RUN, network={**OPTIONS, "weights": "imagenet"}).key}) == 3


def test_a_spec_says_everything_to_people():
    values = RUN.to_json()
    names = {part.name for part in fields(RunSpec)} - {"option_defaults"}
    assert set(values) == names - {"as_is"}  # said only of runs that trained nothing
    assert set(replace(RUN, as_is=True).to_json()) == names
    assert values["recipe"]["optimiser"]["betas"] == [0.9, 0.999]


def test_kept_values_of_before_a_field_are_filled_in():
    """Older values lack the fields that came later; filled in, they are those of a run that was made today."""
    older = {"epochs": 7, "optimiser": {"learning_rate": 0.1}}
    newer = replace(RUN, recipe=Recipe(epochs=7, optimiser=Optimiser(learning_rate=0.1))).to_json()["recipe"]
    assert with_defaults(Recipe, older) == with_defaults(Recipe, newer) == newer
    assert with_defaults(EvaluationSpec, {"ap": "trapezoid"}) == {
        "ap": "trapezoid",
        "signals": "deployed",
        "views": "centre",
    }
