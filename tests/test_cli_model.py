import json
from dataclasses import replace
from shutil import copytree

import pytest
from retrained import train_again

from bench.inference.export.card import read_card, write_card
from bench.running.run import run
from bench.runs.folder import RunFolder

pytest.importorskip("onnxscript", reason="exporting needs the extra export")


@pytest.fixture(scope="module")
def finished(module_request, trained):
    """A results folder with one run."""
    request = trained(module_request(method="hashreid-noexit", precision="float32", calibration_share=0.3))
    run(request)
    return request.results


@pytest.fixture
def results(finished, tmp_path):
    return copytree(finished, tmp_path / "results")


def only(folder, pattern):
    (found,) = folder.glob(pattern)
    return found


def test_a_run_leaves_and_is_the_same(bench, results):
    status, out, _ = bench("model", "export", "noexit", "--results", results)
    assert status == 0
    assert "onnx, float32" in out
    folder = only(results, "exports/*/onnx-float32")
    status, out, _ = bench("model", "check", folder, "--results", results)
    assert status == 0, out
    assert "onnxruntime │ exit 4 │" in out
    assert "computes the same as the network" in out
    status, out, _ = bench("model", "check", folder, "--results", results, "--json", "--images", 8)
    printed = json.loads(out)
    assert (printed["images"], printed["source"], printed["same"]) == (8, "query images", True)
    assert {exit_["flipped"] for exit_ in printed["exits"]} == {0}
    status, out, _ = bench("model", "show", folder)
    assert status == 0
    assert "step-1.onnx" in out

    # Without the run's data it is noise, and that is said.
    elsewhere = results.parent / "empty"
    status, out, err = bench("model", "check", folder, "--results", results, "--cache", elsewhere)
    assert status == 0
    assert "64 images of noise" in " ".join(out.split())
    assert "is not at hand" in err
    # Data that was named must be the run's.
    other = ("--data", "size=smoke", "--data", "seed=7")
    status, _, err = bench("model", "check", folder, "--results", results, *other)
    assert status == 1
    assert "is not the data of this run" in err

    status, _, err = bench("model", "check", folder, "--results", results, "--backend", "onxruntime")
    assert status == 1
    assert "did you mean 'onnxruntime'" in err

    # One weight of the run changes: the export is not of this network any more.
    weights = only(results, "runs/*/*/weights.safetensors")
    train_again(RunFolder(weights.parent))
    status, _, err = bench("model", "check", folder, "--results", results)
    assert status == 1
    assert "has been trained again" in err
    weights.write_bytes(weights.read_bytes()[:-1])
    status, _, err = bench("model", "check", folder, "--results", results)
    assert status == 1
    assert "does not load into its network" in err


def test_eight_bits_show_what_they_cost(bench, results, traced_once):
    status, out, _ = bench("model", "export", "noexit", "--precision", "int8", "--images", 12, "--results", results)
    assert status == 0
    assert "ranges from 12 images of identities held out of training" in out
    status, out, _ = bench("model", "check", only(results, "exports/*/onnx-int8"), "--results", results)
    assert status == 0
    assert out.count("(network ") >= 2
    assert "rank-1 (%)" in out
    status, out, _ = bench("model", "check", only(results, "exports/*/onnx-int8"), "--results", results, "--json")
    printed = json.loads(out)
    assert (status, printed["same"], {exit_["same"] for exit_ in printed["exits"]}) == (0, None, {None})


def test_weights_leave_too(bench, results):
    assert bench("model", "export", "noexit", "--format", "safetensors", "--results", results)[0] == 0
    folder = only(results, "exports/*/safetensors-float32")
    status, out, _ = bench("model", "check", folder, "--results", results)
    assert status == 0
    assert "torch   │ exit 4 │" in out


def test_what_is_resized_and_then_cut_is_told(bench, results, tmp_path):
    status, _, err = bench(
        "model", "export", "noexit", "--results", results, "--format", "safetensors", "--out", tmp_path
    )
    assert status == 0, err
    card = read_card(tmp_path)
    _, out, _ = bench("model", "show", tmp_path)
    assert "cut" not in out, "one size: an image is resized to it"
    write_card(tmp_path, replace(card, preprocessing=replace(card.preprocessing, resize=(72, 36))))
    _, out, _ = bench("model", "show", tmp_path)
    assert "resized to 72×36 and cut out of the middle" in " ".join(out.split())


def test_nothing_is_lost_to_an_export(bench, results, tmp_path):
    """Not the run's own weights, nor a file of somebody's that has a name of ours; an export is replaced."""
    run = only(results, "runs/*/*noexit*")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    for name in ("model.json", "step-7.onnx", "notes.txt"):
        (foreign / name).write_text("mine")
    for out, lost in ((run, "weights.safetensors"), (foreign, "model.json, step-7.onnx")):
        before = {path: path.read_bytes() for path in out.iterdir() if path.is_file()}
        for form in ("onnx", "safetensors"):
            status, _, err = bench("model", "export", "noexit", "--format", form, "--results", results, "--out", out)
            assert status == 1
            assert f"holds {lost}, which no export there lists and which would be lost" in " ".join(err.split())
        assert {path: path.read_bytes() for path in out.iterdir() if path.is_file()} == before
    own = tmp_path / "own"
    for _ in range(2):
        again = ("--format", "safetensors", "--results", results, "--out", own)
        assert bench("model", "export", "noexit", *again)[0] == 0
    assert sorted(path.name for path in own.iterdir()) == ["model.json", "weights.safetensors"]


def test_what_is_not_there_is_an_error_in_one_line(bench, results, tmp_path):
    status, _, err = bench("model", "show", tmp_path)
    assert status == 1
    assert "expected an export" in err
    only(results, "runs/*/*/weights.safetensors").unlink()
    status, _, err = bench("model", "export", "noexit", "--results", results)
    assert status == 1
    assert "has no trained network" in err
