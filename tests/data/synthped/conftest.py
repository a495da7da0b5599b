"""Sets rendered once for all tests of the renderer."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.data.synthped import RENDERER_VERSION, SIZES
from bench.data.synthped.writer import make


@pytest.fixture(scope="session")
def smoke_set(cache: Path) -> Path:
    """The smoke set that all test processes share: to be read, or refused, and never changed."""
    return make(SIZES["smoke"], cache / f"synthped-smoke-seed0-v{RENDERER_VERSION}", workers=1)
