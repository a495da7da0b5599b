"""What a template may say by itself: no number that is a measurement."""

from __future__ import annotations

import re

from bench.errors import BenchError

NAMES = re.compile(r"\{#-?\s*names:\n(.*?)-?#\}", re.DOTALL)
"""The comment that lists words with digits in them that are names and no measurements, one a line."""
HIDDEN = (
    re.compile(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", re.DOTALL),
    re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE),
    re.compile(r"`[^`\n]+`"),
    # Where a link leads; what it says is prose.
    re.compile(r"(?<=\])\([^)\s]*\)"),
    re.compile(r"https?://\S+"),
)
"""What is no prose: the template's own signs, code, addresses."""
COUNTED = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "twice")
NUMBER = re.compile(rf"\d+|\b(?:{'|'.join(COUNTED)})\b", re.IGNORECASE)


def names_of(template: str) -> list[str]:
    """List the words with digits in them that a template declares to be names."""
    listed = NAMES.search(template)
    return [line.strip() for line in listed[1].splitlines() if line.strip()] if listed else []


def check_prose(template: str, name: str) -> None:
    """Refuse numbers that the prose of a template states itself, in digits or in words.

    They come from cells, or stand in the list of names at the top. Raises BenchError that names every one with its
    line.
    """
    prose = template
    for pattern in HIDDEN:
        prose = pattern.sub(_blank, prose)
    # Longest first: a name may be the beginning of another.
    for phrase in sorted(names_of(template), key=len, reverse=True):
        words = r"\s+".join(map(re.escape, phrase.split()))
        prose = re.sub(rf"(?<![\w.,]){words}(?![\w]|[.,]\d)", _blank, prose)
    found = [
        f"line {prose.count(chr(10), 0, match.start()) + 1}: {match[0]!r} in {_around(template, match.start())!r}"
        for match in NUMBER.finditer(prose)
    ]
    if found:
        raise BenchError(
            "\n".join(
                [
                    f"{name}: its prose states numbers; refer to a cell instead, or list the phrase among the names at "
                    "the top if it is no measurement:",
                    *found,
                ]
            )
        )


def _blank(match: re.Match[str]) -> str:
    """Put spaces for a part, and keep its lines."""
    return re.sub(r"[^\n]", " ", match[0])


def _around(text: str, at: int, room: int = 30) -> str:
    return " ".join(text[max(0, at - room) : at + room].split())
