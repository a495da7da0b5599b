"""Which device a run uses and in which precision it multiplies: resolved by name, before a run has a key.

Torch is imported only where something has to be looked up, so that plans and lists need not wait for it.
"""

from __future__ import annotations

from typing import Literal, get_args

from bench.errors import BenchError

Precision = Literal["float32", "bfloat16"]
"""``bfloat16`` is mixed: parameters, losses and what is kept are float32, matrix products and convolutions bfloat16."""
DEVICES = ("cpu", "cuda", "mps")
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


def check_precision(precision: str) -> None:
    """Raise BenchError unless ``precision`` is ``auto`` or one of :data:`PRECISIONS`."""
    if precision not in ("auto", *PRECISIONS):
        raise BenchError(f"precision is auto, float32 or bfloat16, not {precision!r}")


def check_device(device: str) -> None:
    """Raise BenchError unless ``device`` is ``auto`` or one of :data:`DEVICES`, whether it is here or not."""
    if device not in ("auto", *DEVICES):
        raise BenchError(f"device is auto, cpu, cuda or mps, not {device!r}")


def resolve_device(device: str) -> str:
    """Name the device: ``auto`` takes CUDA where there is one, and else the processor.

    Raises BenchError for what is no device, and for one that is not available here.
    """
    check_device(device)
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available[device]:
        raise BenchError(f"device {device} is not available here; --device auto takes what there is")
    return device


def resolve_precision(precision: str, device: str) -> Precision:
    """Name the precision: ``auto`` takes bfloat16 where the device multiplies it natively, and else float32.

    A processor that emulates bfloat16 is ten times slower than with float32. Raises BenchError for what is no
    precision and for what is no device here.
    """
    check_precision(precision)
    for named in PRECISIONS:
        if precision == named:
            return named
    return "bfloat16" if _multiplies_bfloat16(resolve_device(device)) else "float32"


def _multiplies_bfloat16(device: str) -> bool:
    import torch

    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device == "cpu":
        # Matrix units (AMX) or the AVX-512 dot product; torch's own probes for them are underscored in every release.
        probes = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
        return any(bool(getattr(torch.cpu, probe, bool)()) for probe in probes)
    return False
