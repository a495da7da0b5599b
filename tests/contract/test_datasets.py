"""What every registered dataset must keep, as far as its images are at hand: the contract that plug-ins are held to."""

import pytest

from bench.testing.datasets import *  # noqa: F403


@pytest.fixture(scope="module")
def rendered_into(cache):
    """The set that all tests share."""
    return cache
