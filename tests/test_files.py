from pathlib import Path

import numpy as np
import pytest

from bench.errors import BenchError
from bench.files import read_arrays, write_json


def test_arrays_come_back(tmp_path):
    np.savez(tmp_path / "some.npz", one=np.arange(3), two=np.ones((2, 2)))
    stored = read_arrays(tmp_path / "some.npz")
    assert stored["one"].tolist() == [0, 1, 2]
    assert stored["two"].shape == (2, 2)


@pytest.mark.parametrize("damage", ["cut", "nothing", "text", "flipped", "absent"])
def test_a_damaged_file_is_named(tmp_path, damage):
    path = tmp_path / "some.npz"
    np.savez_compressed(path, one=np.random.default_rng(0).random(4000))
    whole = path.read_bytes()
    if damage == "absent":
        path.unlink()
    else:
        middle = len(whole) // 2
        changed = {
            "cut": whole[:middle],
            "nothing": b"",
            "text": b"not an archive",
            "flipped": whole[:middle]
            + bytes(byte ^ 255 for byte in whole[middle : middle + 64])
            + whole[middle + 64 :],
        }
        path.write_bytes(changed[damage])
    with pytest.raises(BenchError, match=r"some\.npz .*; try again"):
        read_arrays(path, "try again")


def test_a_device_is_not_replaced(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("a system without devices as files")
    (tmp_path / "kept.json").symlink_to("/dev/full")
    with pytest.raises(OSError, match="something else than a file"):
        write_json(tmp_path / "kept.json", {})
    assert (tmp_path / "kept.json").is_symlink()
