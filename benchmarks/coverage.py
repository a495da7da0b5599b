"""How often do 95 % intervals for a difference of two methods hold the true one, with a few seeds a side?

    python benchmarks/coverage.py [--repeats 4000] [--seeds 3]
    python benchmarks/coverage.py --people 5,10,18,30,60,200 [--seeds 1] [--repeats 4000]

Each repeat draws people, and a few networks of two methods that are truly equal. The suite's test over people and seeds
(:mod:`bench.budget.crossed`) stands beside what one might do instead. Wanted is 95 %; 93 to 97 % is near enough.

With ``--people`` there are so many people with one to six queries each, whose scores lie in 0 to 1 and are skew. There
is one network a side or, with ``--seeds``, several; a person's scores differ between these by one of three standard
deviations. Told is how often the interval that records have of a network's mean holds the true one, and that of the
test of a difference; and how often the test finds one ahead.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from bench.budget.bootstrap import IdentityBootstrap, interval
from bench.budget.crossed import Networks, lead

PEOPLE, DRAWS = 200, 400
SEED_SDS = ((0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (2.5, 2.5), (7.0, 7.0), (0.5, 3.0), (0.1, 7.0))
"""Standard deviation over seeds of each method, in points of mAP."""
PEOPLE_SDS = ((8.0, 8.0), (12.0, 12.0), (12.0, 4.0), (4.0, 16.0))
"""Over people: of the difference of two methods, and of what is left between single networks, in points."""
METHOD_SD, NETWORK_SDS = 0.7, (0.0, 0.2, 0.7)
"""With few people: of what a person does otherwise in one method, and in one network, than in the next, in logits."""
Values = NDArray[np.float64]
Interval = tuple[float, float]


def suite(values: list[Values], draws: list[Values]) -> Interval:
    """Give the suite's interval."""
    sides = [Networks(one, drawn) for one, drawn in zip(values, draws, strict=True)]
    found = lead(*sides, people=PEOPLE)
    return found.low, found.high


def bounded(values: list[Values], draws: list[Values]) -> Interval:
    """Give the suite's interval where records hold standard errors alone."""
    sides = [Networks(one, errors=drawn.std(axis=0, ddof=1)) for one, drawn in zip(values, draws, strict=True)]
    found = lead(*sides, people=PEOPLE)
    return found.low, found.high


def people_alone(values: list[Values], draws: list[Values]) -> Interval:
    """Redraw people, the networks as they are."""
    apart = draws[0].mean(axis=1) - draws[1].mean(axis=1)
    low, high = np.quantile(apart, [0.025, 0.975])
    return float(low), float(high)


def seeds_alone(values: list[Values], draws: list[Values]) -> Interval:
    """Compare the networks' means by Welch's t-test."""
    parts = [one.var(ddof=1) / len(one) for one in values]
    variance = sum(parts)
    degrees = variance**2 / sum(part**2 / (len(one) - 1) for part, one in zip(parts, values, strict=True))
    reach = t.ppf(0.975, degrees) * variance**0.5
    value = values[0].mean() - values[1].mean()
    return value - reach, value + reach


def redrawn_twice(values: list[Values], draws: list[Values]) -> Interval:
    """Redraw people, and under each draw the seeds of each method: a plain bootstrap of both levels."""
    generator = np.random.default_rng(0)
    means = []
    for drawn in draws:
        rows, count = drawn.shape
        chosen = generator.integers(count, size=(rows, count))
        means.append(np.take_along_axis(drawn, chosen, axis=1).mean(axis=1))
    low, high = np.quantile(means[0] - means[1], [0.025, 0.975])
    return float(low), float(high)


WAYS: dict[str, Callable[[list[Values], list[Values]], Interval]] = {
    "people and seeds (the suite)": suite,
    "from standard errors (the suite)": bounded,
    "plain bootstrap of both": redrawn_twice,
    "Welch over seeds": seeds_alone,
    "bootstrap of people": people_alone,
}


