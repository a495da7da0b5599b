"""What every registered method must keep: the contract that plug-ins are held to."""

from bench.testing.methods import *  # noqa: F403
