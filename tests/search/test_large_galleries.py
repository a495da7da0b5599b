"""Search in galleries of millions, at sizes that brute force can check."""

from __future__ import annotations

import json

import numpy as np
import pytest
from brute_force import brute_force
from typer.testing import CliRunner

from bench.cli.app import application
from bench.errors import BenchError
from bench.evaluation.file import write_embeddings
from bench.files import write_json
from bench.integrity.checks import Verification
from bench.integrity.measured import verify_measurements
from bench.progress import SILENT
from bench.retrieval.codes import pack
from bench.retrieval.hamming import load_faiss
from bench.retrieval.labels import search_labels
from bench.retrieval.metrics import score_rankings
from bench.search.distractors import _factors, fit_codes
from bench.search.filling import ExitCodes, ScaleRequest, drawn_codes
from bench.search.scale import measure_scale
from bench.search.streamed import distance_counts, score_among

BITS = 44


@pytest.fixture(scope="module")
def people() -> dict[str, np.ndarray]:
    """Codes of 40 people, 4 images each in 4 cameras: a tenth of the bits differs within a person. And junk."""
    rng = np.random.default_rng(0)
    pids = np.repeat(np.arange(1, 41), 4)
    camids = np.tile(np.arange(1, 5), 40)
    bits = rng.random((40, BITS))[pids - 1] < 0.5
    bits ^= rng.random(bits.shape) < 0.1
    queries = np.arange(0, 160, 5)
    gallery = np.setdiff1d(np.arange(160), queries)
    junk = rng.random((3, BITS)) < 0.5
    return {
        "query": pack(bits[queries]),
        "gallery": np.concatenate([pack(bits[gallery]), pack(junk)]),
        "query_pids": pids[queries],
        "gallery_pids": np.append(pids[gallery], [-1, -1, 0]),
        "query_camids": camids[queries],
        "gallery_camids": np.append(camids[gallery], [1, 2, 3]),
    }


