"""How OpenMP's threads wait for each other. No torch here: OpenMP reads its settings once, when torch is loaded."""

from __future__ import annotations

import os


def wait_passively() -> None:
    """Have threads that wait give up their core, unless the user has said how they should wait.

    libgomp, which torch ships on Linux, spins for some milliseconds first. With a core for every thread that is
    quick; as soon as another process wants a core, threads spin while the thread that they wait for stands in line.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
