"""What a file of embeddings may hold, and what is said of everything else."""

import json

import numpy as np
import pytest
from brought import ABOUT, brought_arrays

from bench.errors import BenchError
from bench.evaluation.checks import checked
from bench.evaluation.file import read_embeddings, write_embeddings
from bench.retrieval.codes import pack
from bench.retrieval.evaluate import build_table, exit_scores
from bench.retrieval.metrics import score_rankings


@pytest.mark.parametrize("ending", [".npz", ".safetensors"])
def test_what_is_written_is_read(tmp_path, ending):
    arrays = brought_arrays(calibration=True)
    path = tmp_path / f"theirs{ending}"
    write_embeddings(path, arrays, ABOUT)
    found = read_embeddings(path)
    assert found.content == checked(arrays, ABOUT).content
    np.testing.assert_array_equal(found.query.codes[1], arrays["query.1"])
    np.testing.assert_array_equal(found.calibration[1].pids, arrays["calibration_gallery.pids"])
    assert [(exit_.name, exit_.dim, exit_.code) for exit_ in found.exits] == [
        ("exit 1", 16, "continuous"),
        ("exit 2", 16, "continuous"),
    ]
    write_embeddings(path, arrays, ABOUT)
    assert read_embeddings(path).content == found.content


def test_plain_numpy_files_are_read(tmp_path):
    np.savez(tmp_path / "plain.npz", about=json.dumps(ABOUT), **brought_arrays())
    assert read_embeddings(tmp_path / "plain.npz").cost == {"name": "macs", "unit": "multiply-adds"}


def _mean_ap(arrays, about=ABOUT):
    found = checked(arrays, about)
    table = build_table(found.exits, found.query.codes, found.gallery.codes, *found.query.labels, *found.gallery.labels)
    return [row["mAP"] for row in exit_scores(table)]


def test_packed_codes_of_a_collapsed_network_are_scored():
    """Their bytes are all zeros, which without a length might be bits that nobody packed."""
    arrays = brought_arrays(dim=13)
    arrays |= {name: np.zeros((len(values), 2), np.uint8) for name, values in arrays.items() if name[-1].isdecimal()}
    labels = [arrays[f"{part}.{name}"] for name in ("pids", "camids") for part in ("query", "gallery")]
    alike = score_rankings(np.zeros((len(labels[0]), len(labels[1]))), *labels)
    found = _mean_ap(arrays, {**ABOUT, "exits": [{"dim": 13}, {"dim": 13}]})
    assert found == pytest.approx([alike.mean_ap] * 2)
    with pytest.raises(BenchError, match="if they are packed, say how long they are"):
        checked(arrays, ABOUT)


def test_bits_are_one_thing_in_every_form():
    """Booleans, ±1, packed bytes: the same codes. Their distances are those of the signs, counted."""
    arrays = brought_arrays(dim=13)
    forms = {"booleans": {}, "integers": {}, "packed": {}}
    for name, values in arrays.items():
        bits = values > 0
        codes = name[-1].isdecimal()
        forms["booleans"][name] = bits if codes else values
        forms["integers"][name] = (2 * bits.astype(np.int8) - 1) if codes else values
        forms["packed"][name] = pack(bits) if codes else values
    hamming = {**ABOUT, "exits": [{"metric": "hamming", "dim": 13}, {"metric": "hamming", "dim": 13}]}
    scores = {name: _mean_ap(form, hamming) for name, form in forms.items()}
    # Booleans and whole numbers ±1 need not be told.
    scores |= {f"{name}, untold": _mean_ap(forms[name], ABOUT) for name in ("booleans", "integers")}
    bits = {part: forms["booleans"][f"{part}.1"].astype(int) for part in ("query", "gallery")}
    counted = np.abs(bits["query"][:, None] - bits["gallery"][None]).sum(axis=2)
    labels = [arrays[f"{part}.{what}"] for what in ("pids", "camids") for part in ("query", "gallery")]
    expected = score_rankings(counted, *labels).mean_ap
    for found in scores.values():
        assert found[1] == pytest.approx(expected, abs=1e-12)


