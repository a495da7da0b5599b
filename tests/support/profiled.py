"""Kept profiles of the invented network of four exits that the contract tests of costs price."""

from bench.cost.profiles import network_key, write_latency
from bench.testing.costs import GALLERY, LEDGER, OPTIONS, SIZE
from bench.testing.costs import priced_network as NETWORK

__all__ = ["GALLERY", "LEDGER", "MILLISECONDS", "NETWORK", "keep_profile"]

MILLISECONDS = [1.0, 2.5, 4.0, 8.0]


def keep_profile(results, processor="Small CPU", precision="float32", batch=1, times=MILLISECONDS, **columns):
    """Keep a profile of the network, as bench latency does; gives its file."""
    record = {
        "network": network_key("hashreid", OPTIONS, SIZE),
        "method": "hashreid",
        "preset": "smoke",
        "exits": ["exit 1", "exit 2", "exit 3", "exit 4"],
        "batch": batch,
        "milliseconds": times,
        "low": times,
        "high": times,
        "provenance": {
            "processor": processor,
            "device": "cpu",
            "precision": precision,
            "threads": 2,
            "at": "2026-01-01T00:00:00",
        },
        **columns,
    }
    return write_latency(results, record)
