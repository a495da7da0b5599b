"""Which files lie in a run's folder, and what each is (:mod:`bench.runs.folder` writes them)."""

from __future__ import annotations

from fnmatch import fnmatch

from bench.spec import EVALUATION_VERSION

FILES = {
    "spec.json": "what identifies the run",
    "checkpoint.pt": "the state of a training that has not ended",
    "weights.safetensors": "the trained network",
    "training.json": "losses of every epoch, and provenance",
    "retrieval_history.npz": "retrieval statistics taken while training",
    f"embeddings-extras-*-v{EVALUATION_VERSION}.npz": "codes of every split that are no exits",
    f"embeddings-*-v{EVALUATION_VERSION}.npz": "codes of every split at every exit",
    "embeddings*.npz": "codes, by an older version of the suite",
    f"features-v{EVALUATION_VERSION}.npz": "features of the first exit",
    "features*.npz": "features, by an older version of the suite",
    "cost.json": "the cost ledger",
    "table-test-*.npz": "exit table: every test query at every exit",
    "table-calibration-*.npz": "exit table of the held-out identities",
    f"pairs-*-v{EVALUATION_VERSION}.npz": "pairs of images by distance: same person or not",
    "pairs-*.npz": "pairs of images, by an older version of the suite",
    "extra*-*.npz": "table of an embedding that is no exit",
    "policy-*.npz": "what a policy learned",
    "records-*.jsonl*": "results of one sweep",
}
"""What each file is, by the first pattern that its name fits."""


def is_known(name: str) -> bool:
    """Whether a file of this name is one that this suite writes into a run's folder."""
    return any(fnmatch(name, pattern) for pattern in FILES)


def meaning(name: str) -> str:
    """Say what a file of this name is."""
    return next((what for pattern, what in FILES.items() if fnmatch(name, pattern)), "not of this suite")
