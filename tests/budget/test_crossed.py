"""The test over people and seeds, against textbook tests, mean squares, and drawn worlds with a known truth."""

import numpy as np
import pytest
from scipy.stats import t, ttest_1samp, ttest_ind

from bench.budget.bootstrap import IdentityBootstrap
from bench.budget.crossed import Networks, lead, many_leads, standard_error

PEOPLE = 60


def certain(values):
    """Networks that score every person alike."""
    return Networks(np.array(values), draws=np.tile(np.array(values, dtype=float), (5, 1)))


def as_draws(scores):
    """Draws (P, n) as a bootstrap makes them, from scores (P, n): their covariance is short by one person of P."""
    people, means = len(scores), scores.mean(axis=0)
    return means + (scores - means) * np.sqrt(1 - 1 / people) / np.sqrt(people)


def test_where_people_do_not_matter_it_is_the_t_test_of_unequal_variances():
    first, second = [0.61, 0.55, 0.66], [0.49, 0.50, 0.55]
    found = lead(certain(first), certain(second), people=PEOPLE)
    expected = ttest_ind(first, second, equal_var=False)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval()))
    assert found.value == pytest.approx(np.mean(first) - np.mean(second))
    assert found.seeds == (3, 3)
    assert found.over_seeds
    assert found.paired


def test_of_differences_within_each_network_it_is_the_paired_t_test():
    differences = [0.02, 0.05, 0.01]
    found = lead(certain(differences), people=PEOPLE)
    expected = ttest_1samp(differences, 0)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval()))


def test_many_at_once_are_tested_as_each_by_itself():
    """Against the textbook's paired t test: over networks where people do not matter, over people of one network."""
    generator = np.random.default_rng(3)
    differences = generator.normal(0.01, 0.02, (6, 4))
    differences[5] = 0
    found = many_leads(differences, np.zeros((6, 4)), people=PEOPLE)
    expected = ttest_1samp(differences[:5], 0, axis=1)
    interval = expected.confidence_interval()
    assert found.p == pytest.approx([*expected.pvalue, 1])
    assert found.low == pytest.approx([*interval.low, 0])
    assert found.high == pytest.approx([*interval.high, 0])
    errors = generator.uniform(0.005, 0.02, (5, 1))
    found = many_leads(differences[:5, :1], errors, people=PEOPLE)
    assert found.values == pytest.approx(differences[:5, 0])
    unbiased = errors[:, 0] * (PEOPLE / (PEOPLE - 1)) ** 0.5
    assert found.p == pytest.approx(2 * t.sf(np.abs(differences[:5, 0]) / unbiased, PEOPLE - 1))
    assert found.high - found.low == pytest.approx(2 * t.isf(0.025, PEOPLE - 1) * unbiased)
    both = many_leads(differences[:5], np.tile(errors, 4), people=PEOPLE)
    single = [lead(Networks(differences[row], errors=np.tile(errors[row], 4)), people=PEOPLE) for row in range(5)]
    assert both.p == pytest.approx([one.p for one in single])
    assert both.low == pytest.approx([one.low for one in single])


def test_the_variance_is_put_together_from_mean_squares():
    """Of a two-way layout with one score a cell, as any textbook has it for the grand mean."""
    generator = np.random.default_rng(0)
    seeds = 4
    scores = generator.normal(0, 1.0, (PEOPLE, 1)) + generator.normal(0, 0.3, seeds)
    scores = scores + generator.normal(0, 0.8, (PEOPLE, seeds))
    over_people, over_seeds, grand = scores.mean(axis=1), scores.mean(axis=0), scores.mean()
    of_people = seeds * ((over_people - grand) ** 2).sum() / (PEOPLE - 1)
    of_seeds = PEOPLE * ((over_seeds - grand) ** 2).sum() / (seeds - 1)
    rest = scores - over_people[:, None] - over_seeds + grand
    of_rest = (rest**2).sum() / ((PEOPLE - 1) * (seeds - 1))
    cells = PEOPLE * seeds
    variance = (of_people + of_seeds - of_rest) / cells
    found = lead(Networks(over_seeds, draws=as_draws(scores)), people=PEOPLE)
    parts = (of_people - of_rest) / cells, of_seeds / cells
    degrees = variance**2 / (parts[0] ** 2 / (PEOPLE - 1) + parts[1] ** 2 / (seeds - 1))
    assert found.degrees == pytest.approx(degrees)
    assert found.p == pytest.approx(2 * t.sf(abs(grand) / variance**0.5, degrees))


