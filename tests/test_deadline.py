"""Time limits: how they are read, and when work stops."""

from contextlib import contextmanager

import pytest

from bench.deadline import NEVER, Deadline, TimeIsUp, read_duration
from bench.errors import BenchError
from bench.progress import SILENT


@pytest.mark.parametrize(
    ("text", "seconds"), [("9m", 540), ("90s", 90), ("90", 90), ("1h30m", 5400), (" 2H ", 7200), ("1h1m1s", 3661)]
)
def test_durations_are_read(text, seconds):
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0m", "m", "9 m", "-9m", "1.5h", "9m1h", "inf", "nan", "1d"])
def test_other_texts_are_refused(text):
    with pytest.raises(BenchError, match="1h30m"):
        read_duration(text)


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def work(deadline, clock, seconds_each, pieces=10, parts=2):
    """Do ``pieces`` pieces of work in ``parts`` bars, watched."""
    reporter = deadline.watching(SILENT, pieces, "the work")
    for _ in range(parts):
        with reporter.task("part", pieces // parts) as task:
            for _ in range(pieces // parts):
                clock.now += seconds_each
                task.advance()


def test_work_that_fits_is_done_and_other_work_stops_as_soon_as_it_is_seen():
    clock = Clock()
    work(Deadline(100, clock), clock, seconds_each=9.9)
    assert clock.now == pytest.approx(199)
    clock = Clock()
    deadline = Deadline(100, clock)
    clock.now += 40
    with pytest.raises(TimeIsUp, match="the work"):
        work(deadline, clock, seconds_each=8)
    assert clock.now == 148


def test_work_that_can_never_fit_is_an_error_and_no_endless_loop():
    clock = Clock()
    with pytest.raises(BenchError, match="about 200 s in one piece, and the time limit is 100 s"):
        work(Deadline(100, clock), clock, seconds_each=20)


def test_without_a_limit_nothing_is_watched():
    assert NEVER.watching(SILENT, 1, "it") is SILENT
    NEVER.check("anything")
    clock = Clock()
    deadline = Deadline(1, clock)
    clock.now += 1
    with pytest.raises(TimeIsUp, match="before the sweep"):
        deadline.check("the sweep")


def test_notes_and_bars_reach_the_reporter():
    said = []

    class Told:
        def note(self, message):
            said.append(message)

        @contextmanager
        def task(self, title, total, *, unit=""):
            said.append((title, total, unit))
            with SILENT.task(title, total) as task:
                yield task

    reporter = Deadline(1e9).watching(Told(), 1, "it")
    reporter.note("one")
    with reporter.task("two", 3, unit="images") as task:
        task.advance(status="four")
    assert said == ["one", ("two", 3, "images")]
