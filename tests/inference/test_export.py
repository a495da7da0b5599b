"""Exports of a network of one exit: what they say of themselves, and what is refused."""

import hashlib
import json
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from smoke_networks import assert_same, embed, noise, smoke_run

from bench.cost.macs import exit_macs
from bench.errors import BenchError
from bench.files import read_json, write_json
from bench.inference.backends.by_name import open_backend
from bench.inference.export import write
from bench.inference.export.card import CARD, FORMAT_VERSION, read_card
from bench.inference.export.check import check_export, checked_card, installed_backends
from bench.inference.export.trained import weights_sha256
from bench.inference.export.write import CalibrationImages, obtain_export, read_network, write_export
from bench.networks import ExitSpec

onnx = pytest.importorskip("onnx", reason="exporting needs the extra export")
ENGINES = ("onnxruntime", "openvino")


@pytest.fixture(scope="module")
def run():
    return smoke_run("hashreid-noexit")


@pytest.fixture(scope="module")
def written(run, kept_traces, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "onnx"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "trace_steps", kept_traces)
        write_export(run, folder)
    return folder


@pytest.fixture
def folder(written, tmp_path):
    """A copy to be damaged."""
    return shutil.copytree(written, tmp_path / "copy")


def change_card(folder, **changes):
    write_json(folder / CARD, read_json(folder / CARD) | changes)


def change_one_digit(folder):
    """A cost that is one digit off: still a card, but for its digest."""
    text = (folder / CARD).read_text()
    macs = json.loads(text)["exits"][0]["cumulative_macs"]
    (folder / CARD).write_text(text.replace(str(macs), str(macs + 1)))


def test_the_card_tells_what_is_there(run, written):
    card = read_card(written)
    assert card.exit_specs == run.network.exits
    assert [exit_.cumulative_macs for exit_ in card.exits] == list(exit_macs(run.network, run.input_size))
    assert card.files == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in written.glob("*.onnx")}
    assert (card.run, card.precision, card.preprocessing.size) == (run.key, "float32", run.input_size)


def test_a_graph_alone_tells_the_same(written):
    card = read_card(written)
    model = onnx.load(written / "step-1.onnx")
    metadata = {part.key: part.value for part in model.metadata_props}
    assert metadata["method"] == "hashreid-noexit"
    assert (metadata["run"], metadata["weights_sha256"]) == (card.run, card.weights_sha256)
    assert json.loads(metadata["exits"]) == card.to_json()["exits"]
    assert json.loads(metadata["preprocessing"])["mean"] == [0.485, 0.456, 0.406]
    assert json.loads(metadata["step_order"]) == ["step-1.onnx"]
    assert not any(tensor.external_data for tensor in model.graph.initializer)


def test_weights_are_enough_to_build_the_network_again(run, tmp_path):
    write_export(run, tmp_path, form="safetensors")
    assert weights_sha256(read_network(tmp_path)) == weights_sha256(run.network)
    images = noise(3, run.input_size)
    backend = open_backend("torch", tmp_path, device="cpu")
    assert_same(backend.step(backend.start(images), 0)[1], embed(run.network, images)[0], run.network.exits[0])


def test_half_precision_is_near(run, traced_once, tmp_path):
    write_export(run, tmp_path, precision="float16")
    flipped = check_export(tmp_path, run, noise(4, run.input_size), ["onnxruntime"])[0]
    assert flipped.precision == "float16"
    assert flipped.flipped <= 0.02 * flipped.bits


def test_eight_bits_are_in_the_convolutions_and_near(run, traced_once, tmp_path):
    images = noise(8, run.input_size)
    card = write_export(run, tmp_path, precision="int8", calibration=CalibrationImages(images, "8 images of noise"))
    assert card.calibration == "8 images of noise"
    operators = [node.op_type for node in onnx.load(tmp_path / "step-1.onnx").graph.node]
    assert operators.count("QuantizeLinear") > operators.count("Conv") > 0
    difference = check_export(tmp_path, run, images, ["onnxruntime"])[0]
    assert 0 < difference.flipped < 0.1 * difference.bits
    assert difference.same is None, "which bits may differ is nobody's to say"


