"""Sets rendered once for all tests of the renderer."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.data.synthped import SIZES
from bench.data.synthped.writer import make


@pytest.fixture(scope="session")
def smoke_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smoke set, rendered in this process."""
    return make(SIZES["smoke"], tmp_path_factory.mktemp("synthped") / "smoke", workers=1)
