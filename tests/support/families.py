"""Which methods stand for all of their kind: what takes seconds a method runs on these, on the others with -m slow."""

import pytest

from bench import registry

VARIANTS = {
    "bot-r34": "bot",
    "bot-r18": "bot",
    "osnet-x0.75": "osnet",
    "osnet-x0.5": "osnet",
    "osnet-x0.25": "osnet",
    "han-m": "han-s",
    "han-l": "han-s",
    "cnet": "cdnet",
    "trinet": "resnet-ensemble",
}
"""Methods that are another's network at other options; trinet is the ensemble with one network."""


STATIC = ("abc", "bire-id", "cdnet", "ctf", "han-s", "mlfn", "osnet", "pcb", "resnet-ensemble")
"""Methods whose way through the harness is that of bot, or of a method of several exits."""


def methods(*, group=None, slow=()):
    """Names of registered methods (of a group) as parameters: variants, and the names in ``slow``, are marked slow."""
    names = [name for name in registry.names("method") if group is None or group in registry.method(name).groups]
    return [
        pytest.param(name, id=name, marks=[pytest.mark.slow] if name in VARIANTS or name in slow else [])
        for name in names
    ]