def test_an_export_is_made_once_and_again_for_other_weights(run, kept_traces, folder, monkeypatch):
    traced = []

    def trace(network, *arguments, **options):
        traced.append(weights_sha256(network))
        return kept_traces(run.network, *arguments, **options)  # of which weights its graphs are is not looked at here

    monkeypatch.setattr(write, "trace_steps", trace)
    before = (folder / CARD).stat().st_mtime_ns
    obtain_export(run, folder)
    assert (folder / CARD).stat().st_mtime_ns == before
    assert not traced
    (folder / "step-1.onnx").write_bytes(b"cut")
    assert obtain_export(run, folder).files == read_card(folder).files
    other = smoke_run("hashreid-noexit", seed=1)
    assert obtain_export(other, folder).weights_sha256 == weights_sha256(other.network)
    assert traced == [weights_sha256(run.network), weights_sha256(other.network)]


def test_a_folder_that_was_left_half_written_has_no_card(run, folder, monkeypatch):
    def die(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(write, "trace_steps", die)
    with pytest.raises(KeyboardInterrupt):
        write_export(run, folder)
    with pytest.raises(BenchError, match=r"folder with model\.json, found none"):
        read_card(folder)


@pytest.mark.parametrize("backend", ENGINES)
def test_the_check_finds_no_bit_and_then_finds_bits(run, written, backend):
    pytest.importorskip(backend)
    images = noise(4, run.input_size)
    same = check_export(written, run, images, [backend])[0]
    assert (same.flipped, same.bits, same.same) == (0, 4 * run.network.exits[0].dim, True)
    other = smoke_run("hashreid-noexit", seed=1)
    apart = check_export(written, other, images, [backend])[0]
    expected = embed(other.network, images)[0] ^ embed(run.network, images)[0]
    assert apart.flipped == np.unpackbits(expected).sum() > 0
    assert not apart.same


def test_floats_are_compared_with_the_largest_of_their_embedding():
    from bench.inference.export.check import ExitDifference, _apart

    spec = ExitSpec("exit 1", 2, "continuous")
    expected = np.array([[1.0, -4.0], [0.5, 0.25]], dtype=np.float32)
    found = expected + np.array([[0.0, 0.5], [0.25, 0.0]], dtype=np.float32)
    assert _apart(found, expected, spec) == {"absolute": 0.5, "relative": 0.5}
    assert ExitDifference("b", "float32", "exit 1", relative=1e-4).same
    assert not ExitDifference("b", "float32", "exit 1", relative=1.1e-4).same


@pytest.mark.parametrize("backend", ENGINES)
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / CARD).unlink(), r"folder with model\.json, found none"),
        (lambda folder: (folder / CARD).write_text("{"), r"cannot read .*model\.json.*export the run again"),
        (lambda folder: (folder / CARD).write_text("[]"), "expected an object, found list"),
        (change_one_digit, r"model\.json is damaged, its content does not match its digest"),
        (lambda folder: change_card(folder, files={}), "lacks what a card has"),
        (lambda folder: change_card(folder, files={"../step-1.onnx": "0"}), "lacks what a card has"),
        (lambda folder: change_card(folder, format_version=99), "export format 99, this suite reads 1 and 2"),
        (lambda folder: change_card(folder, exits=[{"name": "exit 1"}]), "lacks what a card has"),
        (lambda folder: change_card(folder, form="safetensors"), "--format onnx"),
        (lambda folder: (folder / "step-1.onnx").unlink(), r"lacks step-1\.onnx"),
        (lambda folder: (folder / "step-1.onnx").open("ab").write(b"."), "damaged or of another export"),
    ],
)
def test_a_damaged_export_is_refused(folder, backend, damage, message):
    pytest.importorskip(backend)
    damage(folder)
    with pytest.raises(BenchError, match=message):
        open_backend(backend, folder, device="cpu")


