"""Files beside the runs, damaged in five ways: the reader names the file, or leaves it out by its name."""

import json
import random
import shutil
from functools import partial
from hashlib import sha256

import numpy as np
import pytest
from brought import ABOUT, brought_arrays
from measured import inference, scale, study

from bench.architecture.kept import check_genotype, read_architecture
from bench.cost.profiles import LATENCIES, write_latency
from bench.errors import WRONG_FORM, BenchError
from bench.evaluation.file import read_embeddings, write_embeddings
from bench.files import write_json, write_text
from bench.inference.export.card import CARD, CardExit, ModelCard, Preprocessing, read_card, verify_files, write_card
from bench.inference.gallery import Gallery, GalleryExit, load_gallery, save_gallery
from bench.inference.records import INFERENCES, write_record
from bench.integrity.checks import Verification
from bench.integrity.exported import verify_exported
from bench.integrity.measured import verify_measurements
from bench.report.studies import SCALES, STUDIES
from bench.running.request import RunRequest
from torture import damage

FLIPS = 8
RUNS = "a" * 64, "b" * 64
GENOTYPES = ",".join(["3-5-1"] * 6), ",".join(["3-7-1"] * 6)


def export(results, other, name="step-1.onnx"):
    """An export; only its digests are looked at before an engine reads it."""
    folder = results / "exports" / "one"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(f"a graph of {RUNS[other]}".encode())
    graph = name.endswith(".onnx")
    exit_ = CardExit("exit 1", 8, "binary", 1000 + other, name if graph else "", ("images",), ("embedding",))
    files = {name: sha256((folder / name).read_bytes()).hexdigest()}
    about = {"method": "hashreid", "preset": "smoke", "run": RUNS[other], "dataset": "invented", "options": {}}
    about |= {"identities": 3, "weights_sha256": RUNS[other], "suite_version": "0.1.0", "packages": {}}
    preprocessing = Preprocessing((64, 32), (64, 32), (0.5,) * 3, (0.5,) * 3)
    form = "onnx" if graph else "safetensors"
    card = ModelCard(form=form, precision="float32", exits=(exit_,), preprocessing=preprocessing, files=files, **about)
    write_card(folder, card)
    return folder / name


def card(results, other):
    return export(results, other).with_name(CARD)


def weights(results, other):
    return export(results, other, "weights.safetensors")


def read_export(path):
    verify_files(path.parent, read_card(path.parent))
    return []


def gallery(results, other):
    codes = np.arange(6, dtype=np.uint8).reshape(3, 2) + other
    exits = (GalleryExit("exit 1", 16, "binary"),)
    results.mkdir(parents=True)
    labels = np.arange(1, 4), np.zeros(3, dtype=np.int64)
    save_gallery(Gallery(RUNS[other], RUNS[other], exits, (codes,), *labels, ("1", "2", "3")), results / "kept.gallery")
    return results / "kept.gallery"


def embeddings(results, other, ending=".npz"):
    write_embeddings(results / f"theirs{ending}", brought_arrays(seed=other), {**ABOUT, "name": f"network-{other}"})
    return results / f"theirs{ending}"


def architecture(results, other):
    """A search; the first block's two candidates are as likely as not."""
    names = [GENOTYPES[other][:5], "5-9-1"]
    row = {"epoch": 1, "training loss": 1.0, "validation loss": 1.0, **{f"{n}: {names[0]}": 0.6 for n in range(1, 7)}}
    values = {"schema": 1, "key": RUNS[other], "option": "genotype", "genotype": GENOTYPES[other], "dataset": "data"}
    values |= {"method": "cdnet", "preset": "smoke", "rendered": False, "seed": 0, "provenance": {}, "history": [row]}
    path = results / "architecture" / "data" / f"cdnet-{RUNS[other][:8]}" / "architecture.json"
    write_json(path, {**values, "candidates": names, "probabilities": [[0.6, 0.4]] * 6})
    write_text(path.with_name("genotype.txt"), GENOTYPES[other])
    return path


def genotype(results, other):
    return architecture(results, other).with_name("genotype.txt")


def read_genotype(path):
    try:
        RunRequest(method="cdnet", preset="smoke", settings={"genotype": str(path)}).resolve()
    finally:
        check_genotype(path, read_architecture(path.with_name("architecture.json")))
    return []


