"""Texts from elsewhere made harmless: no control characters on the page or in a figure, and short, safe file names."""

from __future__ import annotations

import hashlib
import re
import unicodedata

HIDDEN = ("Cc", "Cf", "Cs")
"""Unicode categories that are taken out: control, format (reversed writing, for one) and lone surrogates."""
NAME_LETTERS = 80
"""A longer file name is cut, and ends with digits of its hash."""
HASH_LETTERS = 8


def clean(text: object) -> str:
    """Take out what no reader sees and what may change how the rest is shown; line ends stay."""
    return "".join(c for c in str(text) if c == "\n" or unicodedata.category(c) not in HIDDEN)


def slug(text: str) -> str:
    """Make a text safe as a file name and as an anchor."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", text).strip(".-") or "unnamed"


def file_name(*parts: str, ending: str = "") -> str:
    """Join parts to a file name less its ending; what goes beyond :data:`NAME_LETTERS` is cut and hashed.

    ``ending`` stays whole, so that the kind of a figure or table can be read off however long its subject is.
    """
    whole = "-".join(filter(None, map(slug, filter(None, parts))))
    if len(whole) > NAME_LETTERS:
        mark = hashlib.sha256(whole.encode()).hexdigest()[:HASH_LETTERS]
        whole = f"{whole[: NAME_LETTERS - HASH_LETTERS - 1].rstrip('.-')}-{mark}"
    return f"{whole}-{ending}" if ending else whole
