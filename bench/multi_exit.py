"""Exits for any network: the heads of a registered method after submodules that are named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from torch import nn

from bench import registry
from bench.encoders.cutting import Maps, cut_module
from bench.encoders.encoder import Encoder, EncoderFamily
from bench.encoders.weights import read_state_dict
from bench.errors import BenchError, unknown_name
from bench.networks import MultiExitNetwork


class MultiExit:
    """Ways to put exits on a network that knows nothing of them (docs/bring-your-own.md)."""

    @staticmethod
    def wrap(
        module: nn.Module,
        at: Sequence[str],
        *,
        heads: str = "dare",
        num_identities: int = 1,
        input_size: tuple[int, int] = (256, 128),
        maps: Maps | None = None,
        **options: int | float | str | bool,
    ) -> MultiExitNetwork:
        """Give a network exits after the submodules ``at``, named as in ``module.named_modules()``.

        The network is copied, and what runs after the last exit is left out. Its execution is split into a step an
        exit, which is proven equal to the whole (:func:`bench.encoders.cutting.cut_module`, which also says what
        ``maps`` is for). ``heads`` names the method whose heads are put there, with the ``options`` of its preset
        ``paper``: ``dare``, ``hashreid``, or another that goes on any encoder. ``num_identities`` is for classifiers
        that training needs. ``input_size`` is (height, width) of the images.

        Raises :class:`bench.BenchError` where the network cannot be cut there, and says where and why; for methods
        whose heads do not go on any network; for unknown options.
        """
        method = registry.method(heads)
        if method.on_encoder is None:
            raise unknown_name("method with heads for any network", heads, _methods_with_heads())
        preset = method.presets["paper"].network
        known = {name: value for name, value in preset.items() if name not in ("backbone", "weights", "last_stride")}
        for name in options:
            if name not in known:
                raise unknown_name(f"option of {heads}", name, list(known))
        encoder = cut_module(module, at, input_size=input_size, maps=maps)
        network = method.on_encoder(encoder, {**known, **options}, num_identities, input_size)
        return network.train(module.training)

    @staticmethod
    def family(
        name: str, build: Callable[[], nn.Module], at: Sequence[str], *, maps: Maps | None = None
    ) -> EncoderFamily:
        """Make a backbone of a network, for a plug-in of the group ``bench.encoders``.

        ``bench run --method METHOD --backbone NAME`` then trains it with the recipes, losses and exits of every method
        that takes a backbone. ``build()`` makes the network; ``at`` and ``maps`` are as in :meth:`wrap`. ``--weights
        FILE`` is a state dict of the network itself.
        """

        def encoder(_: str, *, weights: str, input_size: tuple[int, int]) -> Encoder:
            module = build()
            if weights == "imagenet":
                raise BenchError(f"backbone {name} has no ImageNet weights here: --weights none, or a file of its own")
            if weights != "none":
                try:
                    module.load_state_dict(read_state_dict(Path(weights)))
                except RuntimeError as problem:
                    reason = str(problem).splitlines()[-1].strip()
                    raise BenchError(f"weights {weights} do not fit {name}: {reason}") from None
            return cut_module(module, at, input_size=input_size, maps=maps)

        return EncoderFamily(encoder, names=(name,), sized=True)


def _methods_with_heads() -> list[str]:
    return [name for name in registry.names("method") if registry.method(name).on_encoder is not None]
