"""``bench infer`` on a finished smoke run: what it prints and keeps, and what it refuses."""

import hashlib
import json
import os
import shutil
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.cost.energy import EnergyMeter
from bench.data.dataset import DatasetRequest
from bench.inference.enrolment import NamedImages, enrol, images_of_split
from bench.inference.export.trained import read_trained
from bench.inference.gallery import save_gallery
from bench.runs.folder import RunFolder
from bench.runs.records import read_records


def records_of(results):
    (path,) = results.glob("runs/*/hashreid-smoke*/records-*.jsonl")
    return read_records(path)[1]


def test_what_is_answered_scores_as_the_records_say(infer, results, tmp_path):
    kept = tmp_path / "record.json"
    arguments = ("--budget", "0,0.25,0.5,0.75,1", "--rival", "noexit", "--rounds", 1, "--json", kept, "--batch", 8)
    status, out, err = infer(*arguments)
    assert status == 0, err
    for text in ("full network", "gs, budget 0.5", "exit 3 alone", "hashreid-noexit", "no counter", "what is saved"):
        assert text in out
    record = json.loads(kept.read_text())
    (own,) = (results / "inference").glob("*.json")
    assert json.loads(own.read_text()) == record
    kinds = [one["kind"] for one in record["contestants"]]
    assert kinds == ["full", *["engine"] * 5, *["exit"] * 3, "rival"]
    points = [point for point in records_of(results) if point["kind"] == "policy"]
    for one, point in zip(record["contestants"][1:6], points, strict=True):
        assert (one["decisions_changed"], one["bits_changed"]) == (0, 0)
        assert [one[name] for name in ("mAP", "rank-1", "mINP")] == [point[n] for n in ("mAP", "rank-1", "mINP")]
        assert one["exit_fractions"] == point["exit_fractions"]
        assert one["macs"] == point["realised_cost"]
        assert one["joules"] is None
    alone = {point["exit"]: point["mAP"] for point in records_of(results) if point["kind"] == "exit"}
    assert [one["mAP"] for one in record["contestants"][6:9]] == [alone[index] for index in range(3)]
    assert record["contestants"][0]["mAP"] == alone[3]
    full, half = record["contestants"][0], record["contestants"][3]
    assert half["promised_by_macs"] == pytest.approx(1 - half["macs"] / full["macs"])
    assert full["saved_network"] == 0
    steps = {(exit_, size): times for exit_, size, times in half["values"]["steps"]}
    assert sum(size * times for (exit_, size), times in steps.items() if exit_ == 0) == record["queries"]
    assert {size for _, size in steps} <= set(
        record["profile"]["sizes"]
    )  # what is promised is of sizes that were timed
    assert len(half["values"]["milliseconds"][0]) == record["queries"]
    assert {name: record["engine"][name] for name in ("backend", "precision", "device")} == {
        "backend": "torch",
        "precision": "float32",
        "device": "cpu",
    }
    assert record["provenance"]["processor"]


@pytest.mark.parametrize(
    ("scenario", "batch", "options"),
    [
        ("single-stream", 1, ()),
        ("multi-stream", 8, ()),
        ("server", 4, ("--batch", 4, "--latency-bound", 10_000)),
    ],
)
def test_scenarios(infer, tmp_path, scenario, batch, options):
    kept = tmp_path / "record.json"
    arguments = ("--scenario", scenario, "--rounds", 1, "--json", kept, *options)
    status, out, err = infer(*arguments, "--a", 1, "--thresholding", "stream", "--policy", "random", "--queries", 20)
    assert status == 0, err
    assert "random, a = 1" in out
    record = json.loads(kept.read_text())
    assert (record["batch"], record["queries"]) == (batch, 20)
    for one in record["contestants"]:
        latencies = one["values"]["latencies"][0]
        assert len(latencies) == (3 if scenario == "multi-stream" else 20)
        assert one["latency_p50"] >= one["network_latency_p50"] > 0
        if scenario == "server":
            assert one["rate"] > 0, "ten seconds are enough for anybody"
            assert one["rate_low"] == one["rate"] == one["rate_high"], "of one round"
    assert record["contestants"][1]["decisions_changed"] == 0


def test_joules_are_counted_over_passes_enough(infer, tmp_path, monkeypatch):
    """A counter of ten watts that is told something after a tenth of a second: everybody answers until then."""
    monkeypatch.setattr("bench.cost.energy.LEAST_SECONDS", 0.1)
    counter = EnergyMeter("a counter", lambda: 10 * time.perf_counter())
    monkeypatch.setattr(counter, "measure_idle", partial(counter.measure_idle, 0.01))
    monkeypatch.setattr("bench.inference.infer.find_meter", lambda device: counter)
    kept = tmp_path / "record.json"
    status, out, err = infer("--queries", 2, "--rounds", 1, "--json", kept)
    assert status == 0, err
    assert "no counter" not in out
    for one in json.loads(kept.read_text())["contestants"]:
        (energy,) = one["energy"]
        assert energy["seconds"] >= 0.1
        assert energy["passes"] == len(one["values"]["milliseconds"])
        assert one["joules"] == pytest.approx(10 * energy["seconds"] / energy["passes"] / 2, rel=0.2)
        # Of such a counter's joules, all are idle.
        assert one["idle_joules"] == pytest.approx(one["joules"], rel=0.3)
    assert "idle)" in out


