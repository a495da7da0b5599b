"""Numbers of things, and amounts of a cost, as the terminal shows them."""

import pytest

from bench.cli.terminal import amount
from bench.counts import count_of


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (1, "thread", "1 thread"),
        (0, "round", "0 rounds"),
        (2, "query", "2 queries"),
        (9, "policy", "9 policies"),
        (1200, "run", "1,200 runs"),
        (2, "process", "2 processes"),
        (2, "batch", "2 batches"),
        (0, "epoch", "0 epochs"),
        ("many", "thread", "many threads"),
    ],
)
def test_one_thing_is_in_the_singular(count, noun, text):
    assert count_of(count, noun) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1_958_000, "operations", "2.0 M"),
        (82_346_000, "multiply-adds", "82.3 M"),
        (812_345, "operations", "812,345"),
        (4.05678, "milliseconds", "4.057"),
    ],
)
def test_costs_are_written_without_exponents(value, unit, text):
    assert amount(value, {"name": "any", "unit": unit}) == text
