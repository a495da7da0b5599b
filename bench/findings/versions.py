"""Which version of a policy or a cost kept records are of, where it has changed since."""

from __future__ import annotations

from collections.abc import Collection

from bench import registry
from bench.errors import BenchError
from bench.findings.sections import Section
from bench.inert import clean

NAMED_RUNS = 6
"""Of more runs the first alone are named."""


def version_remark(section: Section, policies: Collection[str] = ()) -> str:
    """Say which policies of a section were recorded under an earlier version, what that did, and in which runs.

    The cost, one for the section, is told of likewise. ``policies`` are those of which something is shown, by default
    all. Empty where none was; begins with a space. Policies that are not installed here are taken as they were
    recorded.
    """
    told = _cost_told(section)
    runs = [(setup.label, run) for setup in section.setups for run in setup.runs]
    recorded = {
        run.identity: {name for kind in run.frames for name, _ in run.frames.by_policy(kind)} for _, run in runs
    }
    for policy in sorted(set().union(*recorded.values()) - {""}):
        if policies and policy not in policies:
            continue
        current, earlier = _known(policy)
        for version in sorted({run.policy_version(policy) for _, run in runs}):
            if version >= current:
                continue
            of = [
                (label, run)
                for label, run in runs
                if policy in recorded[run.identity] and run.policy_version(policy) == version
            ]
            if not of:
                continue
            named = ", ".join(f"{label} seed {run.seed}" for label, run in of[:NAMED_RUNS])
            further = f" and {len(of) - NAMED_RUNS:,} more" if len(of) > NAMED_RUNS else ""
            where = "" if len(of) == len(runs) else f" in {named}{further}"
            did = f": {earlier[version]}" if version in earlier else ""
            told.append(f"{clean(policy)} is of its version {version}{where}, today's is {current}{did}")
    return f" Of an earlier version: {'; '.join(told)}." if told else ""


def _cost_told(section: Section) -> list[str]:
    """Tell the version of a section's cost, where that is an earlier one of a cost that is installed."""
    stated = section.setups[0].runs[0].cost
    try:
        cost = registry.cost(str(stated["name"]))
    except BenchError:
        return []
    version = stated.get("version", 1)
    if not isinstance(version, int) or version >= cost.version:
        return []
    did = f": {cost.earlier[version]}" if version in cost.earlier else ""
    return [f"cost {cost.name} is of its version {version}, today's is {cost.version}{did}"]


def _known(policy: str) -> tuple[int, dict[int, str]]:
    """Version of a policy as it is installed, and what earlier ones did."""
    try:
        found = registry.policy(policy)
    except BenchError:
        return 1, {}
    return getattr(found, "version", 1), dict(getattr(found, "earlier", {}))
