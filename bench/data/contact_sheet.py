"""A contact sheet: a row an identity, a few images for each camera, to look at a dataset as a person would."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from bench.data.dataset import Frame, ReidDataset
from bench.errors import BenchError

GAP = 2
"""Pixels between images."""
GROUND = (245, 245, 245)
"""Colour where a person was not seen."""


def write_contact_sheet(
    dataset: ReidDataset, path: Path, *, identities: int = 10, images: int = 2, height: int = 128
) -> None:
    """Draw the ``identities`` test people whom most cameras saw: ``images`` a camera, ``height`` pixels high."""
    seen: dict[int, dict[int, list[Frame]]] = defaultdict(lambda: defaultdict(list))
    for frame in (*dataset.query, *dataset.gallery):
        if frame.pid > 0:
            seen[frame.pid][frame.camid].append(frame)
    people = sorted(seen, key=lambda pid: (-len(seen[pid]), pid))[:identities]
    cameras = sorted({camid for pid in people for camid in seen[pid]})
    rows = [[frame for camid in cameras for frame in _padded(seen[pid][camid], images)] for pid in people]
    with Image.open(next(frame.path for frame in rows[0] if frame)) as sample:
        width = max(1, round(height * sample.width / sample.height))
    sheet = Image.new("RGB", (len(rows[0]) * (width + GAP) - GAP, len(rows) * (height + GAP) - GAP), GROUND)
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            if cell is not None:
                with Image.open(cell.path) as image:
                    picture = image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
                sheet.paste(picture, (column * (width + GAP), row * (height + GAP)))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet.save(path)
    except (OSError, ValueError) as problem:
        raise BenchError(f"cannot write the contact sheet {path}: {problem}; name a .png file elsewhere") from None


def _padded(frames: Sequence[Frame], length: int) -> list[Frame | None]:
    chosen: list[Frame | None] = list(frames[:length])
    return chosen + [None] * (length - len(chosen))
