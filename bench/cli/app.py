"""The ``bench`` command: its parts, and what is said of errors."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import wraps
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from bench import __version__
from bench.at_work import at_work
from bench.cli.ending import INTERRUPTED, TERMINATED, WORDS, Terminated, output_is_whole, unwinding
from bench.cli.terminal import ERR, OUT
from bench.errors import BenchError
from bench.inert import shortened

OUT_OF_MEMORY = ("can't allocate memory", "out of memory", "could not allocate", "not enough memory")
"""What PyTorch says where memory cannot be had, the last on Windows: an error on a processor has no type of its own."""


class _Commands(TyperGroup):
    """All commands: what the parser says of a value has no more of it than a line can show."""

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        with _shortening():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        with _shortening():
            return super().invoke(ctx)


@contextmanager
def _shortening() -> Iterator[None]:
    try:
        yield
    except Exception as problem:
        # The parser's errors: they have no public name that every version of typer knows them by.
        if isinstance(message := getattr(problem, "message", None), str):
            problem.message = shortened(message)  # type: ignore[attr-defined]
        raise


GROUPS = {
    "data": "Make, check and look at datasets.",
    "model": "Export trained networks, and check the exports.",
    "gallery": "Build, change and look at galleries that are kept.",
    "architecture": "Search for the blocks of a network.",
}
COMMANDS = {
    "run": "run:run_command",
    "evaluate": "evaluate:evaluate_command",
    "embeddings": "evaluate:embeddings_command",
    "embed": "embed:embed_command",
    "new": "new:new_command",
    "policies": "policies:policies_command",
    "search": "search:search_command",
    "show": "show:show_command",
    "compare": "compare:compare_command",
    "choose": "choose:choose_command",
    "claims": "claims:claims_command",
    "verify": "verify:verify_command",
    "report": "report:report_command",
    "render": "render:render_command",
    "pack": "pack:pack_command",
    "merge": "merge:merge_command",
    "export": "export:export_command",
    "list": "listing:list_command",
    "latency": "latency:latency_command",
    "infer": "infer:infer_command",
    "cost": "cost:cost_command",
    "data make": "data:make_command",
    "data verify": "data_verify:verify_command",
    "data stats": "data_statistics:statistics_command",
    "data show": "data_show:show_command",
    "data split": "data_split:split_command",
    "model export": "model:export_command",
    "model check": "model:check_command",
    "model show": "model:show_command",
    "gallery build": "gallery:build_command",
    "gallery add": "gallery:add_command",
    "gallery remove": "gallery:remove_command",
    "gallery show": "gallery:show_command",
    "gallery scale": "gallery_scale:scale_command",
    "architecture search": "architecture:search_command",
}
"""As they are typed, with the module of this room and the function that carries them out."""


def application(*typed: str) -> typer.Typer:
    """Make the command line: of the command or the group that is ``typed`` first, else of all commands.

    Importing all commands and reading their signatures takes a quarter of a short command's time.
    """
    app = typer.Typer(
        name="bench",
        cls=_Commands,
        help="Budgeted inference in person re-identification: train multi-exit networks, sweep budgets, report.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    parents = {"": app}
    for name in _named(typed):
        group, _, command = name.rpartition(" ")
        if group not in parents:
            parents[group] = typer.Typer(help=GROUPS[group], no_args_is_help=True)
            app.add_typer(parents[group], name=group)
        module, _, function = COMMANDS[name].partition(":")
        parents[group].command(command)(_ends_plainly(getattr(import_module(f"bench.cli.{module}"), function)))
    return app


def _named(typed: Sequence[str]) -> list[str]:
    """Find the commands that what is typed can mean: one, those of a group, or all where it names none of them."""
    for count in (2, 1):
        first = " ".join(typed[:count])
        if found := [name for name in COMMANDS if f"{name} ".startswith(f"{first} ")]:
            return found
    return list(COMMANDS)


def _ends_plainly(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command end in one message: status 1 for what a user can mend, 130 after Ctrl-C.

    Around each command and not around them all: the parser has an answer of its own to Ctrl-C, a plain status 1.
    """

    @wraps(command)
    def wrapped(*arguments: Any, **options: Any) -> None:
        try:
            with unwinding(), at_work(command.__name__.removesuffix("_command").replace("_", " ")):
                _refuse_devices([*arguments, *options.values()])
                command(*arguments, **options)
        except BenchError as problem:
            raise _failed(str(problem)) from None
        except OSError as problem:
            # A full disk, a closed pipe, a path that is too long: no defect of the suite.
            if not problem.filename and not output_is_whole():
                raise typer.Exit(1) from None  # it is told of when the output is closed
            name = f": {problem.filename}" if problem.filename else ""
            raise _failed(f"{problem.strerror or problem}{name}") from None
        except MemoryError as problem:
            raise _failed(_no_memory(problem)) from None
        except RuntimeError as problem:
            if any(words in str(problem) for words in OUT_OF_MEMORY):
                raise _failed(_no_memory(problem)) from None
            raise
        except KeyboardInterrupt as stop:
            status = TERMINATED if isinstance(stop, Terminated) else INTERRUPTED
            _last_word(f"[bold yellow]{WORDS[status]}[/bold yellow]")
            raise typer.Exit(status) from None

    return wrapped


def _refuse_devices(values: Sequence[Any]) -> None:
    """Raise BenchError where a device is named: some never end when they are read, and none may be replaced."""
    for value in values:
        if isinstance(value, list | tuple):
            _refuse_devices(value)
        elif isinstance(value, Path):
            with suppress(OSError):  # a name that is too long, a folder that is not ours: the command says so
                if value.is_char_device() or value.is_block_device():
                    raise BenchError(f"{value} is a device: name a file or a folder")


def _failed(message: str) -> typer.Exit:
    _last_word(f"[bold red]error:[/bold red] {escape(shortened(message))}")
    return typer.Exit(1)


def _no_memory(problem: Exception) -> str:
    """Say what could not be had, in the first line of what numpy or torch says."""
    reason = (str(problem).splitlines() or [""])[0]
    return f"there is not enough memory ({reason or type(problem).__name__}); take smaller sizes or batches"


def _last_word(message: str) -> None:
    """Say how the command ended, where standard error can still be written."""
    with suppress(OSError, ValueError):
        ERR.print(message, soft_wrap=True)


def refuse_empty_values() -> None:
    """End with status 1 where the command line holds an empty value: an unset variable is no wish for a default."""
    for before, argument in pairwise(["bench", *sys.argv[1:]]):
        name, equals, value = argument.partition("=") if argument.startswith("--") else (before, "=", argument)
        # A list of commas alone names nothing either.
        if equals and not value.replace(",", "").strip():
            _failed(f"{name} is given an empty value, {argument!r}: give one, or leave it out")
            raise SystemExit(1)


def _version(wanted: bool) -> None:
    if wanted:
        OUT.print(__version__)
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass
