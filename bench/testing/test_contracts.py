"""All contract tests in one file, for ``--pyargs bench.testing``."""

from bench.testing.costs import *  # noqa: F403
from bench.testing.datasets import *  # noqa: F403
from bench.testing.encoders import *  # noqa: F403
from bench.testing.figures import *  # noqa: F403
from bench.testing.methods import *  # noqa: F403
from bench.testing.policies import *  # noqa: F403
from bench.testing.tables import *  # noqa: F403
from bench.testing.thresholdings import *  # noqa: F403
