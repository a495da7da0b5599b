"""Identity and camera from the names of image files, by a template or a regular expression."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bench.errors import BenchError

GROUPS = ("pid", "camid")
PLACEHOLDER = re.compile(r"\{(.*?)\}")
WHAT_IS_TAKEN = (
    "give a template such as '{pid}_c{camid}s{}.jpg' or '{camid}/{pid}/{}.png' ({} stands for anything), "
    "or a regular expression with the groups (?P<pid>…) and (?P<camid>…)"
)


@dataclass(frozen=True)
class NamePattern:
    """A pattern of file names: without ``/`` it matches the name alone, with ``/`` the path below a folder."""

    text: str
    expression: re.Pattern[str]

    def read(self, path: str) -> tuple[str, str] | None:
        """Identity and camera, as they are written in a path with ``/``; None where the path does not fit."""
        subject = path if "/" in self.text else path.rpartition("/")[2]
        match = self.expression.fullmatch(subject)
        return (match["pid"], match["camid"]) if match and match["pid"] and match["camid"] else None


def name_pattern(text: str) -> NamePattern:
    """Compile a template, or a regular expression with named groups.

    Raises :class:`BenchError` where it cannot be compiled, or does not name identity and camera.
    """
    try:
        expression = re.compile(text) if "(?P<" in text else _template(text)
    except re.error as problem:
        raise BenchError(f"the pattern '{text}' is no regular expression ({problem}); {WHAT_IS_TAKEN}") from problem
    missing = [group for group in GROUPS if group not in expression.groupindex]
    if missing:
        raise BenchError(f"the pattern '{text}' does not say where the {missing[0]} stands; {WHAT_IS_TAKEN}")
    return NamePattern(text, expression)


def _template(text: str) -> re.Pattern[str]:
    """A template as a regular expression. The first reading that fits is taken; upper and lower case are the same."""
    parts, named = [], set()
    literals_and_names = PLACEHOLDER.split(text)
    for index, part in enumerate(literals_and_names):
        if index % 2 == 0:
            parts.append(re.escape(part))
        elif part == "":
            parts.append("[^/]*")
        elif part not in GROUPS:
            raise BenchError(f"the pattern '{text}' has the unknown placeholder {{{part}}}; {WHAT_IS_TAKEN}")
        elif part in named:
            parts.append(f"(?P={part})")
        else:
            named.add(part)
            parts.append(f"(?P<{part}>[^/]+?)")
    return re.compile("".join(parts), re.IGNORECASE)
