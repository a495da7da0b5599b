"""A rendering process: a plain Python program that is told part by part what to render.

It is started by its name rather than through :mod:`multiprocessing`, so that it neither forks a process whose threads
hold locks nor imports the caller's main module, and with it a deep learning framework.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any, TextIO

from bench.data.synthped.spec import SynthPedSpec
from bench.data.synthped.worker import planned, render_part


def serve(orders: TextIO, replies: TextIO) -> None:
    """Read the spec and the folder, then render one part for each number read and reply with its count of images."""
    head = json.loads(orders.readline())
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in head["spec"].items()
    }
    spec, making = SynthPedSpec(**fields), Path(head["making"])
    parts = planned(spec)
    for line in orders:
        replies.write(f"{render_part(spec, parts[int(line)], making)}\n")
        replies.flush()


if __name__ == "__main__":
    # The caller ends this process when it is interrupted itself; until then a part is finished, not broken.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(sys.stdin, sys.stdout)
