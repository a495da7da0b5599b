"""The README and the pages under docs: links lead somewhere, and bench understands every command in them."""

import re
import shlex
import tomllib
from functools import cache
from pathlib import Path

import pytest
import typer
import yaml

from bench.cli.app import application

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "results" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")
BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(bench [^`]+)`")


LEFT_OUT = ("MissingParameter", "BadOptionUsage")
"""Errors of the parser about values that a sentence leaves out; versions of typer have no public name for them."""


def typed(page: Path) -> list[str]:
    """List the commands of a page's code blocks: lines that start with ``bench`` or ``$ bench``."""
    text = page.read_text(encoding="utf-8")
    lines = [line.strip().removeprefix("$ ") for block in BLOCK.findall(text) for line in block.splitlines()]
    return [line for line in lines if line.startswith("bench ")]


def commands(page: Path) -> list[str]:
    """List the commands of a page: those of its code blocks, and those that its sentences name."""
    found = typed(page) + INLINE.findall(BLOCK.sub("", page.read_text(encoding="utf-8")))
    # Placeholders in capitals, dots and options alone are no commands to be typed as they stand.
    return [line for line in found if not re.search(r"[A-Z]{3,}|…|\.\.\.|\b[A-Z]\b", line.split(" #")[0])]


@cache
def whole_command():
    return typer.main.get_command(application())


CASES = [(page, line) for page in PAGES for line in dict.fromkeys(commands(page))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize(("page", "line"), CASES, ids=lambda value: value if isinstance(value, str) else value.name)
def test_commands_are_understood(page, line):
    """A sentence may leave out the command of a group, and values; every name must be right there, too."""
    words, whole = shlex.split(line, comments=True)[1:], line in typed(page)
    command = whole_command()
    while hasattr(command, "commands") and (words or whole):
        assert words, f"{line!r} names no command"
        name, found, words = command.resolve_command(typer.Context(command), words)
        assert found is not None, f"{line!r}: no command {name}"
        command = found
    if hasattr(command, "commands"):
        return
    try:
        context = command.make_context("bench", words)
    except Exception as problem:
        if whole or type(problem).__name__ not in LEFT_OUT:
            raise
    else:
        assert context.command is command


def test_pages_have_short_lines():
    """A line of prose fits an editor; tables and code keep what they hold on one line."""
    for page in PAGES:
        prose = BLOCK.sub("", page.read_text(encoding="utf-8"))
        long = [line for line in prose.splitlines() if len(line) > 120 and not line.startswith(("|", "!["))]
        assert not long, f"{page.name}: {long[0][:80]}"


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


def test_the_citation_is_of_this_package():
    """The name, version and licence that are installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["cff-version"] == "1.2.0"
    assert cited["title"].startswith(f"{project['name']}: ")
    assert [cited[name] for name in ("version", "license")] == [project[name] for name in ("version", "license")]
