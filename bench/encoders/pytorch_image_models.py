"""Networks of timm as encoders: ``timm:regnety_002``, ``timm:vit_small_patch16_224``. The library is optional."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from torch import nn

from bench.encoders.encoder import Encoder, EncoderFamily
from bench.encoders.resolution import cut_by_resolution
from bench.encoders.transformers import PREFIX, SIZED, build_for, cut_transformer, kind_of, split_reading
from bench.encoders.weights import read_state_dict
from bench.errors import BenchError, unknown_name


def timm_encoder(name: str, *, weights: str, input_size: tuple[int, int] = (256, 128)) -> Encoder:
    """Build a network of timm by its name there; ``weights`` ``imagenet`` takes timm's default weights.

    Vision transformers are built for ``input_size`` (height, width), to which timm interpolates the positions of
    pretrained weights; ``NAME@class`` has heads read their class token, ``NAME@strips`` the means of four strips.

    Raises :class:`BenchError` where timm is missing, for an unknown name, weights that do not fit, and networks that
    are neither a chain of four stages nor cut in :mod:`bench.encoders.transformers`.
    """
    if find_spec("timm") is None:
        raise BenchError(f"backbone {PREFIX}{name} needs the library timm: pip install timm")
    import timm

    name, reading = split_reading(name)
    if name not in timm.list_models():
        raise unknown_name("backbone of timm", name, timm.list_models())
    kind = kind_of(name)
    if reading and not kind:
        raise BenchError(f"backbone {PREFIX}{name} has no tokens: leave out @{reading}")
    settings: dict[str, Any] = {"pretrained": weights != "none"}
    if weights not in ("none", "imagenet"):
        _check_file(timm.create_model(name), name, Path(weights))
        # Weights that timm has for some are of another format, and it would read this file so.
        settings["pretrained_cfg_overlay"] = {"file": weights, "custom_load": False}
    try:
        if kind in SIZED:
            network = build_for(name, input_size, settings)
        else:
            # Without a classifier, or with nothing but maps.
            network = timm.create_model(name, **settings, **({"num_classes": 0} if kind else {"features_only": True}))
    except BenchError:
        raise
    except Exception as problem:  # hub, file and architecture raise errors of many types
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        hint = "" if weights == "none" else ". --weights none starts from random weights"
        raise BenchError(f"timm could not make {name} with weights {weights} ({reason}){hint}") from problem
    if kind:
        return cut_transformer(network, kind, f"{PREFIX}{name}", input_size, reading=reading)
    return cut_by_resolution(_chain(network, name), f"{PREFIX}{name}")


def _check_file(whole: nn.Module, name: str, weights: Path) -> None:
    """Raise :class:`BenchError` where a file lacks parameters other than the classifier's: timm would ignore that."""
    classifier = whole.pretrained_cfg.get("classifier") or ()  # type: ignore[union-attr, operator]
    ignored = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    given = read_state_dict(weights)
    for key, value in whole.state_dict().items():
        if key.startswith(ignored):
            continue
        if key not in given or given[key].shape != value.shape:
            found = f"of shape {tuple(given[key].shape)}" if key in given else "missing"
            raise BenchError(
                f"weights {weights} do not fit {PREFIX}{name}: {key} should be of shape {tuple(value.shape)} and is "
                f"{found}"
            )


def _chain(network: nn.Module, name: str) -> list[nn.Module]:
    """Parts of a feature network of timm that run one after the other."""
    if isinstance(network, nn.ModuleDict) and hasattr(network, "return_layers"):
        return list(network.values())
    parts = dict(network.named_children())
    if {"conv_stem", "bn1", "blocks"} <= parts.keys():
        return [parts["conv_stem"], parts["bn1"], *parts["blocks"].children()]
    raise BenchError(f"backbone {PREFIX}{name} is no chain of stages; choose another network")


FAMILY = EncoderFamily(timm_encoder, prefix=PREFIX, sized=True)
