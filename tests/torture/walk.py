"""Every option of every command with values that nobody should give; both are found by looking at the commands."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import typer
from typer.models import OptionInfo

from bench.digests import digest_of_file
from torture.commands import RUN, SMALL
from torture.place import Place
from torture.tally import Case
from torture.undisturbed import Undisturbed

LONG = "x" * 6000
NUMBERS = ("", "-1", "0", "9" * 30, "nan", "inf", "1e308", "1.5", " 3", "٣")
VALUES: dict[type, tuple[str, ...]] = {
    int: NUMBERS,
    float: (*NUMBERS, "-inf", "1e-308"),
    str: ("", " ", "../..", LONG, "\x1b[31mred", "ü€\u202e", "a,,b", "gs,gs", "-1", "0", "nan", "$x^2$"),
    Path: ("", "missing/deep", ".", "a file", "a folder", "a device", LONG, "../..", "ü€"),
}
"""What each kind of option is given; paths lie in the place."""
GIVEN = {"method": "hashreid", "name": "synthped", "out": "made.npz", "images": "a folder", "folder": "a folder"}
"""What commands need, by name; anything else is taken for the name of the run."""
QUICK = {
    **dict(zip(SMALL[::2], SMALL[1::2], strict=True)),
    **{"--preset": "smoke", "--results": "results", "--cache": "cache", "--seconds": "0", "--formats": "svg"},
    **{"--budgets": "3", "--shuffles": "2", "--resamples": "20", "--calibration": "0.3"},
}
"""Options that keep a command small, where it has them."""
Line = tuple[str, ...]


def commands(app: typer.Typer, before: Line = ()) -> Iterator[tuple[Line, Any]]:
    """Go through all commands of an application, with their names and functions."""
    for one in app.registered_commands:
        yield (*before, str(one.name)), inspect.unwrap(one.callback)
    for group in app.registered_groups:
        yield from commands(group.typer_instance, (*before, str(group.name)))


def lines(app: typer.Typer) -> Iterator[Line]:
    """Type every command, with every value for each of its options and arguments in turn."""
    for name, function in commands(app):
        parameters = inspect.signature(function).parameters
        typed = {one: _typed(one, hint) for one, hint in get_type_hints(function, include_extras=True).items()}
        typed = {one: typed[one] for one in parameters}
        needed = {one: GIVEN.get(one, "seed0") for one, of in parameters.items() if of.default is of.empty}
        flags = ("--budget-sweep",) if "budget_sweep" in typed else ()
        small = {one: QUICK[option] for one, (option, _) in typed.items() if option in QUICK}
        for one, (_, kind) in typed.items():
            for value in () if kind is bool else VALUES.get(kind, VALUES[str]):
                values = {**small, **needed, one: value}
                # Behind the options, and behind two hyphens, an argument may begin with a hyphen too.
                options = [part for each, value in values.items() if typed[each][0] for part in (typed[each][0], value)]
                yield (*name, *flags, *options, "--", *(value for each, value in values.items() if not typed[each][0]))


def _typed(name: str, hint: Any) -> tuple[str, type]:
    """Tell how a parameter is typed, nothing for an argument, and the kind of its values."""
    kind, info = get_args(hint)[:2] if hasattr(hint, "__metadata__") else (hint, None)
    while get_origin(kind) not in (None, Literal):  # a list of values, or none
        kind = next(part for part in get_args(kind) if part is not type(None))
    declared = [one for one in getattr(info, "param_decls", None) or () if one.startswith("--")]
    return (declared[0] if declared else f"--{name.replace('_', '-')}") if isinstance(info, OptionInfo) else "", kind


def walked(world: Undisturbed, line: Line) -> Case:
    """Run a command: it works, or ends in one error, and no file that was there changes."""
    place = world.place
    case = Case("hostile values", " ".join(repr(part[:60]) if not part.isidentifier() else part for part in line))
    place.restore(RUN)
    (place.root / "a folder").mkdir()
    (place.root / "a file").write_text("a text")
    (place.root / "a device").symlink_to("/dev/full")
    before = _kept(place)
    ended = world.starter.run([_placed(place, part) for part in line], place.said)
    case.watch(ended, (0, 1, 2))
    case.error = ended.status != 0
    case.same = not case.faults
    after = _kept(place)
    changed = sorted(name for name, digest in before.items() if after.get(name) != digest)
    case.fault("silent differences", f"changed or lost: {', '.join(changed[:3])}", len(changed))
    return case


def _placed(place: Place, part: str) -> str:
    """Let names of folders and files mean those of the place: commands start elsewhere."""
    there = part in ("results", "cache", ".", "../..") or part.startswith(("a f", "a device", "made.", "missing/"))
    return str(place.root / part) if there else part


def _kept(place: Place) -> dict[str, str]:
    files = (path for path in place.root.rglob("*") if path.is_file() and not path.name.endswith(".lock"))
    return {str(path.relative_to(place.root)): digest_of_file(path) for path in files}
