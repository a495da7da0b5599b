"""What every figure and table of a report must keep: the contract that plug-ins are held to, over the report's own."""

import pytest

from bench.testing.figures import *  # noqa: F403
from bench.testing.tables import *  # noqa: F403

pytestmark = pytest.mark.slow
