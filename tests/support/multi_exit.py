"""Which methods have several exits, and at how many budgets tests of the engine sweep them."""

from families import methods

from bench import registry

BUDGETS = 5
MULTI_EXIT = [name for name in registry.names("method") if "multi-exit" in registry.method(name).groups]
ENGINE_METHODS = methods(group="multi-exit", slow=("resnet-ensemble", "dare-densenet"))
"""The same as parameters of tests of the engine."""
