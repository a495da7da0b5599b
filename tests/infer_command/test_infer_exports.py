"""``bench infer`` on an export that is named: whose it must be, and what its rivals run."""

import json

import pytest
import torch
from retrained import train_again

from bench.inference.export.trained import read_trained
from bench.inference.export.write import CalibrationImages, write_export
from bench.runs.folder import RunFolder

pytest.importorskip("onnxscript", reason="exporting needs the extra export")

ENGINE = ("--backend", "onnxruntime", "--threads", 1, "--rounds", 1, "--queries", 4)


@pytest.fixture
def run(results):
    return read_trained(RunFolder(next(results.glob("runs/*/hashreid-smoke*"))))


@pytest.fixture
def export(run, traced_once, tmp_path):
    write_export(run, tmp_path / "export")
    return tmp_path / "export"


def test_an_export_of_weights_that_the_run_has_no_more_is_refused(infer, run, export):
    """Thresholds and gallery are of the run as it is: an older network would answer by them without a word."""
    assert infer(*ENGINE, "--export", export)[0] == 0
    whole = {file: file.read_bytes() for file in (run.folder.weights, run.folder.training)}
    try:
        train_again(run.folder)
        status, _, err = infer(*ENGINE, "--export", export)
    finally:
        for file, content in whole.items():
            file.write_bytes(content)
    assert status == 1
    assert "has been trained again since" in " ".join(err.split())
    status, _, err = infer(*ENGINE, "--export", export, run="noexit")
    assert status == 1


def test_rivals_of_an_export_run_graphs_of_their_own_in_its_precision(infer, run, traced_once, tmp_path):
    height, width = run.input_size
    noise = torch.randn(4, 3, height, width, generator=torch.Generator().manual_seed(0)).numpy()
    write_export(run, tmp_path / "int8", precision="int8", calibration=CalibrationImages(noise, "noise"))
    record = tmp_path / "record.json"
    status, _, err = infer(*ENGINE, "--export", tmp_path / "int8", "--rival", "noexit", "--json", record)
    assert status == 0, err
    assert json.loads(record.read_text())["contestants"][-1]["kind"] == "rival"
    (folder,) = run.folder.path.parent.glob("hashreid-noexit*")
    assert [path.name for path in folder.glob("export-*")] == ["export-int8"]
