"""What the papers report on a dataset, row by row, and under each method what was measured here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.report.load import Run
from bench.report.published import is_reported
from bench.report.reported.papers import accuracies, code_lengths
from bench.report.reported.values import STAGES, Accuracy
from bench.report.rounding import NOTHING, percent
from bench.report.sections import Section, Setup
from bench.report.tables import Table

NOT_MEASURED = "not measured"
ABOUT = ("dataset", "ap", "method", "row", "name", "type", "lengths")
"""Columns of the CSV that say what a row is about."""
CODES = {"binary": "B", "continuous": "C"}
"""The papers' letters for the codes of an exit."""


@dataclass(frozen=True, eq=False)
class _Row:
    """One row: ``record`` for the CSV, ``shown`` for people; ``rank_1`` by stage, from 1."""

    record: dict[str, Any]
    shown: dict[str, str]
    rank_1: dict[int, str]
    mean_average_precision: str


def reported_table(section: Section) -> Table | None:
    """Rank-1 at each stage and mAP at the last, reported and measured; None where no paper reports on these data."""
    if not is_reported(section):
        return None
    reported = _known(section)
    rows: list[_Row] = []
    for method in dict.fromkeys(row.method for row in reported):
        printed = [_printed(section, row) for row in reported if row.method == method]
        measured = [_measured(section, setup, run) for setup, run in _runs(section, method)]
        stages = {stage for row in printed for stage in row.rank_1}
        rows += [*printed, *(_filled(row, stages) for row in measured or [_missing(section, method)])]
    stages = {*range(1, STAGES + 1), *(stage for row in rows for stage in row.rank_1)}
    shown = [
        row.shown
        | {f"rank-1 S{stage} (%)": row.rank_1.get(stage, NOTHING) for stage in sorted(stages)}
        | {"mAP (%)": row.mean_average_precision}
        for row in rows
    ]
    note = (
        f"{section.title}; measured: {section.evaluated}. S1 to S4: the papers' stages; the last exit stands under S4, "
        "and so does a method without exits. Under the papers' rows of a method stands every run of it here. "
        "Codes: B binary, C continuous, and their lengths. The CSV has the intervals of what was measured, and remarks "
        "on single rows. " + " ".join(_sources(reported))
    )
    name, title = f"{section.slug}-reported", f"Reported by the papers, {section.title}"
    full = pd.DataFrame([row.record for row in rows])
    scores = [name for stage in sorted(stages) for name in _ends(f"rank-1_S{stage}")] + _ends("mAP")
    columns = [*ABOUT, *(name for name in scores if name in full), "seed", "run", "source", "address", "notes"]
    return Table(name, title, note, full.reindex(columns=columns), pd.DataFrame(shown))


def _known(section: Section) -> list[Accuracy]:
    """Rows on the dataset whose method is one of ours; a length that two tables have stands there once."""
    rows = [row for row in accuracies() if row.dataset == section.dataset and row.method]
    taken = {(row.method, row.lengths) for row in rows if row.lengths}
    lengths = [row.accuracy() for row in code_lengths() if row.dataset == section.dataset]
    return rows + [row for row in lengths if (row.method, row.lengths) not in taken]


def _runs(section: Section, method: str) -> list[tuple[Setup, Run]]:
    return [
        (setup, run) for setup in section.setups for run in setup.runs if str(setup.runs[0].spec["method"]) == method
    ]


def _printed(section: Section, row: Accuracy) -> _Row:
    rank_1 = {stage: value for stage, value in enumerate(row.rank_1, 1) if value is not None}
    record = _about(section, row.method, "reported", row.printed, row.kind, row.lengths)
    record |= {"source": f"{row.source.citation}, {row.place}", "address": row.source.address}
    record |= {f"rank-1_S{stage}": float(value / 100) for stage, value in rank_1.items()}
    if row.mean_average_precision is not None:
        record["mAP"] = float(row.mean_average_precision / 100)
    record["notes"] = row.notes
    return _Row(
        record=record,
        shown=_shown(row.printed, f"{row.source.name}, {row.place}", row.kind, row.lengths),
        rank_1={stage: str(value) for stage, value in rank_1.items()},
        mean_average_precision=NOTHING if row.mean_average_precision is None else str(row.mean_average_precision),
    )


def _measured(section: Section, setup: Setup, run: Run) -> _Row:
    table = setup.table[(setup.table["run"] == run.identity) & (setup.table["kind"] == "exit")].sort_values("exit")
    stages = _stages(len(table))
    kind = "/".join(dict.fromkeys(CODES.get(exit_.code, exit_.code) for exit_ in run.exits))
    lengths = [exit_.length for exit_ in run.exits]
    method = str(run.spec["method"])
    record = _about(section, method, "measured", setup.label, kind, lengths) | {"seed": run.seed, "run": run.key}
    for stage, (_, scores) in zip(stages, table.iterrows(), strict=True):
        record |= _bounded(f"rank-1_S{stage}", scores, "rank-1")
    last = table.iloc[-1]
    return _Row(
        record=record | _bounded("mAP", last, "mAP"),
        shown=_shown(setup.label, f"measured, seed {run.seed}", kind, lengths),
        rank_1={stage: percent(value) for stage, value in zip(stages, table["rank-1"], strict=True)},
        mean_average_precision=percent(last["mAP"]),
    )


def _missing(section: Section, method: str) -> _Row:
    return _Row(
        record=_about(section, method, NOT_MEASURED, "", "", ()),
        shown=_shown(method, NOT_MEASURED, "", ()),
        rank_1={},
        mean_average_precision=NOT_MEASURED,
    )


def _filled(row: _Row, stages: Iterable[int]) -> _Row:
    """Say so where a paper reports a stage for which the row has no number."""
    return _Row(row.record, row.shown, dict.fromkeys(stages, NOT_MEASURED) | row.rank_1, row.mean_average_precision)


def _stages(exits: int) -> list[int]:
    """Stages at which exits stand: in order, the last of up to four at the papers' last."""
    return [*range(1, exits), max(exits, STAGES)]


def _about(section: Section, method: str, row: str, name: str, kind: str, lengths: Sequence[int]) -> dict[str, Any]:
    about = {"dataset": section.dataset, "ap": section.evaluation["ap"] if row == "measured" else ""}
    return about | {"method": method, "row": row, "name": name, "type": kind, "lengths": "/".join(map(str, lengths))}


def _shown(name: str, origin: str, kind: str, lengths: Sequence[int]) -> dict[str, str]:
    codes = f"{kind} {'/'.join(map(str, lengths))}".strip()
    return {"method": name, "from": origin, "codes": codes or NOTHING}


def _ends(name: str) -> list[str]:
    return [name, f"{name}_low", f"{name}_high"]


def _bounded(name: str, scores: pd.Series, metric: str) -> dict[str, float]:
    values = (float(scores.get(end, math.nan)) for end in _ends(metric))
    return dict(zip(_ends(name), values, strict=True))


def _sources(rows: Sequence[Accuracy]) -> list[str]:
    sources = dict.fromkeys(row.source for row in rows)
    return [f"{source.name}: {source.citation}, {source.address}. {source.notes}" for source in sources]
