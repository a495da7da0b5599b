"""How glibc hands out the large blocks that activations live in.

By default glibc maps each block of more than 32 MiB from the system when it is asked for, and unmaps it when it is
freed. Every layer of a large batch then faults in all of its pages again. Under a higher threshold such blocks stay
with the process and are used again.
"""

from __future__ import annotations

import ctypes
import os

M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
"""Numbers of the parameters in glibc's malloc.h."""
THRESHOLD_BYTES = 1 << 30
"""Blocks up to here come from the heap, and up to this much free memory at its end stays with the process."""
OLDER_THRESHOLD_BYTES = 32 << 20
"""The highest mapping threshold that glibc before 2.35 accepts."""
OWN_SETTINGS = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")
"""Environment variables by which users set the same; where one is set, nothing is changed."""


def keep_large_blocks() -> bool:
    """Raise glibc's thresholds for mapping blocks and for giving memory back; tell whether it was done.

    Does nothing on another C library, or where the user has settings of their own. Both thresholds become static:
    glibc no longer moves them with what is freed. It holds for the whole process, and doing it twice changes nothing.
    """
    if not on_glibc() or any(name in os.environ for name in OWN_SETTINGS):
        return False
    mallopt = ctypes.CDLL(None).mallopt
    raised = any(mallopt(M_MMAP_THRESHOLD, size) for size in (THRESHOLD_BYTES, OLDER_THRESHOLD_BYTES))
    return bool(raised and mallopt(M_TRIM_THRESHOLD, THRESHOLD_BYTES))


def on_glibc() -> bool:
    """Tell whether this process runs on glibc: not so on musl, macOS or Windows."""
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (AttributeError, OSError, ValueError):
        return False
