"""Full disks: a command runs where too little room is left, then room is made and it goes on."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torture.commands import Command
from torture.tally import Case
from torture.undisturbed import Undisturbed

PLENTY = 256 << 20
PAGE = 4096


def filled(world: Undisturbed, command: Command, folder: str, room: int) -> Case:
    """Run a command with ``room`` bytes left in the folder that it writes to, then with plenty."""
    case = Case("full disk", f"{command.name}, {room:,} bytes in {folder}")
    world.place.restore(command.state)
    path = world.place.root / folder
    with small_disk(path, room) as disk:
        ended = disk.run(world, command)
        case.watch(ended, (0, 1))
        case.error = ended.status == 1
        disk.grow()
        world.judge(case, command)
        stale = world.place.stale()
        case.fault("stale files", ", ".join(map(str, stale)), len(stale))
    return case


class _Disk:
    """A folder with little room: a file system of its own where root may mount one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, world: Undisturbed, command: Command):
        return world.run(command)

    def grow(self) -> None:
        """Make room."""
        subprocess.run(["mount", "-o", f"remount,size={PLENTY}", str(self.path)], check=True)


class _Quota(_Disk):
    """Where nothing can be mounted: no file that the command writes may be longer."""

    def __init__(self, path: Path, room: int) -> None:
        super().__init__(path)
        self.room = room

    def run(self, world: Undisturbed, command: Command):
        return world.starter.run(command.arguments(world.place), world.place.said, most_bytes=self.room)

    def grow(self) -> None:
        """Nothing is in the way of the next command."""


@contextmanager
def small_disk(path: Path, room: int) -> Iterator[_Disk]:
    """Leave ``room`` bytes at a folder, with what is in it."""
    kept = path.with_name(f"{path.name}.kept")
    path.mkdir(exist_ok=True)
    path.rename(kept)
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={PLENTY}", "tmpfs", str(path)], capture_output=True, check=False
    )
    if mounted.returncode:
        path.rmdir()
        kept.rename(path)
        yield _Quota(path, room)
        return
    try:
        subprocess.run(["cp", "-a", f"{kept}/.", str(path)], check=True)
        used = subprocess.run(["df", "--output=used", "-B1", str(path)], capture_output=True, text=True, check=True)
        size = int(used.stdout.split()[-1]) + max(room, PAGE)
        subprocess.run(["mount", "-o", f"remount,size={size}", str(path)], check=True)
        yield _Disk(path)
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)
        shutil.rmtree(kept)
