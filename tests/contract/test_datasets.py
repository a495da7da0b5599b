"""What every registered dataset must keep, as far as its images are at hand: the contract that plug-ins are held to."""

from bench.testing.datasets import *  # noqa: F403