@pytest.mark.parametrize(
    ("seed_sds", "people_sd", "rest_sd"), [((0.0, 0.0), 12, 8), ((2.5, 2.5), 12, 8), ((0.3, 6.0), 8, 12)]
)
def test_intervals_hold_the_truth_as_often_as_they_say(seed_sds, people_sd, rest_sd):
    """Three seeds a side; ``benchmarks/coverage.py`` tries more worlds, longer."""
    generator = np.random.default_rng(1)
    counts = IdentityBootstrap.draw(np.arange(PEOPLE), 200, seed=0).counts / PEOPLE
    held, repeats = 0, 500
    for _ in range(repeats):
        sides = []
        for sd in seed_sds:
            scores = generator.normal(0, people_sd, (PEOPLE, 1)) + generator.normal(0, sd, 3)
            scores = scores + generator.normal(0, rest_sd, (PEOPLE, 3))
            sides.append(Networks(scores.mean(axis=0), draws=counts @ scores))
        found = lead(*sides, people=PEOPLE)
        held += found.low <= 0 <= found.high
    # Two standard errors of so many repeats about 93 to 97 %.
    assert 0.93 - 2 * (0.05 * 0.95 / repeats) ** 0.5 <= held / repeats <= 0.97 + 2 * (0.05 * 0.95 / repeats) ** 0.5


def test_recorded_errors_give_no_narrower_an_interval_than_draws():
    generator = np.random.default_rng(2)
    shared = generator.normal(0, 10, (PEOPLE, 1))
    sides = [shared + generator.normal(0, 6, (PEOPLE, 1)) + generator.normal(0, 6, (PEOPLE, 3)) for _ in range(2)]
    drawn = [Networks(one.mean(axis=0), draws=as_draws(one)) for one in sides]
    errors = [Networks(one.mean(axis=0), errors=one.std(axis=0) / PEOPLE**0.5) for one in sides]
    paired, bounded = lead(*drawn, people=PEOPLE), lead(*errors, people=PEOPLE)
    assert (paired.paired, bounded.paired) == (True, False)
    assert bounded.value == pytest.approx(paired.value)
    assert bounded.high - bounded.low > paired.high - paired.low
    mixed = lead(drawn[0], errors[1], people=PEOPLE)
    assert (mixed.low, mixed.high) == pytest.approx((bounded.low, bounded.high))


@pytest.mark.parametrize("people", [2, 5, 60])
def test_one_network_a_side_is_the_t_test_over_people(people):
    generator = np.random.default_rng(5)
    sides = generator.normal(0.5, 0.1, (2, people, 1))
    found = lead(*(Networks(one.mean(axis=0), draws=as_draws(one)) for one in sides), people=people)
    expected = ttest_1samp((sides[0] - sides[1])[:, 0], 0)
    assert not found.over_seeds
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval()))


def test_one_network_a_side_from_recorded_errors():
    found = lead(
        Networks(np.array([0.6]), errors=np.array([0.03])), Networks(np.array([0.5]), errors=np.array([0.04])), people=9
    )
    error = 0.05 * (9 / 8) ** 0.5
    assert found.p == pytest.approx(2 * t.sf(0.1 / error, 8))
    assert (found.low, found.high) == pytest.approx((0.1 - t.isf(0.025, 8) * error, 0.1 + t.isf(0.025, 8) * error))


@pytest.mark.parametrize("seeds", [1, 5])
@pytest.mark.parametrize("people", [3, 6, 15])
def test_few_people_show_no_more_than_they_should(people, seeds):
    """Of two methods that are equal, one is found ahead in 5 % of all worlds, not in 25 %."""
    generator = np.random.default_rng(people)
    counts = IdentityBootstrap.draw(np.arange(people), 500, seed=0).counts / people
    held, wrong, repeats = 0, 0, 1000
    for scores in generator.normal(0.5, 0.1, (repeats, 2, people, 1)) + generator.normal(
        0, 0.02, (repeats, 2, people, seeds)
    ):
        found = lead(*(Networks(one.mean(axis=0), draws=counts @ one) for one in scores), people=people)
        held += found.low <= 0 <= found.high
        wrong += found.p < 0.05
    assert 0.93 <= held / repeats <= 0.97
    assert 0.03 <= wrong / repeats <= 0.07


def test_one_person_tells_nothing_of_others():
    for one, other in ((certain([0.6]), certain([0.5])), (certain([0.6, 0.61]), certain([0.5, 0.51]))):
        found = lead(one, other, people=1)
        assert (found.p, found.low, found.high) == (1, -np.inf, np.inf)
    many = many_leads(np.array([[0.1], [0.2]]), np.zeros((2, 1)), people=1)
    assert many.p.tolist() == [1, 1]
    assert np.isinf(many.low).all()


def test_what_never_varies_is_as_sure_as_its_people_are_many():
    """All nine differ to one side: of fair coins, one in 256 does either."""
    assert lead(certain([0.5, 0.5]), certain([0.5, 0.5]), people=9).p == 1
    for side, other in ((certain([0.6, 0.6]), certain([0.5, 0.5])), (certain([0.6]), certain([0.5]))):
        found = lead(side, other, people=9)
        assert (found.p, found.low, found.high) == pytest.approx((1 / 256, 0.1, 0.1))


def test_a_standard_error_out_of_an_interval():
    assert standard_error(-1.96, 1.96) == pytest.approx(1, abs=1e-4)