def test_who_goes_on_waits_for_others(infer, tmp_path):
    kept = tmp_path / "record.json"
    status, out, err = infer("--rebatch", "--batch", 8, "--rounds", 1, "--policy", "random", "--json", kept)
    assert status == 0, err
    assert "filled up between steps" in " ".join(out.split())
    record = json.loads(kept.read_text())
    assert record["engine"]["rebatched"]
    engine = record["contestants"][1]
    assert (engine["decisions_changed"], engine["bits_changed"]) == (0, 0)
    later = [size for index, size, _ in engine["values"]["steps"] if index > 0]
    assert sum(size < 8 for size in later) <= len(engine["exit_fractions"]) - 1
    assert engine["latency_p50"] >= engine["network_latency_p50"] > 0


def test_the_report_shows_what_was_measured(infer, bench, results, figures_drawn, tmp_path):
    figures_drawn("as-run", "savings", "latencies", "server")
    shutil.rmtree(results / "inference", ignore_errors=True)  # measured by other tests: each would have figures too
    served = ("--scenario", "server", "--latency-bound", 10_000, "--queries", 8, "--rounds", 1)
    status, _, err = infer("--budget", "0.25,0.75", *served)
    assert status == 0, err
    status, _, err = bench("report", "--results", results, "--out", tmp_path, "--formats", "svg", "--no-pictures")
    assert status == 0, err
    page = (tmp_path / "index.html").read_text()
    for text in (
        "Early exit as run",
        "Promised and realised saving",
        "Latency by exit",
        "Rate kept",
        "gs, budget 0.25",
    ):
        assert text in page
    assert "left out:" not in page
    tables = list(tmp_path.glob("tables/*-as-run.csv"))
    assert any("gs, budget 0.75" in path.read_text() for path in tables)


def test_who_is_this(infer, cache, tmp_path, results):
    queries = sorted(cache.rglob("*/query/*"))[:3]
    folder = tmp_path / "people"
    folder.mkdir()
    for path in queries:
        shutil.copy(path, folder)
    Image.fromarray(np.full((90, 30, 3), 128, dtype=np.uint8)).save(folder / "other size.png")
    sheet = tmp_path / "sheet.png"
    status, out, err = infer("--images", folder, "--sheet", sheet)
    assert status == 0, err
    assert "other size.png" in out
    assert queries[0].name in out
    assert Image.open(sheet).size[1] == 4 * 130 - 2


def test_a_folder_that_is_held_or_read_only_answers_and_stays_as_it_is(infer, cache, tmp_path, results, monkeypatch):
    folder = RunFolder(next(results.glob("runs/*/hashreid-smoke*")))
    shutil.copy(next(cache.rglob("*/query/*")), tmp_path)
    for path in folder.path.glob("policy-learned-*"):
        path.unlink()

    def state():
        return {path: path.stat().st_mtime_ns for path in results.rglob("*") if path.name != ".lock"}

    before = state()
    with folder.alone():
        assert infer("--images", tmp_path)[0] == 0
        status, _, err = infer("--images", tmp_path, "--policy", "learned")
    assert (status, "is not kept: its folder is read-only" in " ".join(err.split())) == (0, True), err
    assert state() == before
    (folder.path / ".lock").unlink(missing_ok=True)
    before = state()
    monkeypatch.setattr(os, "access", lambda path, mode, **_: not (mode & os.W_OK and results in Path(path).parents))
    assert infer("--images", tmp_path, "--policy", "learned")[0] == 0
    assert state() == before
    assert not (folder.path / ".lock").exists()


@pytest.fixture(scope="module")
def kept(results, cache, tmp_path_factory):
    """The file of a gallery that was built from half of the run's own, and that gallery."""
    folder = next(results.glob("runs/*/hashreid-smoke*"))
    trained = read_trained(RunFolder(folder))
    images = images_of_split("synthped", DatasetRequest(cache, {"size": "smoke"}), "gallery")
    half = NamedImages(images.samples[::2], images.names[::2])
    gallery = enrol(trained, half, cache, "cpu").gallery
    file = tmp_path_factory.mktemp("kept") / "people.gallery"
    save_gallery(gallery, file)
    return file, gallery


