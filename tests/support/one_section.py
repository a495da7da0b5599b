"""The one section of results that hold no more."""

from bench.findings.sections import sections
from bench.runs.load import load


def only_section(results):
    (section,) = sections(load(results))
    return section
