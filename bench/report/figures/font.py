"""The font of all figures: DejaVu Sans with Latin, Greek and signs, their kerning, and no other rules.

A PDF carries the letters that it needs. Cutting them out of the whole font takes as long as drawing the figure, nearly
all of it for the ligatures and positioning rules of other scripts.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import matplotlib
from matplotlib.font_manager import FontProperties, findfont, fontManager

from bench.files import replacing
from bench.spec import digest

WHOLE = "DejaVu Sans"
LEAN = "DejaVu Sans Lean"
LETTERS = ((0x20, 0x180), (0x391, 0x3CA), (0x2010, 0x2027), (0x2190, 0x2194), (0x2212, 0x2213), (0x2264, 0x2266))
"""Latin, Greek, punctuation, arrows, minus, at most and at least, from the first to before the last.

What else a label holds is taken from the whole font.
"""
NEEDLESS_TABLES = ("GSUB", "GPOS", "GDEF", "FFTM", "MATH")
OPTIONS = {
    # The plain table of pairs, which every matplotlib reads, in place of the rules that say the same.
    "legacy_kern": True,
    "notdef_outline": True,
}
"""Options of fontTools' subsetter."""
NAMES = {1: LEAN, 4: LEAN, 6: "DejaVuSansLean"}
"""Family, full name and PostScript name, by their numbers in the font."""


@cache
def families() -> tuple[str, ...]:
    """Names of the fonts to draw with, by preference; the lean one is made when it is first needed on a machine."""
    settings = digest([matplotlib.__version__, LETTERS, NEEDLESS_TABLES, OPTIONS, list(NAMES.values())])
    path = Path(matplotlib.get_cachedir()) / f"DejaVuSansLean-{settings[:12]}.ttf"
    if not path.exists():
        _make(path)
    fontManager.addfont(path)
    return LEAN, WHOLE


def _make(path: Path) -> None:
    # Loaded here, since it takes a while and is needed once.
    from fontTools import subset  # type: ignore[import-untyped]

    options = subset.Options(drop_tables=[*subset.Options().drop_tables, *NEEDLESS_TABLES], **OPTIONS)
    font = subset.load_font(findfont(FontProperties(family=WHOLE)), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=[letter for first, end in LETTERS for letter in range(first, end)])
    subsetter.subset(font)
    for number, name in NAMES.items():
        font["name"].setName(name, number, 3, 1, 0x409)
        font["name"].setName(name, number, 1, 0, 0)
    # Several processes may make it at once: whoever ends last replaces it with the same.
    with replacing(path) as unfinished:
        font.save(unfinished)