@pytest.mark.parametrize("backend", ENGINES)
def test_an_export_of_the_first_format_is_read_and_written_anew_where_it_is_obtained(run, folder, traced_once, backend):
    pytest.importorskip(backend)
    exits = json.loads((folder / CARD).read_text())["exits"]
    change_card(folder, format_version=1, exits=[{k: v for k, v in exits[0].items() if k != "features"}])
    opened = open_backend(backend, folder, device="cpu")
    images = noise(1, run.input_size)
    assert_same(opened.step(opened.start(images), 0)[1], embed(run.network, images)[0], run.network.exits[0])
    assert not opened.has_features
    assert obtain_export(run, folder).format_version == FORMAT_VERSION == read_card(folder).format_version


@pytest.mark.parametrize("backend", ENGINES)
def test_what_is_no_graph_is_refused_by_name(folder, backend):
    pytest.importorskip(backend)
    (folder / "step-1.onnx").write_bytes(b"no graph")
    change_card(folder, files={"step-1.onnx": hashlib.sha256(b"no graph").hexdigest()})
    with pytest.raises(BenchError, match=rf"{backend} cannot load .*step-1\.onnx") as caught:
        open_backend(backend, folder, device="cpu")
    assert "core.cpp" not in str(caught.value)  # where in the engine's sources is no reason


@pytest.mark.parametrize("images", [noise(1, (32, 64)), noise(1, (64, 32))[0], noise(1, (64, 32)).astype(np.float64)])
def test_images_of_another_size_or_type_are_refused(written, images):
    backend = open_backend("onnxruntime", written, device="cpu")
    with pytest.raises(BenchError, match=r"takes normalised float32 images \(B, 3, 64, 32\)"):
        backend.start(images)


def test_a_package_that_is_not_installed_is_named(written, run, tmp_path, monkeypatch):
    for package, extra in (("onnxruntime", "export"), ("openvino", "openvino")):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(BenchError, match=rf"needs the package {package}.*'reid-budget-bench\[{extra}\]'"):
            open_backend(package, written, device="cpu")
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(BenchError, match="export to ONNX needs the package onnxscript"):
        write_export(run, tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "int8"}, "computes in float32, not int8: export with --precision int8"),
        ({"device": "mps"}, "onnxruntime cannot run on mps here"),
    ],
)
def test_what_the_graphs_cannot_do_says_why(written, options, message):
    with pytest.raises(BenchError, match=message):
        open_backend("onnxruntime", written, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"form": "onxx"}, "did you mean 'onnx'"),
        ({"precision": "int4"}, "known: float32, float16, int8"),
        ({"precision": "bfloat16"}, "openvino runs float32 graphs in it"),
        ({"form": "safetensors", "precision": "int8"}, "as they were trained"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_done(run, tmp_path, options, message):
    with pytest.raises(BenchError, match=message):
        write_export(run, tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()


def test_eight_bits_need_images(run, tmp_path):
    with pytest.raises(BenchError, match="int8 needs images"):
        write_export(run, tmp_path, precision="int8")


def test_an_export_is_of_one_run_and_its_weights(run, written):
    assert checked_card(written, run).run == run.key
    with pytest.raises(BenchError, match=r"is an export of run 0{8,}, not of 1{8,}"):
        checked_card(written, replace(run, key="1" * 64))
    with pytest.raises(BenchError, match="has been trained again"):
        checked_card(written, replace(run, network=smoke_run("hashreid-noexit", seed=1).network))


def test_a_network_is_no_export_and_graphs_are_no_network(run, written):
    with pytest.raises(BenchError, match="runs exported graphs, not a network"):
        open_backend("onnxruntime", run.network)
    with pytest.raises(BenchError, match="--format safetensors"):
        open_backend("torch", written)


def test_backends_that_are_not_installed_are_not_checked(written, monkeypatch):
    card = read_card(written)
    assert "onnxruntime" in installed_backends(card)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert installed_backends(card) == []


def test_the_digest_of_weights_sees_every_value():
    run = smoke_run("hashreid-noexit")
    before = weights_sha256(run.network)
    with torch.no_grad():
        next(run.network.buffers()).view(-1)[0] += 1e-3
    assert weights_sha256(run.network) != before
