"""Where rendered sets and decoded images are kept between runs."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path


def default_cache() -> Path:
    """Folder of this suite in the user's cache folder."""
    return user_cache_path("reid-budget-bench")
