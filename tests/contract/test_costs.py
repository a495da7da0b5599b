"""What every registered cost must keep; those that are measured find kept profiles here."""

import pytest
from profiled import NETWORK, keep_profile

from bench import registry
from bench.errors import BenchError
from bench.testing.costs import *  # noqa: F403

MEASURED = [name for name in registry.names("cost") if registry.cost(name).find]


@pytest.fixture
def measured_in(tmp_path):
    """A network that has been measured in every unit."""
    keep_profile(tmp_path, joules=[0.1, 0.2, 0.3, 0.5])
    return tmp_path


@pytest.mark.parametrize("name", MEASURED)
def test_what_was_not_measured_has_no_price(name, tmp_path):
    """Before anything is trained, and with the command that measures it."""
    with pytest.raises(BenchError, match="bench latency --method hashreid --preset smoke --results"):
        registry.cost(name).measurement(NETWORK(tmp_path))
