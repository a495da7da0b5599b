"""The first moments of a command as a person starts it, while everything is still imported."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from torture.starting import LONGEST_SECONDS, Ended, NeverEndedError
from torture.tally import Case

EARLIEST_SECONDS, LATEST_SECONDS = 0.06, 0.8
"""Before the earliest, the interpreter itself is starting, and no program can answer."""
SCRIPT = Path(sys.executable).parent / "bench"


def interrupted(arguments: tuple[str, ...], number: signal.Signals, seed: int) -> Case:
    """Start a command, and send it a signal in its first moments."""
    case = Case("first moments", f"{' '.join(arguments)}, {number.name}, seed {seed}")
    seconds = random.Random(f"{arguments} {number} {seed}").uniform(EARLIEST_SECONDS, LATEST_SECONDS)
    process = subprocess.Popen(
        [SCRIPT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    time.sleep(seconds)
    process.send_signal(number)
    try:
        out, err = process.communicate(timeout=LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise NeverEndedError(f"{case.name} had not ended after {LONGEST_SECONDS} s") from None
    # It may have ended by itself before, as it does undisturbed: well, or in an error about what is not there.
    allowed = (0, 1, {signal.SIGINT: 130, signal.SIGTERM: 143}[number], -number)
    case.watch(Ended(process.returncode, out, err, 0), allowed)
    case.same = not case.faults
    return case
