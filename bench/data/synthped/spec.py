"""The settings of a rendered set, and its named sizes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace

from bench.errors import BenchError

RENDERER_VERSION = 1
"""Raised whenever the same :class:`SynthPedSpec` would give other pixels, so that no old set passes for a new one."""

CAMERAS = 6
"""Cameras of every set, numbered 1 to 6 in file names."""


@dataclass(frozen=True)
class SynthPedSpec:
    """Everything that the pixels of a set depend on, apart from :data:`RENDERER_VERSION`.

    ``height`` and ``width`` are those of the written images, in pixels; the same spec at another resolution shows the
    same people in the same scenes. ``*_images_per_camera`` are the least and the most images of one person that one
    camera gives (for test people: in the gallery, beside the one query of each camera). Raises :class:`BenchError` for
    values that no set can have.
    """

    seed: int = 0
    height: int = 128
    width: int = 64
    train_identities: int = 300
    test_identities: int = 200
    train_images_per_camera: tuple[int, int] = (1, 4)
    test_images_per_camera: tuple[int, int] = (1, 4)
    distractors: int = 400
    junk: int = 350
    cameras_per_identity: tuple[int, int] = (2, CAMERAS)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise BenchError(f"synthped needs a seed of 0 or more, found {self.seed}")
        if self.height < 32 or self.width < 16:
            raise BenchError(f"synthped images are at least 32 x 16 pixels, found {self.height} x {self.width}")
        if not 1.5 <= self.height / self.width <= 3.0:
            raise BenchError(f"synthped images are 1.5 to 3 times as high as wide, found {self.height} x {self.width}")
        if min(self.train_identities, self.test_identities, self.distractors, self.junk) < 0:
            raise BenchError("synthped counts (identities, distractors, junk) are 0 or more")
        if self.train_identities + self.test_identities > 9999:
            raise BenchError("synthped has four digits for an identity: at most 9999 in training and test together")
        for name in ("train_images_per_camera", "test_images_per_camera", "cameras_per_identity"):
            least, most = getattr(self, name)
            if not 1 <= least <= most:
                raise BenchError(f"synthped {name} is (least, most) with 1 <= least <= most, found {(least, most)}")
        least, most = self.cameras_per_identity
        if least < 2 or most > CAMERAS:
            raise BenchError(f"synthped shows a person on 2 to {CAMERAS} cameras, found {(least, most)}")

    def as_json(self) -> dict[str, object]:
        """The fields and the renderer's version, ready for :mod:`json` (pairs as lists)."""
        fields: dict[str, object] = json.loads(json.dumps(asdict(self)))
        return {"renderer_version": RENDERER_VERSION, **fields}

    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that tell this spec from any other."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()[:12]


SIZES: dict[str, SynthPedSpec] = {
    "smoke": SynthPedSpec(
        height=64,
        width=32,
        train_identities=24,
        test_identities=16,
        train_images_per_camera=(1, 3),
        test_images_per_camera=(1, 2),
        distractors=8,
        junk=8,
        cameras_per_identity=(2, 3),
    ),
    "demo": SynthPedSpec(),
    "small": SynthPedSpec(
        height=192,
        width=96,
        train_identities=500,
        test_identities=400,
        train_images_per_camera=(1, 5),
        test_images_per_camera=(1, 5),
        distractors=1100,
        junk=1200,
    ),
    "market": SynthPedSpec(
        height=256,
        width=128,
        train_identities=751,
        test_identities=750,
        train_images_per_camera=(1, 7),
        test_images_per_camera=(1, 7),
        distractors=2798,
        junk=3819,
    ),
}
"""The sizes by name: ``smoke`` for tests, ``demo`` for a first run on a laptop, ``market`` as large as Market-1501."""


def sized_spec(size: str, seed: int = 0) -> SynthPedSpec:
    """The spec of a named size for a seed. Raises :class:`BenchError` for an unknown size."""
    if size not in SIZES:
        raise BenchError(f"synthped has no size {size!r}; its sizes: {', '.join(SIZES)}")
    return replace(SIZES[size], seed=seed)
