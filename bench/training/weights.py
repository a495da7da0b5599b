"""The trained parameters of a network, as a safetensors file with a digest of its content."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from bench.digests import FIELD, DamagedFile, stamp, verify
from bench.files import DIGEST, replacing

TRAIN_AGAIN = "remove it to have the network trained again, or put a whole copy in its place"


def save_weights(network: nn.Module, path: Path) -> str:
    """Write parameters and buffers; gives the file's digest. Raises OSError where that fails."""
    state = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    with replacing(path) as beside:
        try:
            save_file(state, beside, metadata={DIGEST: FIELD})
        except SafetensorError as problem:
            # A full disk comes as an error of this library's own.
            raise OSError(str(problem)) from problem
        return stamp(beside)


def load_weights(network: nn.Module, path: Path) -> None:
    """Load what :func:`save_weights` wrote into ``network``.

    Raises DamagedFile where the file is not what was written, or where it is that of another network.
    """
    try:
        verify(path)
        network.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError, DamagedFile) as problem:
        reason = str(problem).splitlines()[0]
        raise DamagedFile(f"{path} does not load into its network ({reason}); {TRAIN_AGAIN}") from problem
