import pytest
from PIL import Image

from bench.data.contact_sheet import GAP, GROUND, write_contact_sheet
from bench.data.dataset import ImageSample, ReidDataset
from bench.errors import BenchError


@pytest.fixture
def dataset(tmp_path):
    colours = {(1, 1): "red", (1, 2): "lime", (2, 1): "blue"}
    samples = []
    for (pid, camid), colour in colours.items():
        path = tmp_path / f"{pid}_{camid}.png"
        Image.new("RGB", (32, 64), colour).save(path)
        samples.append(ImageSample(path, pid, camid))
    return ReidDataset("two", tmp_path, (), tuple(samples[:1]), tuple(samples[1:]))


def test_a_row_a_person_a_column_a_camera(dataset, tmp_path):
    write_contact_sheet(dataset, tmp_path / "sheet.png", images=1, height=64)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (2 * 32 + GAP, 2 * 64 + GAP)
        assert sheet.getpixel((16, 32)) == (255, 0, 0)
        assert sheet.getpixel((32 + GAP + 16, 32)) == (0, 255, 0)
        assert sheet.getpixel((16, 64 + GAP + 32)) == (0, 0, 255)
        assert sheet.getpixel((32 + GAP + 16, 64 + GAP + 32)) == GROUND


def test_a_name_that_is_no_picture(dataset, tmp_path):
    with pytest.raises(BenchError, match="contact sheet"):
        write_contact_sheet(dataset, tmp_path / "sheet.docx")
