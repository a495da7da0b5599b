"""Whether numbers that papers report may stand beside a section's."""

from __future__ import annotations

from bench.findings.reported.papers import query_sets
from bench.findings.sections import Section


def is_reported(section: Section) -> bool:
    """Whether the papers' numbers are for these data: photographs, under their name, as many queries.

    Other sets come in the layout of a known one, and under its name: the number of queries tells them apart. Where
    tracklets are ranked, they are the queries.
    """
    queries = {part.dataset: part.query_images for part in query_sets()}
    counted = section.counts.get("query tracklets", section.counts.get("query images"))
    return not section.rendered and section.dataset in queries and counted == queries[section.dataset]
