"""What Slurm's controller says of jobs.

``sacct`` says it too, where a cluster keeps accounts of jobs; where it keeps none, a job that was cancelled would be
waited for without end.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

ENDED = frozenset(
    {"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT"}
)
"""States of jobs that are not begun again. A job on its way back into the queue is COMPLETING, then PENDING."""
FORGOTTEN = "FORGOTTEN"
"""Of a job that Slurm lists no more: it keeps those that ended for some minutes (MinJobAge)."""
ANSWER_SECONDS = 60


@dataclass(frozen=True)
class Queued:
    """A job: its state, and why it is not running, both in Slurm's words."""

    state: str
    reason: str = ""

    @property
    def ended(self) -> bool:
        """Whether Slurm does no more with it."""
        return self.state in ENDED or self.state == FORGOTTEN

    @property
    def waits_for(self) -> str:
        """What keeps it from running; nothing where it runs or has ended."""
        return self.reason if self.state == "PENDING" else ""


def look(jobs: Sequence[str]) -> dict[str, Queued]:
    """Ask for jobs by their numbers, ``12`` or ``12_3`` of an array; nothing where Slurm does not answer just now."""
    command = ["squeue", "--noheader", "--array", "--states=all", f"--user={os.getuid()}", "--format=%i|%T|%r"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=ANSWER_SECONDS).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    listed = {}
    for line in answer.splitlines():
        job, _, rest = line.strip().partition("|")
        state, _, reason = rest.partition("|")
        listed[job] = Queued(state, reason)
    return {job: listed.get(job, Queued(FORGOTTEN)) for job in jobs}
