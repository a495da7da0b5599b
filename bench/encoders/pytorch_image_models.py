"""Any convolutional network of timm as an encoder: ``timm:regnety_002``. The library is optional."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from torch import nn

from bench.encoders.encoder import Encoder, EncoderFamily
from bench.encoders.resolution import cut_by_resolution
from bench.encoders.weights import read_state_dict
from bench.errors import BenchError, unknown_name

PREFIX = "timm:"


def timm_encoder(name: str, *, weights: str) -> Encoder:
    """Build a network of timm by its name there; ``weights`` ``imagenet`` takes timm's default weights.

    Raises :class:`BenchError` where timm is missing, for an unknown name, weights that do not fit, and networks that
    are no chain of four stages.
    """
    if find_spec("timm") is None:
        raise BenchError(f"backbone {PREFIX}{name} needs the library timm: pip install timm")
    import timm

    if name not in timm.list_models():
        raise unknown_name("backbone of timm", name, timm.list_models())
    settings: dict[str, Any] = {"features_only": True, "pretrained": weights != "none"}
    if weights not in ("none", "imagenet"):
        _check_file(timm.create_model(name), name, Path(weights))
        settings["pretrained_cfg_overlay"] = {"file": weights}
    try:
        network = timm.create_model(name, **settings)
    except Exception as problem:  # hub, file and architecture raise errors of many types
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        hint = "" if weights == "none" else ". --weights none starts from random weights"
        raise BenchError(f"timm could not make {name} with weights {weights} ({reason}){hint}") from problem
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
    raise BenchError(f"backbone {PREFIX}{name} is no chain of stages; choose a convolutional network")


FAMILY = EncoderFamily(timm_encoder, prefix=PREFIX)