def labels_of(people: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    return tuple(people[f"{part}_{name}"] for name in ("pids", "camids") for part in ("query", "gallery"))


def test_codes_of_all_lengths_are_of_the_same_images(people, tmp_path):
    """The short code is a part of the long one, where it is drawn as where it was measured."""
    labels = search_labels(*labels_of(people))
    galleries = people["gallery"], people["gallery"][:, :2]
    with drawn_codes((BITS, 16), galleries, labels, 5000, (0, 1), "all", tmp_path, SILENT) as (drawn, agreement):
        long, short = map(np.asarray, drawn)
        assert (long[:, :2] == short).mean() > 0.9
        assert agreement["drawn_strangers"] == pytest.approx(agreement["measured_strangers"], rel=0.1)


def test_scores_among_distractors_are_those_of_one_gallery(people):
    rng = np.random.default_rng(3)
    distractors = pack(rng.random((500, BITS)) < 0.5)
    counts = distance_counts(people["query"], distractors, BITS)
    found = score_among(people["query"], people["gallery"], BITS, search_labels(*labels_of(people)), counts)
    query_pids, gallery_pids, query_camids, gallery_camids = labels_of(people)
    whole = brute_force(people["query"], np.concatenate([people["gallery"], distractors]))
    expected = score_rankings(
        whole,
        query_pids,
        np.append(gallery_pids, np.zeros(500, int)),
        query_camids,
        np.append(gallery_camids, np.full(500, 9)),
    )
    np.testing.assert_allclose(found.average_precision, expected.average_precision, atol=1e-12)
    np.testing.assert_allclose(found.hits[:, 0], expected.hits[:, 0], atol=1e-12)


def test_drawn_codes_keep_what_was_measured():
    """Signs of a Gaussian with known parts: flips within a person and among strangers, and how often a bit is set."""
    rng = np.random.default_rng(4)
    bits, people = 32, 400
    shared = rng.standard_normal((people, 6)) @ rng.standard_normal((6, bits))
    shared += np.linspace(-2, 2, bits)
    pids = np.repeat(np.arange(1, people + 1), 3)
    values = shared[pids - 1] + rng.standard_normal((len(pids), bits))
    model = fit_codes(pack(values > 0), bits, pids, np.tile([1, 2, 3], people))
    assert model.images_each == 3
    drawn = model.draw(6000, np.random.default_rng(5))
    set_there = np.unpackbits(drawn, axis=1).mean(axis=0)
    np.testing.assert_allclose(set_there, (values > 0).mean(axis=0), atol=0.04)
    near = model.agreement
    assert near["drawn_same"] == pytest.approx(near["measured_same"], rel=0.06)
    assert near["drawn_strangers"] == pytest.approx(near["measured_strangers"], rel=0.03)
    assert near["drawn_strangers_nearest"] == pytest.approx(near["measured_strangers_nearest"], abs=1.5)


def test_distractors_need_people_whom_two_cameras_saw():
    codes = np.zeros((20, 4), np.uint8)
    with pytest.raises(BenchError, match="10 people or more that two cameras saw; found 0"):
        fit_codes(codes, 32, np.arange(1, 21), np.ones(20, int))


def test_larger_galleries_begin_with_the_smaller_ones(people, tmp_path):
    exits = [ExitCodes("exit 1", BITS, people["query"], people["gallery"])]
    together, alone = (
        measure_scale(exits, labels_of(people), ScaleRequest(sizes), tmp_path) for sizes in ((200, 900), (200,))
    )
    first, second = together["exact"][:2]
    assert first["mean_ap"] == alone["exact"][0]["mean_ap"] > second["mean_ap"]
    derived = together["exact"][2]
    assert (derived["images"], derived["derived"], derived["mean_ap"]) == (10**8, True, None)
    assert derived["batched_ms"] == pytest.approx(second["batched_ms"] * 10**8 / 900)
    assert not list(tmp_path.iterdir()), "distractors go away"


@pytest.mark.parametrize(
    ("sizes", "reason"), [((100,), "from the 131 images"), ((), "found none"), ((900, 200), "must grow")]
)
def test_sizes_that_cannot_be(people, tmp_path, sizes, reason):
    exits = [ExitCodes("exit 1", BITS, people["query"], people["gallery"])]
    with pytest.raises(BenchError, match=reason):
        measure_scale(exits, labels_of(people), ScaleRequest(sizes), tmp_path)


def pyramid_file(people, path, **held_out):
    """Embeddings with a short code beside the long one, and held-out people: every other one of the test set."""
    arrays = {name.replace("_", ".", 1): values for name, values in people.items() if "_" in name}
    for part in ("query", "gallery"):
        arrays |= {f"{part}.0": people[part][:, :2], f"{part}.1": people[part]}
    if held_out:
        arrays |= {f"calibration_{name}": values for name, values in arrays.items()}
        arrays |= {f"calibration_{part}.pids": people[f"{part}_pids"] + 100 for part in ("query", "gallery")}
    exits = [{"name": "short", "dim": 16}, {"name": "long", "dim": BITS}]
    about = {"cost": {"unit": "milliseconds"}, "exits": exits}
    write_embeddings(path, arrays | {"costs": np.array([1.0, 2.0])}, about)
    return path


def test_coarse_to_fine_is_an_index(people, tmp_path):
    own = pyramid_file(people, tmp_path / "own.npz", held_out=True)
    status, output = scale(
        own, "--images", "300,900", "--exits", 1, "--index", "ctf", "--results", tmp_path, "--cache", tmp_path / "c"
    )
    assert status == 0, output
    (kept,) = tmp_path.glob("scale/own/own-*/scale.json")
    rows = json.loads(kept.read_text())["indexes"]
    assert [(row["index"], row["exit"], row["images"], row["image_bytes"]) for row in rows] == [
        ("ctf", "long", 300, 8),
        ("ctf", "long", 900, 8),
    ]
    assert all(0.1 < row["recall"] < 1 and row["mean_ap"] <= 1 for row in rows)
    assert "ctf" in (kept.parent / "scale-needs.md").read_text()


def test_what_coarse_to_fine_needs_is_said(people, file, tmp_path):
    for own, reason in (
        (file, "found early 44 binary, late 3 continuous"),
        (pyramid_file(people, tmp_path / "own.npz"), "held-out identities, and there are none"),
    ):
        status, output = scale(own, "--images", 300, "--exits", 1, "--index", "ctf", "--results", tmp_path)
        assert (status, reason in output) == (1, True), output


def scale(*arguments: object) -> tuple[int, str]:
    answer = CliRunner().invoke(application("gallery"), ["gallery", "scale", *map(str, arguments)])
    return answer.exit_code, " ".join(answer.output.split())


@pytest.fixture(scope="module")
def file(people, tmp_path_factory):
    """A file of embeddings with one binary and one continuous exit."""
    return written(people, tmp_path_factory.mktemp("embeddings") / "own.npz")


def written(people, path, **names):
    arrays = {name.replace("_", "."): values for name, values in people.items() if "_" in name}
    for part in ("query", "gallery"):
        arrays[f"{part}.0"] = people[part]
        arrays[f"{part}.1"] = np.ones((len(people[part]), 3), np.float32)
    arrays["costs"] = np.array([1.0, 2.0])
    about = {"cost": {"unit": "milliseconds"}, "exits": [{"name": "early", "dim": BITS}, {"name": "late"}]}
    write_embeddings(path, arrays, about | names)
    return path


def test_names_out_of_a_file_lead_nowhere_else(people, tmp_path):
    own = written(people, tmp_path / "own.npz", dataset="../../../away", name="/../../x\x1b]0;y")
    results = tmp_path / "one" / "two" / "results"
    status, output = scale(own, "--images", "200", "--results", results, "--cache", tmp_path / "cache")
    assert status == 0, output
    assert "\x1b" not in output
    (kept,) = tmp_path.rglob("scale.json")
    assert kept.is_relative_to(results / "scale" / "away")


def test_the_command_measures_writes_and_shows(file, tmp_path):
    if load_faiss() is None:
        pytest.skip("faiss is not installed")
    status, output = scale(
        file, "--images", "2e2,1000", "--index", "flat,hnsw", "--results", tmp_path, "--cache", tmp_path / "cache"
    )
    assert status == 0, output
    (kept,) = tmp_path.glob("scale/own/own-*/scale.json")
    values = json.loads(kept.read_text())
    flat = [row for row in values["indexes"] if row["index"] == "flat"]
    assert [row["images"] for row in flat] == [200, 1000]
    for row in flat:
        assert row["recall"] == 1.0
        assert (row["rank_1"], row["mean_ap"]) == (row["exact_rank_1"], row["exact_mean_ap"])
    assert {path.name for path in kept.parent.iterdir()} >= {"scale-exact.csv", "scale-indexes.md", "scale.svg"}
    assert "In 1,000 images a search takes much of its time whatever their number" in output


def test_what_is_kept_is_verified(file, tmp_path):
    assert scale(file, "--images", "200", "--results", tmp_path, "--cache", tmp_path / "cache")[0] == 0
    (kept,) = tmp_path.glob("scale/own/own-*/scale.json")

    def wrong() -> list[str]:
        verification = Verification()
        verify_measurements(tmp_path, verification)
        assert verification.files == 1
        return [one.problem for one in verification.findings]

    assert wrong() == []
    whole = kept.read_text()
    kept.write_text(whole.replace('"images": 200', '"images": 201', 1))
    assert ["digest" in problem for problem in wrong()] == [True]
    write_json(kept, {**json.loads(whole), "exact": [{"exit": "early"}]})
    assert ["not of the form" in problem for problem in wrong()] == [True]


def test_own_distractors_are_read_from_a_file(file, people, tmp_path):
    codes = tmp_path / "codes.npy"
    np.save(codes, np.tile(people["query"], (20, 1)))
    status, output = scale(file, "--images", 300, "--codes", codes, "--results", tmp_path / "results")
    assert status == 0, output
    for wrong, reason in (
        (np.zeros((9, 6), np.uint8), "takes 169 distractors, found 9"),
        (np.zeros(3), "packed codes"),
    ):
        np.save(codes, wrong)
        status, output = scale(file, "--images", 300, "--codes", codes, "--results", tmp_path / "results")
        assert (status, reason in output) == (1, True), output


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--images", "many"], "as 1e6; found 'many'"),
        (["--images", "1e12"], "from 1 to 1e9"),
        (["--exits", "3"], "numbers from 1 to 2"),
        (["--exits", "2"], "no exit has any"),
        (["--index", "tree"], "flat, hnsw"),
    ],
)
def test_wrong_options_are_named(file, tmp_path, arguments, reason):
    status, output = scale(file, *arguments, "--results", tmp_path)
    assert (status, reason in output) == (1, True), output


def test_codes_that_identity_explains_whole_leave_nothing_to_the_image():
    factors, rest = _factors(np.eye(4), np.full(4, -1e-17))  # as rounding may leave it
    assert not factors.any()
    assert not rest.any()
