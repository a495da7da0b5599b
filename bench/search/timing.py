"""Times of binary codes and of floats of the same length, under equal conditions.

The time of a comparison does not depend on the values, so codes are random and any gallery size can be timed. Both
sides keep the gallery in the layout that is fastest for them, both use all cores, and their calls alternate, so that
other load on the machine affects both.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.memory import check_fits
from bench.progress import SILENT, Reporter
from bench.retrieval.codes import pack, packed_width
from bench.retrieval.hamming import PackedGallery

BATCH = 256
"""Queries compared at once where nanoseconds a comparison are wanted."""
LOOP_PAIRS = 20
"""Pairs that the plain loop compares at a time."""
LEAST_CALLS = 5
FLOAT_BYTES = 4

CONVENTION = (
    "Medians. A comparison: one of all pairs of 256 queries and the gallery; bits by exclusive or and population count "
    "of packed words, floats (32 bits) as squared Euclidean distances by one matrix product. A search: one query's "
    "distances to the whole gallery and the order of all of it, by radix sort of whole numbers and by quicksort of "
    "floats. In a loop: one pair at a time in plain Python, bin(a ^ b).count('1') against sum((x - y) ** 2)."
)
"""What is timed, kept with every study."""


@dataclass(frozen=True)
class LengthTimes:
    """Median times for one code length, of bits and of floats."""

    length: int
    binary_ns: float
    """Nanoseconds a comparison, many queries at once; so is ``continuous_ns``."""
    continuous_ns: float
    loop_binary_ns: float
    """Nanoseconds a comparison in a plain Python loop, a pair at a time; so is ``loop_continuous_ns``."""
    loop_continuous_ns: float
    binary_search_ms: float
    """Milliseconds to rank the whole gallery for one query; so is ``continuous_search_ms``."""
    continuous_search_ms: float

    @property
    def binary_bytes(self) -> int:
        """Bytes of one gallery image's code."""
        return packed_width(self.length)

    @property
    def continuous_bytes(self) -> int:
        """Bytes of one gallery image's floats."""
        return FLOAT_BYTES * self.length

    def search_ms(self, code: str) -> float:
        """Milliseconds of one query's search among ``binary`` or ``continuous`` codes."""
        return self.binary_search_ms if code == "binary" else self.continuous_search_ms


def time_lengths(
    lengths: Sequence[int], gallery_size: int, *, seconds: float = 1.0, seed: int = 0, reporter: Reporter = SILENT
) -> tuple[LengthTimes, ...]:
    """Time every code length against a gallery, each way for some ``seconds``; sorted, each length once.

    Raises :class:`BenchError` for a length or a gallery below 1, or where they cannot fit into memory.
    """
    wanted = sorted(set(lengths))
    if not wanted or wanted[0] < 1 or gallery_size < 1:
        raise BenchError(
            f"code lengths and the gallery must be 1 or more; found lengths {', '.join(map(str, wanted)) or 'none'} "
            f"and {gallery_size} gallery images"
        )
    check_gallery(gallery_size, wanted[-1])
    timed = []
    with reporter.task("timing", len(wanted), unit="code lengths") as task:
        for length in wanted:
            timed.append(_time_length(length, gallery_size, seconds, np.random.default_rng(seed)))
            task.advance(status=f"{length} bits")
    return tuple(timed)


def check_gallery(gallery_size: int, length: int = 1) -> None:
    """Refuse a gallery of codes of some length that memory cannot hold. Raises :class:`BenchError`."""
    # Floats of the codes, and distances of a batch of queries to all of them.
    needed = FLOAT_BYTES * gallery_size * (length + BATCH)
    check_fits(needed, f"timing a gallery of {gallery_size:,} images", "take a smaller --gallery")


def in_turns(functions: Mapping[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Median seconds of each function: one warm-up call, then calls in turns for ``seconds`` each on average."""
    for function in functions.values():
        function()
    taken: dict[str, list[float]] = {name: [] for name in functions}
    end = time.perf_counter() + seconds * len(functions)
    rounds = 0
    while rounds < LEAST_CALLS or time.perf_counter() < end:
        for name, function in functions.items():
            started = time.perf_counter()
            function()
            taken[name].append(time.perf_counter() - started)
        rounds += 1
    return {name: statistics.median(times) for name, times in taken.items()}


def _time_length(length: int, gallery_size: int, seconds: float, rng: np.random.Generator) -> LengthTimes:
    floats = rng.standard_normal((gallery_size, length), dtype=np.float32)
    queries = rng.standard_normal((BATCH, length), dtype=np.float32)
    continuous, binary = _FloatGallery(floats), PackedGallery(pack(floats > 0))
    codes = pack(queries > 0)
    pairs = [(queries[row % BATCH].tolist(), floats[row % gallery_size].tolist()) for row in range(LOOP_PAIRS)]
    whole = [tuple(int.from_bytes(pack(np.array([one]) > 0).tobytes()) for one in pair) for pair in pairs]

    many = in_turns(
        {"binary": partial(binary.distances, codes), "continuous": partial(continuous.distances, queries)}, seconds
    )
    loops = in_turns(
        {"binary": partial(_loop_over_bits, whole), "continuous": partial(_loop_over_floats, pairs)}, seconds / 4
    )
    one = in_turns(
        {
            "binary": lambda: rank_counts(binary.distances(codes[:1])[0], length),
            "continuous": lambda: np.argsort(continuous.distances(queries[:1])[0]),
        },
        seconds / 2,
    )
    compared = BATCH * gallery_size
    return LengthTimes(
        length=length,
        binary_ns=1e9 * many["binary"] / compared,
        continuous_ns=1e9 * many["continuous"] / compared,
        loop_binary_ns=1e9 * loops["binary"] / LOOP_PAIRS,
        loop_continuous_ns=1e9 * loops["continuous"] / LOOP_PAIRS,
        binary_search_ms=1e3 * one["binary"],
        continuous_search_ms=1e3 * one["continuous"],
    )


def rank_counts(distances: NDArray[np.int32], length: int) -> NDArray[np.intp]:
    """Order a gallery by integer distances (G,) up to ``length``; of equal distances the earlier image is first."""
    # NumPy sorts 16-bit integers by radix, in one pass for each byte, and wider ones by comparison.
    narrow = distances.astype(np.uint16) if length <= np.iinfo(np.uint16).max else distances
    return np.argsort(narrow, kind="stable")


class _FloatGallery:
    """Gallery floats (G, D) with their squared lengths, computed once."""

    def __init__(self, floats: NDArray[np.float32]) -> None:
        self.floats = floats
        self.squares = np.einsum("gd,gd->g", floats, floats)

    def distances(self, queries: NDArray[np.float32]) -> NDArray[np.float32]:
        """Squared Euclidean distances (Q, G) minus the queries' squared lengths, which do not change the order."""
        # For one query a product with a vector reads the gallery once, and is several times faster.
        distances = queries @ self.floats.T if len(queries) > 1 else (self.floats @ queries[0])[None]
        distances *= -2
        distances += self.squares
        return distances


def _loop_over_bits(pairs: Sequence[tuple[int, ...]]) -> list[int]:
    return [bin(one ^ other).count("1") for one, other in pairs]


def _loop_over_floats(pairs: Sequence[tuple[list[float], list[float]]]) -> list[float]:
    return [sum((x - y) ** 2 for x, y in zip(one, other, strict=True)) ** 0.5 for one, other in pairs]
