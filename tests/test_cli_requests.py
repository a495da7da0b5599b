"""Options that several commands share mean the same in each; an empty name is an error, not nothing to do."""

import pytest

from bench.cli.requests import named_or_all, overrides, run_request
from bench.errors import BenchError


def test_options_of_their_own_win_over_settings():
    assert overrides(["backbone=a", "epochs=3"], backbone="b") == {"backbone": "b", "epochs": "3"}
    assert overrides(None) == {}


def test_all_stands_for_everything_registered():
    assert {"hashreid", "dare"} <= set(named_or_all("--method", "all", "method"))
    assert named_or_all("--method", " dare , msdnet ", "method") == ["dare", "msdnet"]


def test_a_request_keeps_what_was_typed(tmp_path):
    request = run_request(
        method="dare",
        dataset="synthped",
        preset="smoke",
        recipe="shared",
        data_root=None,
        data=["size=smoke"],
        settings={"epochs": "1"},
        results=tmp_path / "results",
        cache=tmp_path / "cache",
        seed=7,
    )
    assert (request.method, request.recipe, request.seed, request.data.folder) == ("dare", "shared", 7, request.cache)
    assert request.data.options == {"size": "smoke"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--method", ""),
        ("run", "--method", " , "),
        ("run", "-m", "dare", "--budget-sweep", "--policies", ""),
        ("policies", "-m", "dare", "--policies", ","),
        ("latency", "-m", ""),
    ],
)
def test_empty_names_are_refused(bench, arguments):
    status, _, error = bench(*arguments)
    assert status == 1
    assert "at least one name" in error


def test_an_unknown_recipe_names_the_known_ones(tmp_path):
    with pytest.raises(BenchError, match=r"own.*shared"):
        run_request(
            method="dare",
            dataset="synthped",
            preset="smoke",
            recipe="mine",
            data_root=None,
            data=None,
            settings={},
            results=tmp_path,
            cache=tmp_path,
        )
