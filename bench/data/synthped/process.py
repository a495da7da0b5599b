"""A rendering process: a Python program that reads the numbers of parts and renders them.

It is started as a program rather than through :mod:`multiprocessing`: so no process with locked threads is forked, and
the caller's main module, which may import a deep learning framework, is not imported again.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, TextIO

from bench.data.synthped.spec import SynthPedSpec
from bench.data.synthped.worker import planned, render_part

CANNOT_WRITE = "!"
"""Starts a reply that tells of an error."""


def serve(requests: TextIO, replies: TextIO) -> None:
    """Read the spec and the folder, then render one part for each number read; replies with its number of images.

    Where a part cannot be written, the reply is :data:`CANNOT_WRITE` with the system's error number and the file.
    """
    head = json.loads(requests.readline())
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in head["spec"].items()
    }
    spec, making = SynthPedSpec(**fields), Path(head["making"])
    parts = planned(spec)
    for line in requests:
        try:
            reply = str(render_part(spec, parts[int(line)], making))
        except OSError as problem:
            reply = f"{CANNOT_WRITE}{problem.errno} {problem.filename}"
        replies.write(f"{reply}\n")
        replies.flush()


if __name__ == "__main__":
    # An interrupted caller ends this process itself; until then the current part is completed.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        serve(sys.stdin, sys.stdout)
    except BrokenPipeError:
        # The caller was killed. No process reads the reply, and the part that is written counts when rendering goes on.
        os._exit(1)
