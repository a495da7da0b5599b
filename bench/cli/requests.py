"""From the options that several commands share to a request: said once, so that they mean the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.markup import escape

from bench import registry
from bench.cli.options import choice, data_request, settings_of, words
from bench.cli.terminal import ERR
from bench.data.cache import default_cache
from bench.errors import BenchError
from bench.methods import GROUPS
from bench.running.request import RunRequest
from bench.spec import RECIPE_NAMES


def overrides(settings: list[str] | None, *, backbone: str | None = None, weights: str | None = None) -> dict[str, str]:
    """Read ``--set`` with the options that are settings of their own; these win over ``--set``."""
    named = {"backbone": backbone, "weights": weights}
    return settings_of(settings) | {name: value for name, value in named.items() if value is not None}


def run_request(
    *,
    method: str,
    dataset: str,
    preset: str,
    recipe: str,
    data_root: Path | None,
    data: list[str] | None,
    settings: dict[str, str],
    results: Path,
    cache: Path | None,
    **others: Any,
) -> RunRequest:
    """Make a request of options as they were typed; ``others`` are further fields of the request.

    Raises :class:`BenchError` for a value that cannot be.
    """
    where = cache or default_cache()
    return RunRequest(
        method=method,
        preset=preset,
        recipe=choice("--recipe", recipe, RECIPE_NAMES),
        dataset=dataset,
        data=data_request(dataset, data_root, data, where),
        settings=settings,
        results=results,
        cache=where,
        **others,
    )


def named(option: str, text: str) -> list[str]:
    """Read names with commas, at least one. Raises :class:`BenchError` where there is none."""
    if not (names := words(text)):
        raise BenchError(f"{option} takes at least one name, found {text!r}")
    return names


def named_or_all(option: str, text: str, kind: registry.Kind) -> list[str]:
    """Read names with commas, where ``all`` stands for everything registered of a kind.

    Raises :class:`BenchError` where there is none.
    """
    return registry.names(kind) if text == "all" else named(option, text)


def methods_of(option: str, text: str, preset: str = "") -> list[str]:
    """Read names of methods and of groups with commas; ``all`` stands for every method, each is taken once.

    With ``preset``, those that only a group names are left out with a remark where they lack it, unless all of the
    group do. Raises :class:`BenchError` where there is none, or a plug-in cannot be loaded to see its groups.
    """
    found: list[str] = []
    lacking: list[str] = []
    known = registry.names("method")
    for name in named(option, text):
        if name in known:
            found.append(name)
        elif name == "all" or name in GROUPS:
            members = [one for one in known if name == "all" or name in registry.method(one).groups]
            without = [one for one in members if preset and preset not in registry.method(one).presets]
            # A preset that nobody has is misspelt: whoever looks it up says so.
            without = without if len(without) < len(members) else []
            lacking += without
            found += [one for one in members if one not in without]
        else:
            found.append(name)
    if left_out := sorted(set(lacking) - set(found)):
        ERR.print(f"left out, for want of a preset {escape(preset)}: {escape(', '.join(left_out))}", soft_wrap=True)
    return list(dict.fromkeys(found))
