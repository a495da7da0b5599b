"""Figures drawn in other processes: what arrives, and what goes wrong there."""

import os
import signal

import pytest

from bench.errors import BenchError
from bench.report.artists import Artists, Order, processes
from bench.report.figures.drawing import Drawing, canvas
from bench.report.figures.kinds import ENDINGS


def drawn(name):
    with canvas(2, 1) as figure:
        figure.subplots().set_title(name)
    return Drawing(name, name, "", "", figure)


def nothing(name):
    return None


def wrong(name):
    raise BenchError(f"no figure of {name}")


def killed(name):
    os._exit(3)


def draw(tmp_path, count, *functions):
    orders = [
        Order(f"{__name__}:{function.__name__}", (str(place),), tmp_path / f"{place}")
        for place, function in enumerate(functions)
    ]
    with Artists(count) as artists:
        return dict(artists.draw(orders))


def test_there_is_at_least_one_process():
    assert processes() >= 1


def test_figures_come_with_the_place_of_their_order(tmp_path):
    here = draw(tmp_path, 1, drawn, nothing, drawn)
    there = draw(tmp_path, 2, drawn, nothing, drawn)
    assert here == there
    assert here[0].name == "0"
    assert here[2].element != here[0].element
    assert here[1] is None
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{place}.{ending}" for place in (0, 2) for ending in ENDINGS
    )


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_is_raised_as_itself(tmp_path, count):
    with pytest.raises(BenchError, match="no figure of 1"):
        draw(tmp_path, count, drawn, wrong)


def ignored(name):
    raise BenchError(f"{signal.getsignal(signal.SIGINT)!r} in {os.getpid()}")


def test_an_interrupt_is_for_this_process_alone(tmp_path):
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(BenchError, match=f"{signal.SIG_IGN!r} in (?!{os.getpid()}$)"):
        draw(tmp_path, 2, ignored)
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_process_that_is_killed_is_told_of(tmp_path):
    with pytest.raises(BenchError, match="ended from outside"):
        draw(tmp_path, 2, killed)
