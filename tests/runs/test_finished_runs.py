import pytest
from kept import keep_run

from bench.errors import BenchError
from bench.runs.fields import grouped, spec_differences
from bench.runs.finding import find_run, read_run
from bench.runs.summary import summarise_run
from bench.spec import with_defaults
from bench.training.recipe import Recipe


@pytest.fixture
def folders(tmp_path):
    made = [("hashreid", 1), ("hashreid", 10), ("hashreid-noexit", 1), ("dare", 0)]
    return {(method, seed): keep_run(tmp_path, method, seed, scored=False) for method, seed in made}


def test_any_part_that_means_one_run_finds_it(folders, tmp_path):
    ours = folders["hashreid", 1]
    name, key = ours.path.name, read_run(ours).key
    parts = (name, "hashreid-demo-seed1", key[:8], key[:5], key, key[:20], f"invented/{name}", str(ours.path))
    for wanted in parts:
        assert find_run(tmp_path, wanted).path.resolve() == ours.path.resolve(), wanted
    assert find_run(tmp_path, "noex") == folders["hashreid-noexit", 1]
    assert find_run(tmp_path, "seed10") == folders["hashreid", 10]


def test_what_means_several_runs_or_none_is_told_with_what_there_is(folders, tmp_path):
    with pytest.raises(BenchError, match="a part of 3 runs' names") as problem:
        find_run(tmp_path, "hashr")
    assert str(problem.value).count("\n  ") == 3
    with pytest.raises(BenchError, match="a part of 2 runs' names") as problem:
        find_run(tmp_path, "hashreid")  # a method, which hashreid-noexit is not
    assert folders["hashreid-noexit", 1].path.name not in str(problem.value)
    assert folders["dare", 0].path.name not in str(problem.value)
    with pytest.raises(BenchError, match=f"did you mean '{folders['dare', 0].path.name}'") as problem:
        find_run(tmp_path, "daer-demo-seed0")
    assert str(problem.value).count("\n  ") == 4
    with pytest.raises(BenchError, match="no run ''"):
        find_run(tmp_path, "")
    with pytest.raises(BenchError, match="bench run --method"):
        find_run(tmp_path / "nowhere", "hashreid")


def test_a_damaged_spec_hides_its_own_run_alone(folders, tmp_path):
    folders["hashreid-noexit", 1].spec.write_text("{")
    ours = folders["hashreid", 1]
    assert find_run(tmp_path, ours.path.name) == ours
    with pytest.raises(BenchError, match="a part of 2 runs' names"):
        find_run(tmp_path, "hashreid")


def test_a_spec_that_is_none_is_named(folders):
    folder = folders["dare", 0]
    folder.spec.write_text('{"method": "dare"}')
    with pytest.raises(BenchError, match="lacks dataset, fingerprint, preset, seed"):
        read_run(folder)
    folder.spec.write_text("{")
    with pytest.raises(BenchError, match="cannot read"):
        read_run(folder)


def test_fields_have_the_names_that_set_takes(folders):
    spec = read_run(folders["dare", 0]).spec
    groups = grouped(spec)
    assert groups["method"] == {"method": "dare", "preset": "demo", "seed": 0, "bits": 256}
    assert groups["recipe"] == {"epochs": 2, "optimiser.learning_rate": 0.004}
    other = {**spec, "seed": 3, "network": {"dim": 128}, "recipe": {**spec["recipe"], "epochs": 60}}
    found = [(one.name, one.first, one.second) for one in spec_differences(spec, other)]
    assert found == [("seed", 0, 3), ("bits", 256, None), ("dim", None, 128), ("epochs", 2, 60)]
    assert spec_differences(spec, spec) == ()


def test_a_setting_that_is_younger_than_a_run_is_at_its_default(folders, added_option):
    older = read_run(folders["dare", 0]).spec
    added_option("dare", strips=4)
    newer = {**older, "network": {**older["network"], "strips": 4}, "recipe": with_defaults(Recipe, older["recipe"])}
    assert spec_differences(older, newer) == ()
    other = {**newer, "network": {**newer["network"], "strips": 2}}
    assert [(one.name, one.first, one.second) for one in spec_differences(older, other)] == [("strips", 4, 2)]


def test_what_is_missing_is_said(tmp_path):
    def missing(folder):
        return " / ".join(summarise_run(read_run(folder))["missing"])

    never = keep_run(tmp_path, seed=1, trained=False, scored=False)
    assert missing(never) == "weights: never trained"
    never.checkpoint.write_bytes(b"")
    assert "goes on from checkpoint.pt" in missing(never)
    whole = keep_run(tmp_path, seed=2)
    assert missing(whole) == (
        "retrieval_history.npz: policies that learn from the course of training cannot be fitted / "
        "cost.json: the same bench run counts the multiply-adds again"
    )
    whole.weights.unlink()
    assert "trains it again" in missing(whole)
    assert "never swept" in missing(keep_run(tmp_path, seed=3, policies=()))
    assert "never scored" in missing(keep_run(tmp_path, seed=4, scored=False))
    assert "bench compare cannot test" in missing(keep_run(tmp_path, seed=5, tables=False))


def test_the_newest_sweep_is_shown_though_exits_were_scored_later(tmp_path):
    keep_run(tmp_path)
    folder = keep_run(tmp_path, policies=(), at="2026-03-01T00:00:00+00:00")
    summary = summarise_run(read_run(folder))
    assert [sweep["policies"] for sweep in summary["sweeps"]] == [[], ["random", "gs"]]
    assert summary["shown"] == summary["sweeps"][1]["file"]
    assert {record["policy"] for record in summary["policies"]} == {"random", "gs"}


def test_what_policies_learned_from_is_told_of_every_sweep(tmp_path):
    def learned(header, records):
        header["learned"] = {"ets": {"images": 7}}

    keep_run(tmp_path, change=learned, at="2026-01-01T00:00:00+00:00")
    folder = keep_run(
        tmp_path, policies=("gs",), at="2026-01-02T00:00:00+00:00", change=lambda header, _: header.pop("learned")
    )
    assert summarise_run(read_run(folder))["learned"] == {"ets": {"images": 7}}
