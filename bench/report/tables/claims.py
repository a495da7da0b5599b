"""What the papers say that can be tested, what costs allow at most, what was measured here, and a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.counts import NOTHING
from bench.findings.claims.contract import Answer, Claim, Evidence
from bench.findings.claims.known import CLAIMS
from bench.findings.columns import named, told
from bench.findings.sections import Section
from bench.findings.table import Column, Table, table
from bench.report.kinds import tables, tables_of

TABLE = "claims"
KEY_DIGITS = 8
"""Digits of a run's key that people read."""
METHODS = ("hashreid", "dare")
"""Methods whose papers' claims are tested."""


def claim_table(section: Section) -> Table | None:
    """One row for each claim; None where the section has none of the papers' methods, or costs are no multiply-adds."""
    if not section.cost.is_default or not {setup.method for setup in section.setups} & set(METHODS):
        return None
    columns = [
        named("claim", "_quoted"),
        told("at most", "allowed"),
        told("measured"),
        told("verdict"),
        Column(
            "runs", lambda row: " ".join(key[:KEY_DIGITS] for key in row["run"].split()) or NOTHING, is_number=False
        ),
        named("name"),
    ]
    note = (
        f"{section.title}; {section.evaluated}. At most: what counted costs, or the paper's own numbers, allow. "
        "Measured: means over the seeds, read from the other tables of this section; bench claims NAME prints the "
        "run, table, row and column of every number. Ahead and behind are by the test of who is ahead."
    )
    rows = [_row(claim, answer) for claim, answer in answers(section)]
    return table(f"{section.slug}-{TABLE}", f"What the papers say, {section.title}", note, rows, columns)


def answers(section: Section) -> list[tuple[Claim, Answer]]:
    """Test every claim on a section."""
    evidence = Evidence(section, _made)
    return [(claim, claim.answer(evidence)) for claim in CLAIMS]


def _made(kind: str, section: Section) -> Sequence[Table]:
    return [made for one in tables() if one.name == kind for made in tables_of(one, section)]


def _row(claim: Claim, answer: Answer) -> dict[str, Any]:
    cells = [cell for cell in answer.cells if cell.run]
    return {
        **{name: getattr(claim, name) for name in ("name", "paper", "place", "sentence")},
        "_quoted": claim.quoted,
        **{name: getattr(answer, name) for name in ("allowed", "measured", "verdict")},
        "run": " ".join(dict.fromkeys(key for cell in cells for key in cell.run.split())),
        "cells": " | ".join(str(cell.reference) for cell in answer.cells),
    }
