"""Readings of HashReID's text as options: what the paper leaves open, and terms that are our own.

:data:`AS_BEFORE` holds the value of every option that stands for how the method was before the option existed. It is
a statement about kept runs and never changes; what is recommended stands in the presets (:mod:`hashreid.method`).
``docs/methods.md`` has the source of each.
"""

from __future__ import annotations

from bench.errors import BenchError, unknown_name
from bench.methods import Options

CHOICES = {
    "ranking": ("cosine", "ksh", "none"),
    "feat_ori": ("pooled", "before-sign"),
    "training_sign": ("soft", "straight-through"),
    "triplet_anchors": ("mean", "sum"),
}
AS_BEFORE: Options = {
    "ranking": "cosine",
    "ranking_detached": False,
    "feat_ori": "pooled",
    "training_sign": "soft",
    "sign_hardness": 1.0,
    "quantisation_weight": 0.0,
    "triplet_anchors": "mean",
}

CHOSEN: Options = {**AS_BEFORE, "ranking_detached": True, "ranking_weight": 1.0}
"""What preset demo takes: of nine readings the best on identities held out of training (``results/readings``)."""


def check_readings(options: Options) -> None:
    """Raise BenchError where a reading is unknown, or a number is one that no training can follow."""
    for name, known in CHOICES.items():
        if options[name] not in known:
            raise unknown_name(f"reading of {name}", str(options[name]), known)
    if float(options["sign_hardness"]) < 1:
        raise BenchError(f"sign_hardness={options['sign_hardness']}: expected 1 (no schedule) or more")
    for name in ("quantisation_weight", "ranking_weight"):
        if float(options[name]) < 0:
            raise BenchError(f"{name}={options[name]}: expected a weight of 0 or more")
