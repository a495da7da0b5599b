"""What ``bench infer`` refuses."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.data.dataset import ImageSample
from bench.errors import BenchError
from bench.inference.infer import infer as measure_run
from bench.inference.request import InferRequest

MISTAKES = [
    (("--policy", "learnt"), "unknown policy 'learnt': did you mean 'learned'"),
    (("--policy", "gs:third"), "unknown reading of policy gs 'third'"),
    (("--scenario", "online"), "unknown scenario 'online'"),
    (("--backend", "tensorflow"), "unknown backend 'tensorflow'"),
    (("--thresholding", "exact"), "no running system can"),
    (("--thresholding", "fixed"), "unknown thresholding 'fixed'"),
    (("--budget", "1.5"), "a budget is a share from 0 (the first exit) to 1 (the last), not 1.5"),
    (("--budget", "half"), "--budget takes numbers with commas"),
    (("--a", "-1"), "a is a number from 0 to inf, not -1"),
    (("--batch", 0), "a batch holds 1 image or more"),
    (("--rounds", 0), "rounds and queries are 1 or more"),
    (("--rebatch", "--scenario", "server"), "it is for --scenario offline"),
    (("--scenario", "server", "--latency-bound", 0), "a latency bound is a number of milliseconds above 0"),
    (("--sheet", "answers.png"), "--sheet draws the answers to --images"),
    (("--images", "nowhere"), "no such folder"),
    (("--images", "nowhere", "--json", "record.json"), "--images measures nothing"),
    (("--images", "nowhere", "--rival", "noexit"), "--images measures nothing"),
    (("--json", "record"), "--json record: expected the name of a file that ends with .json"),
    (("--json", "record.txt"), "--json record.txt: expected the name of a file that ends with .json"),
    (("--backend", "onnxruntime", "--export", "nowhere"), "expected an export"),
    (("--data", "size=smoke", "--data", "seed=7"), "was made of other images"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=[" ".join(map(str, a)) for a, _ in MISTAKES])
def test_mistakes(infer, untimed, arguments, message):
    status, _, err = infer(*arguments)
    assert status == 1
    assert message in err
    assert "Traceback" not in err


def test_other_mistakes(infer, untimed, tmp_path, results):
    empty, broken = tmp_path / "empty", tmp_path / "broken"
    empty.mkdir()
    broken.mkdir()
    (broken / "person.jpg").write_bytes(b"no image")
    (tmp_path / "folder.json").mkdir()
    for arguments, message in (
        (("--json", tmp_path / "folder.json"), "expected the name of a file"),
        (("--images", empty), "expected photographs"),
        (("--images", broken), "person.jpg"),
        (("--images", broken, "--policy", "random"), "choose another for --images"),
    ):
        status, _, err = infer(*arguments)
        assert status == 1
        assert message in err
    status, _, err = infer(run="noexit")
    assert status == 1
    assert "one exit" in err
    status, _, err = infer("--policy", "entropy", "--rival", "hashreid-noexit-smoke", "--rival", "nobody")
    assert status == 1
    assert "no run 'nobody'" in err


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({}, "spec.json is no spec of this suite: it names no dataset"),
        ({"dataset": "somewhere", "preset": "embeddings"}, "is of a file of embeddings: there is no network to open"),
    ],
)
def test_a_spec_that_is_no_trained_runs_is_told_of(bench, tmp_path, spec, said):
    folder = tmp_path / "runs" / "somewhere" / "hashreid-smoke-seed0-0123abcd"
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text(json.dumps(spec))
    status, _, err = bench("infer", "hashreid-smoke", "--results", tmp_path)
    assert status == 1
    assert said in " ".join(err.split())


def test_tracklets_are_refused_before_anything_is_made():
    """Tables of a set of tracklets take minutes; a run that lacks all else shows that none is asked for."""
    samples = (ImageSample(Path("a.jpg"), 1, 0, tracklet=0), ImageSample(Path("b.jpg"), 1, 0, tracklet=0))
    context = SimpleNamespace(
        stores=SimpleNamespace(query=SimpleNamespace(samples=samples)), spec=SimpleNamespace(dataset="mars")
    )
    with pytest.raises(BenchError, match="queries of mars are tracklets"):
        measure_run(InferRequest(), context)
