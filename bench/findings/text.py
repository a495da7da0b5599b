"""Names from elsewhere as file names: short and safe."""

from __future__ import annotations

import hashlib
import re

NAME_LETTERS = 80
"""A longer file name is cut, and ends with digits of its hash."""
HASH_LETTERS = 8


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
