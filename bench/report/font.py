"""The font of all figures: DejaVu Sans with Latin, Greek and signs, their kerning, and no other rules.

A PDF carries the letters that it needs. Cutting them out of the whole font takes as long as drawing the figure, nearly
all of it for the ligatures and positioning rules of other scripts.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from fontTools import subset  # type: ignore[import-untyped]
from matplotlib.font_manager import FontProperties, findfont, fontManager

WHOLE = "DejaVu Sans"
LEAN = "DejaVu Sans Lean"
LETTERS = (range(0x20, 0x250), range(0x370, 0x400), range(0x2000, 0x2300))
"""Latin, Greek, and punctuation to mathematical signs. What else a label holds is taken from the whole font."""
SCRIPTS = ("DFLT", "latn", "grek")
NEEDLESS_TABLES = ("GSUB", "GDEF", "FFTM")
NAMES = {1: LEAN, 4: LEAN, 6: "DejaVuSansLean"}
"""Family, full name and PostScript name, by their numbers in the font."""


@cache
def families() -> tuple[str, ...]:
    """Names of the fonts to draw with, by preference; the lean one is made on the first call of a process."""
    options = subset.Options(
        drop_tables=[*subset.Options().drop_tables, *NEEDLESS_TABLES],
        layout_features=["kern"],
        layout_scripts=list(SCRIPTS),
        notdef_outline=True,
    )
    font = subset.load_font(findfont(FontProperties(family=WHOLE)), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=[letter for letters in LETTERS for letter in letters])
    subsetter.subset(font)
    for number, name in NAMES.items():
        font["name"].setName(name, number, 3, 1, 0x409)
        font["name"].setName(name, number, 1, 0, 0)
    folder = Path(_folder().name)
    font.save(folder / "DejaVuSansLean.ttf")
    fontManager.addfont(folder / "DejaVuSansLean.ttf")
    return LEAN, WHOLE


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Holds the font while the process lives: matplotlib reads it again for every figure."""
    return tempfile.TemporaryDirectory(prefix="bench-report-font-", ignore_cleanup_errors=True)
