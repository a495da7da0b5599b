"""Tables on the terminal, in a file and in a pipe: what is too wide for a line."""

import io

import pytest
from rich.console import Console

from bench.cli import terminal

NUMBERS = [f"+{number}.0 [-0.5, +2.5]" for number in range(6)]


def shown(monkeypatch, columns, cells, *, width, is_terminal=False, texts=()):
    console = Console(file=io.StringIO(), width=width, force_terminal=is_terminal, color_system=None)
    monkeypatch.setattr(terminal, "OUT", console)
    terminal.show_table("Numbers", columns, [cells], texts=texts)
    return console.file.getvalue()


def test_headings_take_a_line_a_word_where_that_saves_the_numbers(monkeypatch):
    columns = [f"spent on matching {number}" for number in range(6)]
    wide, narrow = (shown(monkeypatch, columns, NUMBERS, width=width) for width in (200, 125))
    assert columns[0] in wide
    assert columns[0] not in narrow
    assert "spent" in narrow
    assert all(number in narrow for number in NUMBERS)
    assert max(map(len, narrow.splitlines())) <= 125


@pytest.mark.parametrize("is_terminal", [False, True])
def test_numbers_are_cut_on_a_terminal_alone_and_end_in_dots(monkeypatch, is_terminal):
    out = shown(monkeypatch, list("abcdef"), NUMBERS, width=60, is_terminal=is_terminal)
    (line,) = (line for line in out.splitlines() if line.startswith("│"))
    assert ("…" in line) == is_terminal
    assert all(number in line for number in NUMBERS) != is_terminal
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert all(cell == number or cell.endswith("…") for cell, number in zip(cells, NUMBERS, strict=True))


def test_texts_are_wrapped_in_a_pipe_as_well(monkeypatch):
    out = shown(monkeypatch, ["name", "text"], ["gs", "a word and " * 20], width=60, texts=["text"])
    assert max(map(len, out.splitlines())) <= 60
