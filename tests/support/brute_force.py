"""Hamming distances of packed codes, by counting the bits of every pair."""

import numpy as np


def brute_force(query: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    return np.bitwise_count(query[:, None] ^ gallery[None]).sum(axis=2, dtype=np.int64)
