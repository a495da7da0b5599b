"""Public functions that raise an error for users say so in their docstring, or in that of their class."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(file for package in ("bench", "baselines", "hashreid") for file in (ROOT / package).rglob("*.py"))
ERRORS = {"BenchError", "DamagedFile"}
SENTENCE = re.compile(rf"\b[Rr]aises?\b(?:[^.]|\.(?=\w))*\b(?:{'|'.join(sorted(ERRORS))})\b")
"""How it is said: the word, and in the same sentence the error by its name."""
CONSTRUCTORS = {"__init__", "__post_init__"}


def raises(node: ast.AST) -> bool:
    """Whether a body raises one of the errors itself; functions inside it are not looked at."""
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(part, ast.Raise) and isinstance(part.exc, ast.Call) and ast.unparse(part.exc.func) in ERRORS:
            return True
        if raises(part):
            return True
    return False


def says_so(docstring: str) -> bool:
    return SENTENCE.search(docstring) is not None


def public_functions(node: ast.AST, docstring: str = "") -> Iterator[tuple[ast.FunctionDef, str]]:
    """Give public functions and methods with their docstrings; a constructor has that of its class as well."""
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.ClassDef) and not part.name.startswith("_"):
            yield from public_functions(part, ast.get_docstring(part) or "")
        elif isinstance(part, ast.FunctionDef) and part.name in CONSTRUCTORS:
            yield part, docstring + (ast.get_docstring(part) or "")
        elif isinstance(part, ast.FunctionDef) and not part.name.startswith("_"):
            yield part, ast.get_docstring(part) or ""


# The docstring of a command is its help text; every command may end in such an error.
@pytest.mark.parametrize("package", ["bench", "baselines", "hashreid"])
def test_docstrings_say_what_is_raised(package):
    silent = [
        f"{file.relative_to(ROOT)}:{function.lineno} {function.name}"
        for file in FILES
        if file.is_relative_to(ROOT / package)
        for function, docstring in public_functions(ast.parse(file.read_text()))
        if raises(function) and not says_so(docstring) and not function.name.endswith("_command")
    ]
    assert not silent, f"the docstring has no sentence on what is raised: {', '.join(silent)}"


def test_a_function_that_says_nothing_is_found():
    source = 'def quiet():\n    """Do it."""\n    if True:\n        raise BenchError("no")\n'
    ((function, docstring),) = public_functions(ast.parse(source))
    assert raises(function)
    assert not says_so(docstring)
    for words in ("Praise it.", "Raise unless it is done.", "Raises ValueError.", "Raise a hand. No BenchError."):
        assert not says_so(words)
    assert says_so("Do it.\n\nRaises :class:`BenchError` where it cannot be done.")
