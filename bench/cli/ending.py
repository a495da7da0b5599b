"""How the command line ends: after Ctrl-C and SIGTERM, and with outputs that cannot be written.

Only the standard library is imported here: the guard stands before anything that takes time is loaded.
"""

from __future__ import annotations

import atexit
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType
from typing import Any, NoReturn

INTERRUPTED, TERMINATED = 130, 143
"""Exit status after Ctrl-C and after SIGTERM, as shells have it."""
WORDS = {INTERRUPTED: "interrupted", TERMINATED: "terminated"}
"""The last word for each."""
AGAIN_SECONDS = 0.02
"""How much later a signal that was dropped is sent again."""
STATUS = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED}


class Terminated(KeyboardInterrupt):
    """The process was asked to end by SIGTERM: it ends as after Ctrl-C."""


@contextmanager
def guarded() -> Iterator[None]:
    """Run the whole command line in this: signals end it at once, with a word; what it printed is written out."""
    _hold_standard_streams()
    # While the interpreter takes itself down, an interrupt would end in tracebacks of what is half gone.
    atexit.register(_answer, _leave)
    with _answering(_leave):
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # Where a stream cannot hold a character, its number is better than no output.
                stream.reconfigure(errors="backslashreplace")
        # OpenMP reads this once, when torch is loaded.
        from bench.threads import wait_passively

        wait_passively()
        try:
            yield
        except OSError as problem:
            # Help is printed by the parser, outside of any command.
            if problem.filename:
                raise
            _output_failed(problem)
        finally:
            _close_output()


@contextmanager
def unwinding() -> Iterator[None]:
    """Run a command in this: signals raise KeyboardInterrupt or Terminated, so that files and workers are cleared."""
    before = sys.unraisablehook
    sys.unraisablehook = partial(_raise_later, before)
    last = 0

    def answer(number: int, frame: FrameType | None) -> None:
        nonlocal last
        last = number
        _raise(number, frame)

    try:
        with _answering(answer):
            yield
    except KeyboardInterrupt as stop:
        # Compiled libraries that wait (Ray) make a plain one of either.
        if last == signal.SIGTERM and not isinstance(stop, Terminated):
            raise Terminated from None
        raise
    finally:
        sys.unraisablehook = before


@contextmanager
def _answering(handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    """Answer both signals by ``handler`` until the block ends."""
    before = _answer(handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _answer(handler: Callable[[int, FrameType | None], Any]) -> dict[int, Any]:
    """Answer both signals by ``handler`` from now on, and give what answered before.

    A signal that the caller has this process ignore stays ignored; only the main thread may change answers.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    before: dict[int, Any] = {number: signal.getsignal(number) for number in STATUS}
    before = {number: earlier for number, earlier in before.items() if earlier not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, handler)
    return before


def _leave(number: int, _: FrameType | None) -> None:
    """End at once: no command runs, so nothing is open, and half-loaded modules have nothing to say."""
    status = STATUS[signal.Signals(number)]
    with suppress(OSError):
        os.write(2, f"{WORDS[status]}\n".encode())
    os._exit(status)


def _raise(number: int, _: FrameType | None) -> None:
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


def _raise_later(others: Callable[[Any], Any], ignored: Any) -> None:
    """Send a signal again that came while an object was taken down, where Python drops whatever is raised."""
    if not isinstance(ignored.exc_value, KeyboardInterrupt):
        others(ignored)
        return
    number = signal.SIGTERM if isinstance(ignored.exc_value, Terminated) else signal.SIGINT
    again = threading.Timer(AGAIN_SECONDS, os.kill, (os.getpid(), number))
    again.daemon = True
    again.start()


def _hold_standard_streams() -> None:
    """Open what is closed of the standard streams as nothing: no file of ours may become the place of messages.

    What is printed to a closed standard output is lost, and that is an error: it takes nothing that is written to it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # Descriptors are given out from the lowest.
            os.open(os.devnull, os.O_RDONLY if descriptor == 1 else os.O_RDWR)
            if descriptor == 1:
                sys.stdout = os.fdopen(1, "w", closefd=False)


def output_is_whole() -> bool:
    """Whether all that was printed could be written so far."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        return False
    return True


def _close_output() -> None:
    """Write out what is left; where that fails, say so once and end with status 1."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as problem:
        _output_failed(problem)
    except ValueError:
        raise SystemExit(1) from None


def _output_failed(problem: OSError) -> NoReturn:
    """Say once that the output is lost, and end with status 1."""
    if sys.stdout is not None:
        # It is flushed once more when the command line ends, and when the interpreter does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    with suppress(OSError):
        os.write(2, f"error: cannot write the output: {problem.strerror or problem}\n".encode())
    raise SystemExit(1) from None
