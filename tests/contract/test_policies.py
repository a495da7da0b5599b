"""What every registered policy must keep: the contract that plug-ins are held to."""

from bench.testing.policies import *  # noqa: F403
