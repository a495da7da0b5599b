"""Rendering of the parts of a set, one at a time."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from bench.data.synthped.folder import mark_part, write_whole
from bench.data.synthped.identity import Identity, cast
from bench.data.synthped.picture import STRANGERS, encode, render_image, strangers
from bench.data.synthped.shots import Group, Part, Shot, plan_parts
from bench.data.synthped.spec import SynthPedSpec


@lru_cache(maxsize=8)
def people(spec: SynthPedSpec, group: Group) -> tuple[Identity, ...]:
    """The people of one group of a set."""
    if group is Group.STRANGER:
        return strangers(spec.seed)
    return cast(spec.seed, group, spec.train_identities if group is Group.TRAIN else spec.test_identities)


@lru_cache(maxsize=4)
def planned(spec: SynthPedSpec) -> tuple[Part, ...]:
    """The parts of a set, in the order in which they are rendered."""
    return plan_parts(spec, STRANGERS)


def render_shot(spec: SynthPedSpec, shot: Shot) -> bytes:
    """The JPEG file of one shot."""
    person = people(spec, shot.group)[shot.person]
    return encode(*render_image(spec.seed, shot, person, spec.height, spec.width))


def render_part(spec: SynthPedSpec, part: Part, making: Path) -> int:
    """Write the images of a part and mark it as done; gives their number."""
    for shot in part.shots:
        write_whole(making / shot.path, render_shot(spec, shot))
    mark_part(making, part.name)
    return len(part.shots)
