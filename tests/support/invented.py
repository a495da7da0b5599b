"""Invented exit tables, as the contract tests that plug-ins run have them."""

from bench.testing.invented import (
    COSTS,
    FEATURES,
    GALLERY,
    invented_evidence,
    invented_table,
    ready,
    with_features,
)

__all__ = ["COSTS", "FEATURES", "GALLERY", "invented_evidence", "invented_table", "ready", "with_features"]