def test_cosine_is_that_of_the_angles():
    arrays = brought_arrays()
    arrays |= {
        name: values * np.linspace(1, 9, len(values))[:, None] for name, values in arrays.items() if name[-1] in "01"
    }
    about = {**ABOUT, "exits": [{"name": "early", "metric": "cosine"}, {"name": "late", "metric": "cosine"}]}
    queries, images = (
        arrays[name] / np.linalg.norm(arrays[name], axis=1, keepdims=True) for name in ("query.0", "gallery.0")
    )
    labels = [arrays[f"{part}.{what}"] for what in ("pids", "camids") for part in ("query", "gallery")]
    expected = score_rankings(1 - queries.astype(float) @ images.T.astype(float), *labels).mean_ap
    assert _mean_ap(arrays, about)[0] == pytest.approx(expected, abs=1e-12)
    assert _mean_ap(arrays)[0] != pytest.approx(expected, abs=1e-3)


def _without(*names):
    return lambda arrays, about: [arrays.pop(name) for name in names]


def _put(name, value):
    return lambda arrays, about: arrays.__setitem__(name, value(arrays) if callable(value) else value)


def _say(name, value):
    return lambda arrays, about: about.__setitem__(name, value)


WRONG = {
    "no exit": (_without("query.0", "query.1", "gallery.0", "gallery.1"), "embeddings of at least one exit"),
    "a gap": (_put("query.3", lambda arrays: arrays["query.1"]), "query.2 is missing"),
    "unequal exits": (_without("gallery.1"), "gallery at as many exits as query, 2; found 1"),
    "no labels": (_without("gallery.camids"), "gallery.camids is missing"),
    "misspelt": (_put("query_pids", np.arange(3)), "unknown array 'query_pids'"),
    "labels of floats": (_put("query.pids", np.arange(48.0)), "query identities must be whole numbers"),
    "fewer labels": (_put("query.pids", np.arange(5)), "query has 5 identities but 48 cameras"),
    "fewer rows": (_put("query.1", lambda arrays: arrays["query.1"][:9]), "query.1 must be (48, 16)"),
    "another length": (_put("gallery.1", lambda arrays: arrays["gallery.1"][:, :9]), "gallery.1 must be (48, 16)"),
    "one axis": (_put("query.0", np.zeros(48, np.float32)), "a row an image"),
    "NaN": (_put("gallery.1", lambda arrays: np.where(arrays["gallery.1"] > 2, np.nan, arrays["gallery.1"])), "finite"),
    "whole numbers": (_put("query.0", np.zeros((48, 16), np.int64)), "must be floats for the metric euclidean"),
    "bits and floats": (_put("query.0", np.full((48, 2), 9, np.uint8)), "gallery.0 must be uint8 (48, 2)"),
    "a byte a bit": (
        lambda arrays, about: [arrays.update({f"{part}.0": np.eye(48, 16, dtype=np.uint8)}) for part in ("query",)],
        "zeros and ones alone",
    ),
    "nobody to find": (_put("query.pids", np.arange(48) + 500), "query and gallery share no identity"),
    "no costs": (_without("costs"), "costs is missing"),
    "falling costs": (_put("costs", np.array([3.0, 1.0])), "costs are positive and rise from exit to exit"),
    "costs of nothing": (_put("costs", np.array([0.0, 1.0])), "costs are positive"),
    "costs without end": (_put("costs", np.array([1.0, np.inf])), "found 1, inf"),
    "too many costs": (_put("costs", np.arange(3.0) + 1), "one number for each of 2 exits"),
    "unknown unit": (_say("cost", {"unit": "GFLOPs"}), "found 'GFLOPs'"),
    "name without unit": (_say("cost", {"name": "ours"}), "found None"),
    "unit that is none": (_say("cost", {"name": "ours", "unit": ["s"]}), "a text that is not empty; found ['s']"),
    "no unit": (lambda arrays, about: about.pop("cost"), "found no cost"),
    "unknown entry": (_say("nmae", "x"), "did you mean 'name'?"),
    "entry of another kind": (_say("seed", "one"), "about.seed is of kind int, found str"),
    "too few searches": (_say("cost", {**ABOUT["cost"], "search": [3]}), "one number for each of 2 exits; found 1"),
    "searches for less": (_say("cost", {**ABOUT["cost"], "search": [3, -1]}), "a list of numbers; found [3, -1]"),
    "price of nothing": (_say("cost", {"unit": "joules", "policy_mac": 0}), "a positive number; found 0"),
    "unknown metric": (_say("exits", [{"metric": "manhattan"}, {}]), "unknown metric of exit 1 'manhattan'"),
    "exits too few": (_say("exits", [{}]), "describes 1 exits, and there are embeddings of 2"),
    "one name twice": (_say("exits", [{"name": "a"}, {"name": "a"}]), "names of their own"),
    "another dim": (_say("exits", [{"dim": 9}, {}]), "codes of exit 1 have a dim of 9, and query.0 has 16 places"),
    "half a calibration": (_put("calibration_query.0", lambda arrays: arrays["query.0"]), "as many exits as query"),
    "some features": (_put("query.features", np.zeros((48, 4), np.float16)), "lengths 4, none"),
    "half a history": (
        _put("training.features", np.zeros((4, 4), np.float16)),
        "training.retrieval_history is missing",
    ),
}


