"""Which methods have several exits, and at how many budgets tests of the engine sweep them."""

from bench import registry

BUDGETS = 5
MULTI_EXIT = [name for name in registry.names("method") if name != "hashreid-noexit"]
