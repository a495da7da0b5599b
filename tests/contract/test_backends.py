"""What every registered backend must keep: the contract that plug-ins are held to."""

import pytest

from bench import registry
from bench.testing.backends import *  # noqa: F403

SLOW = {"torch-compile", "onnxruntime", "openvino"}
"""Backends that take long to be opened. Graphs are held to the network in ``test_exported_methods`` as well."""
NAMES = [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in registry.names("backend")]
pytestmark = pytest.mark.parametrize("backend_name", NAMES, scope="module")
