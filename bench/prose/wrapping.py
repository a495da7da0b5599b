"""Wrap the prose of a rendered page: references make lines longer or shorter than they were in the template."""

from __future__ import annotations

import re
import textwrap

WIDTH = 118
RAW = re.compile(r"\s*(\||#|!\[|<!--|```|~~~)")
"""Beginnings of lines that stay as they are: tables, headings, pictures, comments, fences."""
FENCE = re.compile(r"\s*(```|~~~)")
ITEM = re.compile(r"(\s*)(- |\d+\. )?")


def wrapped(text: str) -> str:
    """Fill paragraphs and list items up to the width; code, tables, headings and pictures keep their lines."""
    lines: list[str] = []
    paragraph: list[str] = []
    fenced = False

    def close() -> None:
        if paragraph:
            indent, mark = ITEM.match(paragraph[0]).groups("")  # type: ignore[union-attr]
            words = " ".join(line.strip() for line in paragraph).removeprefix(mark)
            lines.extend(
                textwrap.wrap(
                    words,
                    WIDTH,
                    initial_indent=indent + mark,
                    subsequent_indent=indent + " " * len(mark),
                    break_long_words=False,
                    break_on_hyphens=False,
                )
            )
            paragraph.clear()

    for line in text.split("\n"):
        if FENCE.match(line):
            close()
            fenced = not fenced
            lines.append(line)
        elif fenced or RAW.match(line) or not line.strip():
            close()
            lines.append(line if fenced else line.rstrip())
        else:
            if line.lstrip().startswith("- "):
                close()
            paragraph.append(line)
    close()
    return "\n".join(lines)
