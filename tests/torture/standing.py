"""A place that one state stands in, case after case: what a case changed is found by time stamps, and put back."""

from __future__ import annotations

import filecmp
import os
import shutil
import stat
from pathlib import Path

from torture.place import Place

Stamp = tuple[int, ...]


class Standing:
    """A state in its place. Files whose stamps are as they were are neither read nor copied again."""

    def __init__(self, place: Place, state: str) -> None:
        self.root, self.kept = place.root, place.scratch / state
        place.restore(state)
        self.stamps = stamps(self.root)

    def changed(self) -> list[str]:
        """Name the files of the state that are gone, or hold something else; locks come and go."""
        now = stamps(self.root)
        return sorted(
            name
            for name, stamp in self.stamps.items()
            if now.get(name) != stamp and not name.endswith(".lock") and not self._same(name)
        )

    def restore(self) -> None:
        """Put the state back: remove what is new, and copy what has other stamps."""
        now = stamps(self.root)
        for name in now.keys() - self.stamps.keys():
            _remove(self.root / name)
        for name, stamp in self.stamps.items():  # folders come before what is in them
            if now.get(name) == stamp:
                continue
            path = self.root / name
            if not stat.S_ISDIR(stamp[0]):
                _remove(path)
                shutil.copy2(self.kept / name, path, follow_symlinks=False)
            else:
                if not path.is_dir() or path.is_symlink():
                    _remove(path)
                    path.mkdir()
                path.chmod(stat.S_IMODE(stamp[0]))
            self.stamps[name] = stamp_of(path)

    def _same(self, name: str) -> bool:
        path, kept = self.root / name, self.kept / name
        kind = stat.S_IFMT(self.stamps[name][0])
        if not os.path.lexists(path) or stat.S_IFMT(path.lstat().st_mode) != kind:
            return False
        if stat.S_ISLNK(kind):
            return path.readlink() == kept.readlink()
        return stat.S_ISDIR(kind) or filecmp.cmp(path, kept, shallow=False)


def stamps(folder: Path) -> dict[str, Stamp]:
    """Give the stamps of all that is below a folder, by names; folders come before what is in them."""
    found: dict[str, Stamp] = {}
    waiting = [folder]
    while waiting:
        for path in sorted(waiting.pop().iterdir()):
            found[str(path.relative_to(folder))] = stamp = stamp_of(path)
            if stat.S_ISDIR(stamp[0]):
                waiting.append(path)
    return found


def stamp_of(path: Path) -> Stamp:
    """Tell a file by its mode, inode, size and times. The time of change of an inode cannot be set by a program.

    A folder's times change with what is in it, which has stamps of its own: they are left out.
    """
    found = path.lstat()
    if stat.S_ISDIR(found.st_mode):
        return (found.st_mode,)
    return found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