def coverage(
    seed_sds: tuple[float, float], people_sds: tuple[float, float], seeds: int, repeats: int
) -> dict[str, tuple[float, float]]:
    """Give for each way how often its interval holds the true difference, 0, and its mean width."""
    generator = np.random.default_rng(0)
    counts = generator.multinomial(PEOPLE, np.full(PEOPLE, 1 / PEOPLE), size=DRAWS) / PEOPLE
    held = dict.fromkeys(WAYS, 0)
    widths = dict.fromkeys(WAYS, 0.0)
    between, within = people_sds
    for _ in range(repeats):
        # What people do in common in both methods falls out of every difference but raises each standard error.
        shared = generator.normal(0, between, PEOPLE)
        values, draws = [], []
        for sd in seed_sds:
            of_method = shared + generator.normal(0, between / 2**0.5, PEOPLE)
            scores = of_method[:, None] + generator.normal(0, sd, seeds) + generator.normal(0, within, (PEOPLE, seeds))
            values.append(scores.mean(axis=0))
            draws.append(counts @ scores)
        for name, way in WAYS.items():
            low, high = way(values, draws)
            held[name] += low <= 0 <= high
            widths[name] += high - low
    return {name: (held[name] / repeats, widths[name] / repeats) for name in WAYS}


def scored(
    people: int, seeds: int, network_sd: float, generator: np.random.Generator
) -> tuple[NDArray[np.int64], Values]:
    """Draw identities (N,) of queries, and their scores (N, 2, seeds) by networks of two methods that are equal."""
    pids = np.repeat(np.arange(people), generator.integers(1, 7, people))
    logits = generator.normal(1.0, 1.2, people)[pids, None] + generator.normal(0, METHOD_SD, (people, 2))[pids]
    logits = logits[:, :, None] + generator.normal(0, 0.8, (len(pids), 2, seeds))
    if network_sd:
        logits += generator.normal(0, network_sd, (people, 2, seeds))[pids]
    return pids, 1 / (1 + np.exp(-logits))


def of_few(people: int, seeds: int, network_sd: float, repeats: int) -> tuple[float, float, float]:
    """Give how often the records' interval of a mean holds the truth, the test's that of 0, and how often p < 0.05."""
    truth = float(scored(1_000_000, 1, network_sd, np.random.default_rng(0))[1].mean())
    generator = np.random.default_rng(people)
    found = []
    for _ in range(repeats):
        pids, scores = scored(people, seeds, network_sd, generator)
        draws = IdentityBootstrap.draw(pids, 1000, 0).means(scores.reshape(len(pids), -1))
        low, high = interval(draws)
        sides = [
            Networks(of_method.mean(axis=0), drawn)
            for of_method, drawn in zip(scores.transpose(1, 0, 2), np.hsplit(draws, 2), strict=True)
        ]
        tested = lead(*sides, people=people)
        found.append((low[0] <= truth <= high[0], tested.low <= 0 <= tested.high, tested.p < 0.05))
    held, held_by_test, ahead = np.mean(found, axis=0)
    return float(held), float(held_by_test), float(ahead)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=4000)
    parser.add_argument("--seeds", type=int, help="networks a side: 3 if not given, and 1 with --people")
    parser.add_argument("--people", default="")
    options = parser.parse_args()
    if options.people:
        seeds = options.seeds or 1
        print(f"{'one network' if seeds == 1 else f'{seeds} networks'} a side, {options.repeats:,} repeats, per cent")
        print("network sd  people  recorded interval  interval of a test  p < 0.05")
        for network_sd in NETWORK_SDS if seeds > 1 else (0.0,):
            for people in map(int, options.people.split(",")):
                recorded, tested, ahead = of_few(people, seeds, network_sd, options.repeats)
                cells = f"{100 * recorded:>17.1f}  {100 * tested:>18.1f}  {100 * ahead:>8.1f}"
                print(f"{network_sd:>10g}  {people:>6}  {cells}", flush=True)
        return
    seeds = options.seeds or 3
    print(f"{seeds} seeds a side, {PEOPLE} people, {options.repeats:,} repeats; coverage % (mean width, points)")
    print("seed sd   people sd " + "  ".join(f"{name:>32}" for name in WAYS))
    for people_sds in PEOPLE_SDS:
        for seed_sds in SEED_SDS:
            found = coverage(seed_sds, people_sds, seeds, options.repeats)
            cells = [f"{100 * share:>22.1f} ({width:>5.2f})  " for share, width in found.values()]
            print(f"{seed_sds[0]:g}/{seed_sds[1]:g}   {people_sds[0]:g}/{people_sds[1]:g} " + "  ".join(cells))


if __name__ == "__main__":
    main()
