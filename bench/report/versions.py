"""Which version of a policy kept records are of, where the policy has changed since."""

from __future__ import annotations

from bench import registry
from bench.errors import BenchError
from bench.report.sections import Section
from bench.report.text import clean
from bench.runs.load import Run


def version_remark(section: Section) -> str:
    """Say which policies of a section were recorded under an earlier version, what that did, and in which runs.

    Empty where none was; begins with a space. Policies that are not installed here are taken as they were recorded.
    """
    runs = [(setup.label, run) for setup in section.setups for run in setup.runs]
    told = []
    for policy in sorted(set(section.table["policy"].astype(str)) - {""}):
        current, earlier = _known(policy)
        for version in sorted({run.policy_version(policy) for _, run in runs}):
            if version >= current:
                continue
            of = [(label, run) for label, run in runs if _has(section, run, policy, version)]
            if not of:
                continue
            where = "" if len(of) == len(runs) else f" in {', '.join(f'{label} seed {run.seed}' for label, run in of)}"
            did = f": {earlier[version]}" if version in earlier else ""
            told.append(f"{clean(policy)} is of its version {version}{where}, today's is {current}{did}")
    return f" Of an earlier version: {'; '.join(told)}." if told else ""


def _known(policy: str) -> tuple[int, dict[int, str]]:
    """Version of a policy as it is installed, and what earlier ones did."""
    try:
        found = registry.policy(policy)
    except BenchError:
        return 1, {}
    return getattr(found, "version", 1), dict(getattr(found, "earlier", {}))


def _has(section: Section, run: Run, policy: str, version: int) -> bool:
    rows = section.table
    return run.policy_version(policy) == version and bool(
        ((rows["run"] == run.identity) & (rows["policy"] == policy)).any()
    )