@pytest.mark.parametrize("case", WRONG, ids=str)
def test_one_clear_error_each(case):
    change, message = WRONG[case]
    arrays, about = brought_arrays(), dict(ABOUT)
    change(arrays, about)
    with pytest.raises(BenchError) as problem:
        checked(arrays, about)
    assert message in str(problem.value)


def test_files_that_are_none(tmp_path):
    for name, content, message in (
        ("x.npz", b"", "cannot read"),
        ("x.npz", b"PK\x03\x04 nothing", "cannot read"),
        ("x.safetensors", b"\x00" * 40, "cannot read"),
        ("x.pt", b"", "ends in .npz or .safetensors, found .pt"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BenchError, match=message):
            read_embeddings(tmp_path / name)
    with pytest.raises(BenchError, match="found none; check the path"):
        read_embeddings(tmp_path / "nowhere.npz")
    np.savez(tmp_path / "silent.npz", **brought_arrays())
    with pytest.raises(BenchError, match="about is missing"):
        read_embeddings(tmp_path / "silent.npz")
    np.savez(tmp_path / "list.npz", about="[1]", **brought_arrays())
    with pytest.raises(BenchError, match="about is a JSON object, found list"):
        read_embeddings(tmp_path / "list.npz")


def test_nothing_in_a_file_is_run(tmp_path):
    np.savez(
        tmp_path / "pickled.npz", about=json.dumps(ABOUT), **{**brought_arrays(), "costs": np.array([print], object)}
    )
    with pytest.raises(BenchError, match="allow_pickle=False"):
        read_embeddings(tmp_path / "pickled.npz")


def test_a_flipped_bit_is_found(tmp_path):
    path = tmp_path / "theirs.safetensors"
    write_embeddings(path, brought_arrays(), ABOUT)
    data = bytearray(path.read_bytes())
    data[-5] ^= 64
    path.write_bytes(data)
    with pytest.raises(BenchError, match="does not match its digest"):
        read_embeddings(path)


def test_clothes_and_drawn_galleries_are_read_and_checked():
    arrays = brought_arrays(people=6)
    clothes = {f"{part}.clothes": arrays[f"{part}.camids"] // 2 for part in ("query", "gallery")}
    dressed = checked({**arrays, **clothes}, ABOUT)
    np.testing.assert_array_equal(dressed.query.camids[:, 1], clothes["query.clothes"])
    assert dressed.fingerprint != checked(arrays, ABOUT).fingerprint
    draws = np.ones((24, 3), dtype=bool)
    drawn = checked({**arrays, "gallery.draws": draws}, ABOUT)
    assert (drawn.gallery.draws.shape, drawn.query.draws.shape) == ((24, 3), (24, 0))
    assert drawn.fingerprint != checked(arrays, ABOUT).fingerprint
    for added, said in (
        ({"query.clothes": clothes["query.clothes"]}, "for both query and gallery, or for neither"),
        ({"gallery.draws": draws[:3]}, r"booleans \(24, galleries\)"),
        ({"query.draws": draws}, "of the gallery alone"),
        ({**clothes, "query.clothes": np.ones(3, dtype=int)}, "one of each an image"),
    ):
        with pytest.raises(BenchError, match=said):
            checked({**arrays, **added}, ABOUT)
