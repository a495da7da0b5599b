"""Every option of every command with values that nobody should give; both are found by looking at the commands."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import typer
from typer.models import OptionInfo

from torture.commands import RUN, SMALL
from torture.place import Place
from torture.standing import Standing
from torture.starting import Ended, Starter
from torture.tally import Case
from torture.undisturbed import Undisturbed

BESIDE_RUN, WALKED = "beside run", "walked"
"""States: a finished run with what commands keep beside it and read; and what commands are walked from."""
HERE = "@/"
"""Begins a path that lies in the place; commands start elsewhere."""
LONG = "x" * 6000
NUMBERS = ("", "-1", "0", "9" * 30, "nan", "inf", "1e308", "1.5", " 3", "٣")
PATHS = ("missing/deep", "", "a file", "a folder", "a device", "results/..")
VALUES: dict[type, tuple[str, ...]] = {
    int: NUMBERS,
    float: (*NUMBERS, "-inf", "1e-308"),
    str: ("", " ", "../..", LONG, "\x1b[31mred", "ü€\u202e", "a,,b", "gs,gs", "-1", "0", "nan", "$x^2$"),
    Path: ("", LONG, "ü€", *(HERE + path for path in PATHS)),
}
"""What each kind of option is given."""
Line = tuple[str, ...]
Values = dict[str, tuple[str, ...]]
"""Values of parameters by name; several where an option is repeated."""

QUICK = {
    **{option: (value,) for option, value in zip(SMALL[::2], SMALL[1::2], strict=True)},
    **{"--preset": ("smoke",), "--results": (f"{HERE}results",), "--cache": (f"{HERE}cache",)},
    **{"--budgets": ("3",), "--shuffles": ("2",), "--resamples": ("20",), "--seconds": ("0.05",)},
    **{"--formats": ("svg",), "--calibration": ("0.3",), "--rounds": ("1",), "--queries": ("4",)},
}
"""Options that keep a command small, where it has them."""
FLAGS = ("--budget-sweep", "--busy")
"""Flags without which a command does nothing, or nothing beside other processes."""
GIVEN: dict[Line, dict[str, str | tuple[str, ...]]] = {
    (): {"method": "hashreid", "name": "synthped", "run": "seed0"},
    ("run",): {"policies": "gs,learned,ets"},
    ("policies",): {"policies": "gs"},
    ("search",): {"gallery": "100", "lengths": "64,128"},
    ("evaluate",): {"file": "@/theirs.npz", "policies": "gs"},
    ("embeddings",): {"out": "@/made.npz"},
    ("embed",): {"images": "@/photos", "out": "@/made.npz", "data": ()},
    ("new",): {"kind": "method", "name": "mine", "into": "@/a folder"},
    ("compare",): {"side_a": "hashreid", "side_b": "seed0"},
    ("verify",): {"results": "@/results"},
    ("render",): {"template": "@/page.template.md"},
    ("pack",): {"runs": "seed0", "out": "@/made.tar.gz"},
    ("merge",): {"archives": "@/runs.tar.gz"},
    ("export",): {"out": "@/made.csv"},
    ("list",): {"what": "methods"},
    ("latency",): {"batch": "1"},
    ("infer",): {"batch": "2", "budget": "0.5"},
    ("data", "show"): {"out": "@/made.png"},
    ("data", "split"): {"folder": "@/photos", "pattern": "{pid}_c{camid}{}.jpg"},
    ("model", "export"): {"form": "safetensors", "out": "@/made", "data": ()},
    ("model", "check"): {"folder": "@/weights", "images": "4"},
    ("model", "show"): {"folder": "@/weights"},
    ("gallery", "build"): {"out": "@/made.gallery"},
    ("gallery", "add"): {"file": "@/kept.gallery", "images": "@/photos", "data": ()},
    ("gallery", "remove"): {"file": "@/kept.gallery", "pids": "25"},
    ("gallery", "show"): {"file": "@/kept.gallery"},
    ("gallery", "scale"): {"file": "@/theirs.npz", "images": "1000,2000"},
    ("architecture", "search"): {"method": "cnet", "settings": ("epochs=1", "batches_per_epoch=1")},
}
"""What parameters are given so that the command works, or nothing: for all commands, and by command."""
TOGETHER: dict[tuple[Line, str], dict[str, str | tuple[str, ...]]] = {
    **{(("infer",), one): {"images": "@/photos", "rounds": (), "queries": ()} for one in ("images", "sheet")},
    (("infer",), "export"): {"backend": "onnxruntime"},
    (("infer",), "latency_bound"): {"scenario": "server"},
    **{(("embed",), one): {"budget": "0.5"} for one in ("policy", "thresholding", "batch", "data", "data_root")},
    **{
        (("gallery", "build"), one): {"images": "@/photos", "data": ()} for one in ("images", "pattern", "pid", "camid")
    },
    **{
        (("gallery", "add"), one): {"images": (), "split": "query", "data": "size=smoke"}
        for one in ("split", "dataset", "data", "data_root")
    },
    (("run",), "resources"): {"workers": "local"},
    **{
        (("model", "export"), one): {"form": "onnx", "precision": "int8", "images": "4", "data": "size=smoke"}
        for one in ("images", "dataset", "data", "data_root", "cache")
    },
}
"""What an option is given together with, as it means nothing alone, and without what it does not go with."""
REPLACED = {("gallery", "add"): "kept.gallery", ("gallery", "remove"): "kept.gallery"}
"""Files that a command is there to change."""


@dataclass(frozen=True)
class Typed:
    """A command: how its parameters are typed (arguments by no name), and of what kind their values are."""

    name: Line
    options: dict[str, str]
    kinds: dict[str, type]
    flags: Line
    given: Values

    @classmethod
    def of(cls, name: Line, function: Any) -> Typed:
        """Look at the function of a command."""
        hints = get_type_hints(function, include_extras=True)
        parameters = inspect.signature(function).parameters
        declared = {one: _declared(one, hints[one]) for one in parameters}
        options = {one: option for one, (option, kind) in declared.items() if kind is not bool}
        required = {one for one, parameter in parameters.items() if parameter.default is parameter.empty}
        general = {one: value for one, value in GIVEN[()].items() if one in required}
        given = _typed(general | GIVEN.get(name, {}))
        small = {one: QUICK[option] for one, option in options.items() if option in QUICK}
        flags = tuple(option for option, kind in declared.values() if kind is bool and option in FLAGS)
        return cls(name, options, {one: declared[one][1] for one in options}, flags, small | given)

    def line(self, values: Values) -> Line:
        """Type the command with values in place of those that it is given otherwise."""
        every = values | {one: value for one, value in self.given.items() if one not in values}
        # Behind the options, and behind two hyphens, an argument may begin with a hyphen too.
        named = [
            part for one in every if self.options[one] for value in every[one] for part in (self.options[one], value)
        ]
        unnamed = [value for one, option in self.options.items() if not option for value in every.get(one, ())]
        return *self.name, *self.flags, *named, "--", *unnamed

    def hostile(self) -> Iterator[Line]:
        """Type the command with every value for each of its parameters in turn."""
        for one, kind in self.kinds.items():
            beside = _typed(TOGETHER.get((self.name, one), {}))
            for value in VALUES.get(kind, VALUES[str]):
                yield self.line({**beside, one: (value,)})


def commands(app: typer.Typer, before: Line = ()) -> Iterator[Typed]:
    """Go through all commands of an application."""
    for one in app.registered_commands:
        yield Typed.of((*before, str(one.name)), inspect.unwrap(one.callback))
    for group in app.registered_groups:
        yield from commands(group.typer_instance, (*before, str(group.name)))


def lines(app: typer.Typer) -> Iterator[Line]:
    """Type every command, with every value for each of its options and arguments in turn."""
    return (line for command in commands(app) for line in command.hostile())


def _typed(given: Mapping[str, str | tuple[str, ...]]) -> Values:
    return {one: (value,) if isinstance(value, str) else value for one, value in given.items()}


def _declared(name: str, hint: Any) -> tuple[str, type]:
    """Tell how a parameter is typed, nothing for an argument, and the kind of its values."""
    kind, info = get_args(hint)[:2] if hasattr(hint, "__metadata__") else (hint, None)
    while get_origin(kind) not in (None, Literal):  # a list of values, or none
        kind = next(part for part in get_args(kind) if part is not type(None))
    if not isinstance(info, OptionInfo):
        return "", kind
    # Beside Annotated, what stands first in typer.Option is a name, as the others are.
    names = (part.partition("/")[0] for part in (info.default, *(info.param_decls or ())) if isinstance(part, str))
    return next((part for part in names if part.startswith("--")), f"--{name.replace('_', '-')}"), kind


@dataclass(frozen=True)
class Walk:
    """A state in its place, and what starts commands there."""

    place: Place
    starter: Starter
    standing: Standing

    @classmethod
    def of(cls, world: Undisturbed, state: str = RUN) -> Walk:
        """Start from a state, and what no command makes: a text, a folder, a device, some photographs."""
        place = world.place
        place.restore(state)
        (place.root / "a folder").mkdir()
        (place.root / "a file").write_text("a text")
        (place.root / "a device").symlink_to("/dev/full")
        (place.root / "page.template.md").write_text("A page.")
        (place.root / "photos").mkdir()
        for photograph in sorted(place.cache.glob("synthped-*/query/*.jpg"))[:4]:
            shutil.copy(photograph, place.root / "photos")
        place.keep(WALKED)
        return cls(place, world.starter, Standing(place, WALKED))

    @classmethod
    def beside_runs(cls, world: Undisturbed, app: typer.Typer) -> Walk:
        """Start from a state with all that commands read; every command is run there once with nothing hostile.

        Raises AssertionError where one does not work so: its options would be refused for another reason.
        """
        place = world.place
        where = ("--results", place.results, "--cache", place.cache)
        makers = (
            ("gallery", "build", "seed0", "--out", place.root / "kept.gallery", *SMALL, *where),
            ("model", "export", "seed0", "--out", place.root / "onnx", *where),
            ("model", "export", "seed0", "--format", "safetensors", "--out", place.root / "weights", *where),
            ("embeddings", "seed0", "--out", place.root / "theirs.npz", *SMALL, *where),
            ("pack", "seed0", "--out", place.root / "runs.tar.gz", "--results", place.results),
        )
        place.restore(RUN)
        for maker in makers:
            ended = world.starter.run(maker, place.said)
            assert ended.status == 0, ended.err
        place.keep(BESIDE_RUN)
        walk = cls.of(world, BESIDE_RUN)
        for command in commands(app):
            ended = walk.run(command.line({}))
            assert ended.status == 0, f"{command.line({})}: {ended.err}"
            assert not walk.lost(command.line({}))
        return walk

    def run(self, line: Line) -> Ended:
        """Put the state back, and run a command there."""
        self.standing.restore()
        return self.starter.run([part.replace(HERE, f"{self.place.root}/") for part in line], self.place.said)

    def lost(self, line: Line) -> list[str]:
        """Name what was there before a command, and is not as it was; less what the command is there to change."""
        return [name for name in self.standing.changed() if REPLACED.get(line[:2]) != name]


def walked(walk: Walk, line: Line) -> Case:
    """Run a command: it works, or ends in one error, and no file that was there changes."""
    case = Case("hostile values", " ".join(repr(part[:60]) if not part.isidentifier() else part for part in line))
    ended = walk.run(line)
    case.watch(ended, (0, 1, 2))
    case.error = ended.status != 0
    case.same = not case.faults
    lost = walk.lost(line)
    case.fault("silent differences", f"changed or lost: {', '.join(lost[:3])}", len(lost))
    return case