def test_a_kept_gallery_answers(infer, kept, cache, tmp_path):
    file, gallery = kept
    record = tmp_path / "record.json"
    status, _, err = infer("--gallery", file, "--rounds", 1, "--json", record)
    assert status == 0, err
    written = json.loads(record.read_text())
    assert written["gallery"] == len(gallery)
    assert written["kept_gallery"] == hashlib.sha256(file.read_bytes()).hexdigest()
    queries = images_of_split("synthped", DatasetRequest(cache, {"size": "smoke"}), "query").samples
    people = [(sample.pid, sample.camid) for sample in queries]
    enrolled = list(zip(gallery.pids.tolist(), gallery.camids.tolist(), strict=True))
    matched = [any(pid == other and camid != seen for other, seen in enrolled) for pid, camid in people]
    assert written["queries"] == sum(matched) < len(people), "queries whose identity is not enrolled are left out"
    assert written["contestants"][1]["decisions_changed"] == 0


def test_a_kept_gallery_with_features_answers_as_the_runs_own(infer, results, cache, tmp_path):
    trained = read_trained(RunFolder(next(results.glob("runs/*/hashreid-smoke*"))))
    images = images_of_split("synthped", DatasetRequest(cache, {"size": "smoke"}), "gallery")
    save_gallery(enrol(trained, images, cache, "cpu", features=True).gallery, tmp_path / "whole.gallery")
    told = []
    for arguments in ((), ("--gallery", tmp_path / "whole.gallery")):
        status, _, err = infer("--policy", "ets", "--rounds", 1, "--json", tmp_path / "record.json", *arguments)
        assert status == 0, err
        told.append(json.loads((tmp_path / "record.json").read_text())["contestants"][1])
    assert told[0]["values"]["exits"] == told[1]["values"]["exits"]
    assert told[0]["rank-1"] == told[1]["rank-1"]


def test_who_is_this_is_answered_by_name_from_a_kept_gallery(infer, kept, cache, tmp_path):
    file, gallery = kept
    image = next(path for path in cache.rglob("*smoke*/bounding_box_test/*") if path.name in gallery.names[3])
    folder = tmp_path / "people"
    folder.mkdir()
    shutil.copy(image, folder / "somebody.jpg")
    status, out, err = infer("--gallery", file, "--images", folder)
    assert status == 0, err
    (row,) = [line for line in out.splitlines() if "somebody.jpg" in line]
    assert gallery.names[3] in row, "the image itself is enrolled"
    assert f"{gallery.pids[3]} (0)" in row


def test_a_gallery_that_does_not_belong_is_refused(infer, untimed, kept, tmp_path):
    file, gallery = kept
    exits = (replace(gallery.exits[0], name="other exit"), *gallery.exits[1:])
    strangers = replace(gallery, pids=np.full(len(gallery), 9999))
    for wrong, message in (
        (replace(gallery, run="0" * 64), "was built by run 00000000, and this is run"),
        (replace(gallery, network="0" * 64), "was trained again since"),
        (replace(gallery, exits=exits), "the gallery holds codes of other exit"),
        (gallery.remove(gallery.names), "holds no image"),
        (strangers, "no test query of the run has a match in this gallery"),
    ):
        save_gallery(wrong, tmp_path / "wrong.gallery")
        status, _, err = infer("--gallery", tmp_path / "wrong.gallery")
        assert status == 1
        assert message in err
        assert "Traceback" not in err
    (tmp_path / "cut.gallery").write_bytes(file.read_bytes()[:-1])
    for arguments, message in (
        (("--gallery", tmp_path / "cut.gallery"), "is damaged"),
        (("--gallery", tmp_path / "absent.gallery"), "cannot be read"),
        (("--gallery", file, "--rival", "noexit"), "a rival answers from its own run's gallery"),
        (("--gallery", file, "--images", tmp_path, "--sheet", "s.png"), "holds codes and no pictures"),
    ):
        status, _, err = infer(*arguments)
        assert status == 1
        assert message in err


def test_a_gallery_without_features_is_refused_to_a_policy_that_reads_them(infer, kept):
    file, _ = kept
    status, _, err = infer("--gallery", file, "--policy", "ets")
    assert (status, "which this gallery does not hold" in err) == (1, True)


def test_eight_bits_are_written_where_they_are_asked_for(infer, traced_once, tmp_path):
    pytest.importorskip("onnxscript", reason="exporting needs the extra export")
    record = tmp_path / "record.json"
    arguments = ("--backend", "onnxruntime", "--precision", "int8", "--threads", 1, "--rounds", 1, "--json", record)
    status, out, err = infer(*arguments)
    assert status == 0, err
    assert "int8" in out
    written = json.loads(record.read_text())
    assert written["engine"]["precision"] == "int8"
    for one in written["contestants"]:
        assert 0 < one["bits_changed"] < 0.2 * one["bits_compared"]
    assert written["contestants"][1]["decisions_changed"] is not None


def test_a_reading_of_a_policy_decides_as_in_a_sweep(infer, tmp_path):
    kept = tmp_path / "record.json"
    status, _, err = infer("--policy", "gs:second", "--budget", "0.5", "--rounds", 1, "--json", kept)
    assert status == 0, err
    engine = json.loads(kept.read_text())["contestants"][1]
    assert (engine["policy"], engine["decisions_changed"]) == ("gs:second", 0)
