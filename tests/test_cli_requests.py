"""Options that several commands share mean the same in each; an empty name is an error, not nothing to do."""

import math
from dataclasses import replace

import pytest

from bench import registry
from bench.cli.options import BackboneOption
from bench.cli.requests import methods_of, named_or_all, overrides, run_request
from bench.cli.run import seeds_of
from bench.cli.sweeps import sweep_spec
from bench.errors import BenchError


def test_options_of_their_own_win_over_settings():
    assert overrides(["backbone=a", "epochs=3"], backbone="b") == {"backbone": "b", "epochs": "3"}
    assert overrides(None) == {}


def test_all_stands_for_everything_registered():
    assert {"hashreid", "dare"} <= set(named_or_all("--method", "all", "method"))
    assert named_or_all("--method", " dare , msdnet ", "method") == ["dare", "msdnet"]


def test_what_is_named_twice_is_taken_once():
    """Two curves of one name would be compared with each other, and Holm's correction would count them."""
    swept = sweep_spec("gs,random,gs", "stream,stream", 5, "0.5,0.5,inf", 2, 20)
    assert (swept.policies, swept.thresholdings, swept.a_values) == (("gs", "random"), ("stream",), (0.5, math.inf))
    assert seeds_of("1,0,1") == [1, 0]


def test_groups_stand_for_their_methods():
    static, several = methods_of("--method", "static"), methods_of("--method", "multi-exit")
    assert {"hashreid-noexit", "bot", "osnet"} <= set(static)
    assert {"hashreid", "resnet-ensemble"} <= set(several)
    assert not set(static) & set(several)
    assert methods_of("--method", "hashing") == ["abc", "ctf", "hashreid", "hashreid-noexit"]
    assert methods_of("--method", "dare, hashing,hashreid") == ["dare", "abc", "ctf", "hashreid", "hashreid-noexit"]
    assert methods_of("--method", "all") == registry.names("method")


def test_a_group_leaves_out_what_lacks_the_preset(monkeypatch, capsys):
    """A method that is named outright is kept, and refused later; so is a preset that no method has."""
    whole = registry.method("dare")
    presets = {name: preset for name, preset in whole.presets.items() if name != "small"}
    known, found = methods_of("--method", "multi-exit"), registry.method
    monkeypatch.setattr(
        registry, "method", lambda name: replace(whole, presets=presets) if name == "dare" else found(name)
    )
    assert methods_of("--method", "multi-exit", "small") == [name for name in known if name != "dare"]
    assert capsys.readouterr().err == "left out, for want of a preset small: dare\n"
    assert "dare" not in methods_of("--method", "all", "small")
    assert set(methods_of("--method", "multi-exit,dare", "small")) == set(known)
    assert methods_of("--method", "multi-exit", "smal") == known
    assert methods_of("--method", "multi-exit", "demo") == known
    assert "left out" not in capsys.readouterr().err.partition("\n")[2]


def test_a_group_that_does_not_exist():
    with pytest.raises(BenchError, match=r"group of method hashreid 'hash'.*did you mean 'hashing'"):
        replace(registry.method("hashreid"), groups=("hash",))


def test_help_names_every_method_whose_encoder_can_be_chosen():
    methods = [registry.method(name) for name in registry.names("method")]
    told = BackboneOption.__metadata__[0].help.lower()
    chosen = [one.name for one in methods if "backbone" in one.presets["paper"].network]
    assert chosen
    assert [name for name in chosen if name.partition("-")[0] not in told] == []


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
    ("arguments", "message"),
    [
        (("run", "--method", ""), "--method is given an empty value"),
        (("run", "--method", " , "), "--method is given an empty value"),
        (("run", "-m", "dare", "--budget-sweep", "--policies="), "--policies is given an empty value"),
        (("policies", "-m", "dare", "--policies", ","), "--policies is given an empty value"),
        (("run", "-m", "dare", "--budget-sweep", "--a", " "), "--a is given an empty value"),
        (("run", "-m", "dare", "--budget-sweep", "--a", ","), "--a is given an empty value"),
        (("report", "--results", ""), "--results is given an empty value"),
        (("report", "--formats", ","), "--formats is given an empty value"),
        (("search", "-m", "dare", "--lengths", ", ,"), "--lengths is given an empty value"),
        (("gallery", "scale", "file.npz", "--images=,"), "--images is given an empty value"),
        (("show", ""), "show is given an empty value"),
    ],
)
def test_empty_values_are_refused(bench, arguments, message):
    status, _, error = bench(*arguments)
    assert (status, message in error) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("embed", "any", "--images", ".", "--out", "new.npz", "--batch", "8", "--data", "size=smoke"),
            "--batch, --data: of --budget alone",
        ),
        (("embed", "any", "--images", ".", "--out", "new.npz", "--data-root", "."), "--data-root: of --budget alone"),
        (
            ("gallery", "build", "any", "--out", "new.gallery", "--images", ".", "--data", "size=smoke"),
            "--data: of --split alone",
        ),
        (
            (
                "gallery",
                "build",
                "any",
                "--out",
                "new.gallery",
                "--images",
                ".",
                "--pid",
                "1",
                "--camid",
                "1",
                "--pattern",
                "{pid}",
            ),
            "--pattern: --pid and --camid say all",
        ),
        (("model", "export", "any", "--images", "4", "--dataset", "market1501"), "--images, --dataset: of --precision"),
        (
            ("search", "-m", "dare", "--index", "flat", "--gallery", "100", "--seconds", "0", "--re-rank"),
            "--re-rank, --seconds: measured in the run's own gallery alone",
        ),
        (("render", "any.template.md", "--trace", "--check"), "--check: --trace lists"),
        (("run", "-m", "dare", "--as-is", "--calibration", "0.3"), "--as-is has no held-out identities"),
        (("run", "-m", "dare", "--as-is", "--training-share", "0.5"), "leave out --training-share"),
        (("infer", "any", "--scenario", "single-stream", "--batch", "4"), "--batch: scenario single-stream says"),
        (("infer", "any", "--latency-bound", "10"), "add --scenario server"),
        (("infer", "any", "--export", "."), "backend torch runs the network itself"),
        (("infer", "any", "--images", ".", "--queries", "4", "--rebatch"), "--queries, --rebatch: of a measurement"),
    ],
)
def test_options_that_would_do_nothing_are_refused(bench, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    status, _, error = bench(*arguments)
    assert (status, message in " ".join(error.split())) == (1, True), error
    assert not any(tmp_path.iterdir())


def test_what_the_environment_names_is_for_the_commands_that_read_it(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA_ROOT", str(tmp_path))
    status, _, error = bench("embed", "any", "--images", tmp_path, "--out", tmp_path / "new.npz", "--results", tmp_path)
    assert (status, "--data-root" in error) == (1, False), error


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
