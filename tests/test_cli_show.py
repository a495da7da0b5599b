import json
import subprocess
import sys

import pytest
from kept import keep_run


def test_a_run_is_shown(bench, tmp_path):
    folder = keep_run(tmp_path)
    (folder.path / "notes.txt").write_text("mine")
    status, out, err = bench("show", "hashreid-demo-seed0", "--results", tmp_path)
    assert (status, err) == (0, "")
    text = " ".join(out.split())
    for words in (
        folder.path.name,
        "bits 256",
        "learning_rate 0.004",
        "fingerprint abababababab…",
        "120 query images",
        "ap step",
        "policies random, gs",
        "commit c0ffeec0ffee, clean",
        "device cpu, float32",
        "packages numpy 2.0",
        "date 2026-01-01 00:00 UTC",
        "bench run --method 'hash reid'",
        "epochs 2 of 2",
        "time 0:01:30",
        "3,000 of 270 identities",
        "last losses loss 2",
        "ets learned from 1,200 easy training images",
        "exit 4 │ 256 bits │ 66.0 M",
        "Policies",
        "results of one sweep: 2 policies in stream, shown above",
        "notes.txt │ 4 B │ not of this suite",
        "retrieval_history.npz: policies that learn",
    ):
        assert words in text, words


def test_json_says_the_same(bench, tmp_path):
    folder = keep_run(tmp_path)
    status, out, err = bench("show", "seed0", "--results", tmp_path, "--json")
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert found["name"] == folder.path.name
    assert found["spec"]["method"] == {"method": "hashreid", "preset": "demo", "seed": 0, "bits": 256}
    assert found["training"]["last_losses"] == {"loss": 2.0}
    records = [json.loads(line) for line in next(folder.path.glob("records-*")).read_text().splitlines()]
    assert [one["mAP"] for one in found["exits"]] == [one["mAP"] for one in records if one.get("kind") == "exit"]
    assert [one["dim"] for one in found["exits"]] == [256] * 4
    assert {one["policy"] for one in found["policies"]} == {"random", "gs"}
    assert len(found["points"]) == 2 * 5
    # The unit of every cost above, and of the sweeps beside them, which may be another.
    assert found["cost"] == found["sweeps"][0]["cost"] == {"name": "macs", "unit": "multiply-adds"}
    sizes = {one["name"]: one["bytes"] for one in found["files"]}
    assert sizes == {path.name: path.stat().st_size for path in folder.path.iterdir()}


def test_a_run_that_only_began(bench, tmp_path):
    folder = keep_run(tmp_path, trained=False, scored=False)
    folder.checkpoint.write_bytes(b"")
    status, out, _ = bench("show", folder.path)
    assert status == 0
    assert "training has not ended" in out
    assert "Exits" not in out
    assert json.loads(bench("show", folder.path, "--json")[1])["exits"] == []


def test_records_without_curves_show_their_points(bench, tmp_path):
    def older(header, records):
        records[:] = [record for record in records if record["kind"] in ("exit", "policy", "oracle")]

    folder = keep_run(tmp_path, change=older)
    status, out, _ = bench("show", folder.path)
    assert status == 0
    (line,) = (line for line in out.splitlines() if line.startswith("│ gs "))
    assert line.count("—") == 5, "of the whole curve: mean, over the hull, gap, cost, beats"


def test_a_sweep_of_too_few_budgets_has_no_curve_to_compare(bench, tmp_path):
    """Of one budget, too: it is near to nothing, and the caption does not say that it is half of the way."""

    def first_budget(header, records):
        left_out = ("comparison", "curve")
        records[:] = [one for one in records if one["kind"] not in left_out]
        records[:] = [one for one in records if one["kind"] != "policy" or one["a"] == 0]
        names = {(one["policy"], one["thresholding"]) for one in records if one["kind"] == "policy"}
        records += [{"kind": "curve", "policy": policy, "thresholding": name} for policy, name in names]

    folder = keep_run(tmp_path, change=first_budget)
    status, out, _ = bench("show", folder.path)
    assert status == 0
    (line,) = (line for line in out.splitlines() if line.startswith("│ gs "))
    assert line.count("—") == 5, "it was not compared, and does not beat 0 others"
    assert "at the swept budget nearest to half of the way" in " ".join(out.split())


def test_a_damaged_file_is_a_remark(bench, tmp_path):
    folder = keep_run(tmp_path)
    next(folder.path.glob("records-*")).write_text("{")
    folder.training.write_text("{")
    status, out, err = bench("show", folder.path)
    assert status == 0
    assert err.count("remark:") == 2
    assert "training.json: nothing says how training went" in out
    assert "Traceback" not in err


@pytest.mark.parametrize(("wanted", "message"), [("demo", "a part of 2 runs"), ("hashried", "did you mean 'hashreid")])
def test_a_name_that_means_no_single_run(bench, tmp_path, wanted, message):
    names = [keep_run(tmp_path, seed=seed, scored=False).path.name for seed in (0, 1)]
    status, out, err = bench("show", wanted, "--results", tmp_path)
    assert (status, out) == (1, "")
    assert message in err
    for name in names:
        assert f"\n  {name}" in err


@pytest.mark.long
def test_looking_at_runs_does_not_wait_for_torch(tmp_path):
    folders = [keep_run(tmp_path, seed=seed).path for seed in (0, 1)]
    code = """
import sys
from bench.cli import main

folders = sys.argv[1:]
for words in (["show", folders[0]], ["compare", *folders]):
    sys.argv = ["bench", *words]
    try:
        main()
    except SystemExit as ended:
        assert not ended.code
    print(words[0], "loads torch:", "torch" in sys.modules)
"""
    command = [sys.executable, "-c", code, *map(str, folders)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    shown, compared = answer.stdout.split("show loads torch: False")
    assert "Exits" in shown
    assert "Exits" in compared
    assert compared.strip().endswith("compare loads torch: False")
