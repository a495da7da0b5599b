"""How a command ends that is asked to."""

import os
import signal
import time

import pytest

from bench.cli.ending import Terminated, unwinding


def interrupted_in_a_library(number):
    try:
        os.kill(os.getpid(), number)
        time.sleep(10)
    except KeyboardInterrupt:
        raise KeyboardInterrupt from None


@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGTERM, Terminated), (signal.SIGINT, KeyboardInterrupt)], ids=["term", "int"]
)
def test_which_signal_came_is_known_where_a_library_makes_an_interrupt_of_either(number, expected):
    before = signal.signal(number, signal.SIG_DFL)  # what a shell starts behind itself ignores Ctrl-C
    try:
        with pytest.raises(KeyboardInterrupt) as raised, unwinding():
            interrupted_in_a_library(number)
    finally:
        signal.signal(number, before)
    assert raised.type is expected