def latency(results, other):
    times = {name: [1.0, 2.0] for name in ("milliseconds", "low", "high")}
    about = {"method": "hashreid", "preset": "demo", "network": RUNS[other], "exits": ["exit 1", "exit 2"], "batch": 1}
    provenance = {"processor": "a processor", "device": "cpu", "precision": "float32", "threads": 1}
    return write_latency(results, {**about, **times, "provenance": provenance})


def early_exit(results, other):
    return write_record(results, inference(RUNS[other], kept_gallery=None))


def searched(results, other, what="scale"):
    values = scale() if what == "scale" else {**study([]), "schema": 1}
    values["dataset"]["fingerprint"] = "c" * 64
    path = results / what / "data" / f"hashreid-{RUNS[other][:8]}" / f"{what.replace('search', 'study')}.json"
    write_json(path, {**values, "key": RUNS[other], "seed": other})
    return path


def remarks(kind, path):
    return list(kind.read(path.parents[1 if path.parent.name in ("latency", "inference") else 3])[1])


KINDS = {
    "graph": (export, read_export),
    "card": (card, read_export),
    "weights": (weights, read_export),
    "gallery": (gallery, lambda path: [load_gallery(path).run]),
    "embeddings": (embeddings, lambda path: [read_embeddings(path).about["name"]]),
    "embeddings in safetensors": (
        partial(embeddings, ending=".safetensors"),
        lambda path: [read_embeddings(path).about["name"]],
    ),
    "architecture": (architecture, lambda path: [read_architecture(path)["key"]] * 0),
    "genotype": (genotype, read_genotype),
    "latency": (latency, partial(remarks, LATENCIES)),
    "early exit": (early_exit, partial(remarks, INFERENCES)),
    "scale": (searched, partial(remarks, SCALES)),
    "study": (partial(searched, what="search"), partial(remarks, STUDIES)),
}
"""How a file is kept, and what its reader says of it: remarks, or whose it is; whole files give nothing else."""
TELL_WHOSE = {"gallery": RUNS[1], "embeddings": "network-1", "embeddings in safetensors": "network-1"}
"""Files that users name, and that say themselves whose they are: another's is read as another's."""


def told(read, path):
    try:
        return read(path)
    except (BenchError, *WRONG_FORM) as problem:
        # Of another form than ours alone: the caller names the file (bench.running.keep).
        return [str(problem) if isinstance(problem, BenchError) else path.name]


def wrong(results):
    verification = Verification()
    verify_measurements(results, verification)
    verify_exported(results, verification)
    return [finding.path for finding in verification.wrong]


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_named_where_it_is_read_and_by_verify(tmp_path, kind):
    make, read = KINDS[kind]
    whole = make(tmp_path / "whole", 0)
    assert not read(whole) or kind in TELL_WHOSE
    assert not wrong(tmp_path / "whole")
    for number, way in enumerate([*[damage.flip] * FLIPS, damage.cut, damage.empty, damage.replace]):
        results = tmp_path / str(number)
        shutil.copytree(tmp_path / "whole", results)
        path = results / whole.relative_to(tmp_path / "whole")
        before = path.read_bytes()
        way(path, random.Random(f"{kind} {number}"))
        assert path.read_bytes() != before
        assert any(path.name in one for one in told(read, path)), f"{way.__name__}: {told(read, path)}"
        assert "embeddings" in kind or wrong(results), f"verify after {way.__name__}"


@pytest.mark.parametrize("kind", KINDS)
def test_anothers_file_is_not_taken_for_ones_own(tmp_path, kind):
    make, read = KINDS[kind]
    whole, others = make(tmp_path / "whole", 0), make(tmp_path / "other", 1)
    shutil.copy(others, whole)
    if kind in TELL_WHOSE:
        assert read(whole) == [TELL_WHOSE[kind]]
        return
    found = told(read, whole)
    assert len(found) == 1
    assert whole.name in found[0]
    assert wrong(tmp_path / "whole")


def test_a_latency_with_one_wrong_value_is_left_out_alone(tmp_path):
    for other in (0, 1):
        path = latency(tmp_path, other)
    record = json.loads(path.read_text())
    for name, value in {"batch": None, "milliseconds": [1.0, "2"], "low": [1.0, -1.0], "exits": [1, 2]}.items():
        write_json(path, {**record, name: value})
        records, said = LATENCIES.records(tmp_path)
        assert [one["network"] for one in records] == [RUNS[0]]
        assert len(said) == 1
        assert path.name in said[0]
