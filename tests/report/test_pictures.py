"""Pictures of queries that bench policies drew: they are in the page, whole, unless they are not wanted or damaged."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from bench.cli.app import application
from bench.report.write import write_report


@pytest.fixture
def drawn(write_run, figures_drawn):
    """A run with its pictures, in a report without figures; gives the results folder and that of the pictures."""
    figures_drawn()
    _, _, path = write_run()
    write_run(method="dare")
    folder = write_run.results / "policies" / path.parent.name
    folder.mkdir(parents=True)
    colours = np.zeros((60, 100, 3), dtype=np.uint8)
    colours[:, :50], colours[:, 50:] = (200, 30, 30), (30, 30, 200)
    for name in ("top-matches", "ets-classes", "outcomes"):
        Image.fromarray(colours).save(folder / f"{name}.png")
    return write_run.results, folder


def of_pictures(report):
    """Remarks on what lies beside the runs; these have few resamples, which is remarked too."""
    return [remark for remark in report.remarks if "resamples" not in remark]


def test_the_page_holds_them(drawn, tmp_path):
    results, folder = drawn
    report = write_report(results, tmp_path / "report", formats=[])
    text = report.page.read_text()
    shown = re.findall(r'<img src="data:image/jpeg;base64,([^"]+)" alt="([^"]+)" width="65">', text)
    assert len(shown) == 2
    for data, description in shown:
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
        assert pixels.shape == (60, 100, 3)
        assert np.abs(pixels[30, 20].astype(int) - (200, 30, 30)).max() < 12
        assert description.startswith("Rows of images")
    assert f"Drawn by bench policies for {folder.name}." in text
    # They stand with the setup that they are of.
    assert text.index("dare demo <") < text.index("hashreid demo <") < text.index("<img")
    assert not of_pictures(report)


def test_a_damaged_one_costs_a_remark(drawn, tmp_path):
    results, folder = drawn
    (folder / "top-matches.png").write_bytes(b"\x89PNG no picture")
    report = write_report(results, tmp_path / "report", formats=[])
    (remark,) = of_pictures(report)
    assert f"left out: policies/{folder.name}/top-matches.png cannot be read as a picture" in remark
    assert report.page.read_text().count("<img") == 1
    assert "cannot be read as a picture" in report.page.read_text()


def test_they_can_be_left_out(drawn, tmp_path):
    results, _ = drawn
    where = ["--results", str(results), "--out", str(tmp_path / "r")]
    done = CliRunner().invoke(application("report"), ["report", *where, "--no-pictures", "--formats", ""])
    assert done.exit_code == 0, done.output
    assert "<img" not in (tmp_path / "r" / "index.html").read_text()
