"""An invented network of four exits, with a ledger and kept profiles."""

from bench.cost.axes.contract import PricedNetwork
from bench.cost.ledger import CostLedger, ExitCost
from bench.cost.profiles import network_key, write_latency

OPTIONS = {"bits": 256}
SIZE = (64, 32)
CODES = (("binary", 256), ("binary", 100), ("continuous", 512), ("binary", 2048))
TRUNK = (1000, 2000, 3000, 4000)
GALLERY = 50
LEDGER = CostLedger(
    SIZE,
    GALLERY,
    tuple(
        ExitCost(f"exit {index + 1}", code, dim, macs, 10, 0, 0, 0, 0)
        for index, ((code, dim), macs) in enumerate(zip(CODES, TRUNK, strict=True))
    ),
)
MILLISECONDS = [1.0, 2.5, 4.0, 8.0]


def NETWORK(results, which="", views=1):
    return PricedNetwork("hashreid", "smoke", OPTIONS, SIZE, results, views, which)


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
