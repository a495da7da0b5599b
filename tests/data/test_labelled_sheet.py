"""The labelled sheet of people."""

import numpy as np
import pytest
from PIL import Image

from bench.data.contact_sheet import GROUND
from bench.data.dataset import ImageSample
from bench.data.labelled_sheet import GAP, HEIGHT, LETTER, PAPER, WIDEST, write_labelled_sheet
from bench.errors import BenchError

RED, LIME, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
CENTRES = [LETTER + 2 * GAP + row * (HEIGHT + GAP) + HEIGHT // 2 for row in range(3)]
"""Heights of the rows' middles."""


def sample(folder, pid, camid, colour, size=(64, 128), name=""):
    path = folder / f"{name or f'{pid}_{camid}'}.png"
    Image.new("RGB", size, colour).save(path)
    return ImageSample(path, pid, camid)


def draw(samples, path, seed=0, **options):
    shown = write_labelled_sheet(samples, path, np.random.default_rng(seed), **options)
    with Image.open(path) as sheet:
        return shown, np.asarray(sheet.convert("RGB"))


def middles(pixels: np.ndarray, columns: int) -> list[list[tuple[int, ...]]]:
    """Colours in the middle of every cell, found from the right side, where there are no labels."""
    cell = next(width for width in range(1, 400) if tuple(pixels[CENTRES[0], -GAP - width]) == PAPER) - 1
    centres = [pixels.shape[1] - GAP - cell // 2 - (columns - 1 - column) * (cell + GAP) for column in range(columns)]
    rows = (pixels.shape[0] - LETTER - 2 * GAP) // (HEIGHT + GAP)
    return [[tuple(int(value) for value in pixels[CENTRES[row], column]) for column in centres] for row in range(rows)]


def test_rows_are_people_columns_are_cameras_and_cells_may_be_blank(tmp_path):
    samples = [sample(tmp_path, 7, 3, BLUE), sample(tmp_path, 2, 1, RED), sample(tmp_path, 2, 12, LIME)]
    samples += [sample(tmp_path, 0, 5, "white"), sample(tmp_path, -1, 6, "white")]
    shown, pixels = draw(samples, tmp_path / "sheet.png")
    assert shown == (2, 3)
    assert middles(pixels, 3) == [[RED, GROUND, LIME], [GROUND, BLUE, GROUND]]


def test_labels_stand_beside_the_images_and_never_on_them(tmp_path):
    # Images narrower than a label, and an identity that is longer than the word.
    samples = [sample(tmp_path, 123_456_789, camid, BLUE, (4, 128)) for camid in (1, 2, 3)]
    _, pixels = draw(samples, tmp_path / "sheet.png")
    colours = {tuple(int(value) for value in colour) for colour in pixels.reshape(-1, 3)}
    assert {BLUE, GROUND, PAPER} < colours
    header, row = pixels[: LETTER + 2 * GAP], pixels[LETTER + 2 * GAP :]
    ink = np.flatnonzero((header < 200).any(axis=(0, 2)))
    # "identity" and three labels "camera N" of two words each: between labels there is more room than within one.
    assert (np.diff(ink) >= 2 * GAP).sum() == 3
    left_of_cells = row[:, : np.flatnonzero((row == BLUE).all(axis=2).any(axis=0))[0]]
    assert (left_of_cells < 100).any()
    assert not (row[:, left_of_cells.shape[1] :] < 100).all(axis=2).any()


def test_images_keep_their_proportions(tmp_path):
    _, pixels = draw([sample(tmp_path, 1, 1, RED, (400, 100))], tmp_path / "sheet.png")
    red = (pixels == RED).all(axis=2)
    assert (red.any(axis=0).sum(), red.any(axis=1).sum()) == (WIDEST, WIDEST // 4)


def test_the_seed_draws_people_and_images(tmp_path):
    samples = [sample(tmp_path, pid, 1, (pid, n, 0), name=f"{pid}_{n}") for pid in range(1, 30) for n in range(3)]
    shown, first = draw(samples, tmp_path / "sheet.png", seed=1, identities=3)
    assert shown == (3, 1)
    assert np.array_equal(first, draw(samples, tmp_path / "sheet.png", seed=1, identities=3)[1])
    assert not np.array_equal(first, draw(samples, tmp_path / "sheet.png", seed=2, identities=3)[1])
    people = [row[0][0] for row in middles(first, 1)]
    assert people == sorted(people)


def test_what_cannot_be_shown(tmp_path):
    samples = [sample(tmp_path, 1, 1, RED)]
    with pytest.raises(BenchError, match="contact sheet"):
        draw(samples, tmp_path / "sheet.docx")
    with pytest.raises(BenchError, match="no identity to show"):
        draw([sample(tmp_path, 0, 1, RED)], tmp_path / "sheet.png")
    samples[0].path.write_bytes(b"")
    with pytest.raises(BenchError, match=r"1_1\.png.*the file is empty"):
        draw(samples, tmp_path / "sheet.png")
