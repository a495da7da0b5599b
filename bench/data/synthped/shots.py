"""The images of a set before they are rendered: names, people, cameras and difficulties."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from bench.data.synthped.chance import Purpose, Stream, choose, stream
from bench.data.synthped.spec import CAMERAS, SynthPedSpec

TRAIN, QUERY, GALLERY = "bounding_box_train", "query", "bounding_box_test"
"""The folders of Market-1501."""

_BATCH = 12
"""Distractor or junk images in one part of the work."""
_CAMERA_COUNTS = {2: 0.06, 3: 0.15, 4: 0.25, 5: 0.30, 6: 0.24}
"""Share of people by the number of cameras that see them: 4.5 on average, as in Market-1501."""


class Group(IntEnum):
    """Groups of people; no person is in two of them."""

    TRAIN = 0
    TEST = 1
    STRANGER = 2


class Box(IntEnum):
    """What a box shows: a person, a badly cut person (junk), or no person (a distractor)."""

    GOOD = 0
    BAD = 1
    EMPTY = 2


class Difficulty(IntEnum):
    """``HARD`` images are small, badly cut, partly hidden or badly lit; ``EXTREME`` ones are nearly impossible."""

    PLAIN = 0
    HARD = 1
    EXTREME = 2


_OF_QUERIES = {"PLAIN": 0.74, "HARD": 0.20, "EXTREME": 0.06}
_OF_OTHERS = {"PLAIN": 0.83, "HARD": 0.16, "EXTREME": 0.01}


@dataclass(frozen=True)
class Shot:
    """One image: ``path`` is folder and file name, ``key`` and ``track`` select its random streams.

    ``moment`` is the number of the image within its track.
    """

    path: str
    key: tuple[int, ...]
    track: tuple[int, ...]
    group: Group
    person: int
    camera: int
    moment: int
    difficulty: Difficulty = Difficulty.PLAIN
    box: Box = Box.GOOD


@dataclass(frozen=True)
class Part:
    """Images that are rendered as one unit of work: an interrupted run resumes after the last complete part."""

    name: str
    shots: tuple[Shot, ...]


def _file_name(pid: int, camera: int, sequence: int, frame: int, number: int) -> str:
    """A file name of Market-1501, for instance ``0002_c1s1_000451_03.jpg``."""
    person = "-1" if pid < 0 else f"{pid:04d}"
    return f"{person}_c{camera + 1}s{sequence}_{frame:06d}_{number:02d}.jpg"


def _cameras(r: Stream, spec: SynthPedSpec) -> list[int]:
    least, most = spec.cameras_per_identity
    shares = {str(count): share for count, share in _CAMERA_COUNTS.items() if least <= count <= most}
    return sorted(int(camera) for camera in r.permutation(CAMERAS)[: int(choose(r, shares))])


def _images(r: Stream, bounds: tuple[int, int]) -> int:
    return int(r.integers(bounds[0], bounds[1] + 1))


def _person_part(spec: SynthPedSpec, group: Group, index: int) -> Part:
    """All images of one person: in training, or queries and gallery."""
    r = stream(spec.seed, Purpose.PLAN, group, index)
    train = group is Group.TRAIN
    pid = index + 1 if train else spec.train_identities + index + 1
    folder = TRAIN if train else GALLERY
    bounds = spec.train_images_per_camera if train else spec.test_images_per_camera
    shots = []
    for camera in _cameras(r, spec):
        frame = int(r.integers(1000, 99000))
        sequence = int(r.integers(1, 7))
        for number in range(_images(r, bounds)):
            level = Difficulty[choose(r, _OF_OTHERS)]
            name = _file_name(pid, camera, sequence, frame + 25 * number, number + 1)
            key = (group, index, camera, number + 1)
            # Some images come from a second passage, at another hour and in another light.
            track = (group, index, camera, int(number > 1 and r.random() < 0.4))
            shots.append(Shot(f"{folder}/{name}", key, track, group, index, camera, number, level))
        if not train:
            level = Difficulty[choose(r, _OF_QUERIES)]
            name = _file_name(pid, camera, sequence, frame - 25, 0)
            key, track = (group, index, camera, 0), (group, index, camera, int(r.random() < 0.4))
            shots.append(Shot(f"{QUERY}/{name}", key, track, group, index, camera, -1, level))
    return Part(f"{group.name.lower()}-{pid:04d}", tuple(shots))


def _loose_part(spec: SynthPedSpec, box: Box, batch: int, count: int, strangers: int) -> Part:
    """A batch of distractors (identity 0) or junk (identity −1) in the gallery."""
    r = stream(spec.seed, Purpose.PLAN, 10 + box, batch)
    junk = box is Box.BAD
    shots = []
    for number in range(count):
        camera, frame = int(r.integers(CAMERAS)), batch * 25 + number
        name = _file_name(-1 if junk else 0, camera, 1 + batch % 6, frame, number)
        # Half of the distractors are clearly visible strangers, the rest are boxes without a person.
        empty = not junk and r.random() < 0.5
        shown = box if junk else (Box.EMPTY if empty else Box.GOOD)
        test_person = junk and spec.test_identities > 0
        group = Group.TEST if test_person else Group.STRANGER
        person = int(r.integers(spec.test_identities if test_person else strangers))
        key = (10 + box, batch, number)
        shots.append(Shot(f"{GALLERY}/{name}", key, key, group, person, camera, 0, box=shown))
    return Part(f"{'junk' if junk else 'distractors'}-{batch:04d}", tuple(shots))


def _batches(total: int) -> list[int]:
    return [min(_BATCH, total - start) for start in range(0, total, _BATCH)]


def plan_parts(spec: SynthPedSpec, strangers: int) -> tuple[Part, ...]:
    """The parts of a set, largest groups first; ``strangers`` is the number of people outside all splits."""
    parts = [_person_part(spec, Group.TRAIN, index) for index in range(spec.train_identities)]
    parts += [_person_part(spec, Group.TEST, index) for index in range(spec.test_identities)]
    for box, total in ((Box.EMPTY, spec.distractors), (Box.BAD, spec.junk)):
        parts += [_loose_part(spec, box, batch, count, strangers) for batch, count in enumerate(_batches(total))]
    return tuple(parts)


def count_images(parts: tuple[Part, ...]) -> dict[str, int]:
    """Number of images in each folder."""
    folders = [shot.path.split("/")[0] for part in parts for shot in part.shots]
    return {folder: int(folders.count(folder)) for folder in (TRAIN, QUERY, GALLERY)}
