"""Genotypes of CNet and CDNet: which blocks the network is made of. No torch: listing methods loads this module."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

from bench.errors import BenchError

KERNELS = (3, 5, 7, 9)
BLOCKS = 6
REPEATS = {"cnet": (1,), "cdnet": (1, 2)}
"""How often a block may be repeated in each method's search space: CS and CDS (section 3.1 of the paper)."""
MOST_REPEATS = 64
"""A block of a genotype that is given is not repeated more often."""
MOST_BYTES = 1000
"""A file of a genotype is no longer."""

Genotype = tuple[tuple[int, int, int], ...]
"""For each of the six blocks its two kernels, and how often it is repeated."""


def candidates(space: str) -> tuple[str, ...]:
    """Name what a block can be in the search space of ``cnet`` (6 candidates) or ``cdnet`` (12).

    The paper says that CDS has 12 and prints 10 of them; (5, 9) is missing there, and in the genotype that it finds.
    """
    pairs = list(combinations(KERNELS, 2))
    return tuple(f"{first}-{second}-{repeats}" for repeats in REPEATS[space] for first, second in pairs)


def read_genotype(text: str) -> Genotype:
    """Read a genotype as ``5-7-1,7-9-1,…``: six blocks of two kernels and a number of repetitions.

    Raises :class:`BenchError` where it is something else.
    """
    blocks = [tuple(int(word) if word.isdecimal() else 0 for word in block.split("-")) for block in text.split(",")]
    whole = len(blocks) == BLOCKS and all(len(block) == 3 for block in blocks)
    if not whole or not all(set(block[:2]) <= set(KERNELS) and 1 <= block[2] <= MOST_REPEATS for block in blocks):
        raise BenchError(
            f"genotype={text}: expected {BLOCKS} blocks with commas, each two kernels of {KERNELS} and a number of "
            f"repetitions up to {MOST_REPEATS}, as 5-7-1; or a file that holds that"
        )
    return tuple((block[0], block[1], block[2]) for block in blocks)


def genotype_text(value: str) -> str:
    """Give a genotype as it is, or as the file of that name holds it, less comments (#).

    Raises :class:`BenchError` where neither is.
    """
    path = Path(value)
    if re.fullmatch(r"[\d,-]*", value) or not path.is_file():
        read_genotype(value)
        return value
    try:
        with path.open(encoding="utf-8") as file:
            lines = file.read(MOST_BYTES).splitlines()
        text = "\n".join(line for line in lines if not line.startswith("#")).strip()
        read_genotype(text)
    except (OSError, UnicodeDecodeError, BenchError) as problem:
        raise BenchError(f"genotype={value}: the file holds no genotype ({problem})") from problem
    return text
