"""Methods by exits: HashReID's Tables 1 and 2 on any dataset, with the papers' rows where there are any on it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.report.reported.match import is_reported
from bench.report.reported.papers import accuracies, code_lengths
from bench.report.reported.values import STAGES, Accuracy
from bench.report.sections import Section, Setup
from bench.report.tables.rounding import NOTHING, millions, number, percent
from bench.report.tables.table import Table, records_of

NOT_MEASURED = "not measured"
ABOUT = ("dataset", "rendered", "ap", "method", "row", "name", "type", "lengths")
"""Columns of the CSV that say what a row is about."""
CODES = {"binary": "B", "continuous": "C"}
"""The papers' letters for the codes of an exit."""
SCORES = ("rank-1", "mAP")
COST = "MACs"


@dataclass(frozen=True, eq=False)
class _Row:
    """One row: ``record`` for the CSV, ``shown`` for people; ``cells`` by quantity and stage, stages from 1."""

    record: dict[str, Any]
    shown: dict[str, str]
    cells: Mapping[tuple[str, int], str]


def method_table(section: Section) -> Table:
    """Codes, rank-1, mAP and cost of every setup at each stage, means over its seeds; under the papers' rows."""
    reported = _known(section)
    of_method: dict[str, list[Setup]] = {}
    for setup in section.setups:
        of_method.setdefault(setup.method, []).append(setup)
    rows: list[_Row] = []
    for method in dict.fromkeys([*(row.method for row in reported), *of_method]):
        printed = [_printed(section, row) for row in reported if row.method == method]
        measured = [_measured(section, setup) for setup in of_method.get(method, ())]
        expected = {cell for row in printed for cell in row.cells}
        rows += [*printed, *(_filled(row, expected) for row in measured or [_missing(section, method)])]
    stages = sorted({*range(1, STAGES + 1), *(stage for row in rows for _, stage in row.cells)})
    headings = {(name, stage): f"{name} S{stage} (%)" for name in SCORES for stage in stages}
    headings |= {(COST, stage): f"{COST} S{stage} (M)" for stage in stages}
    shown = [row.shown | {heading: row.cells.get(cell, NOTHING) for cell, heading in headings.items()} for row in rows]
    note = (
        f"{section.title}; measured: {section.evaluated}. Everybody at one exit. S1 to S4: the papers' stages; the "
        "last exit stands under S4, and so does a method without exits. Codes: B binary, C continuous, their lengths. "
        "Several seeds: mean ± standard deviation over the seeds. MACs: multiply-adds a query, millions. "
        "The CSV has the intervals of single seeds."
    )
    if reported:
        note += " Under the papers' rows of a method stands what was measured here. " + " ".join(_sources(reported))
    full = pd.DataFrame([row.record for row in rows])
    values = [f"{name}_S{stage}{end}" for name, stage in headings for end in ("", "_sd", "_low", "_high")]
    columns = [*ABOUT, *(name for name in values if name in full), "seeds", "run", "source", "address", "notes"]
    name, title = f"{section.slug}-methods", f"Methods by exit, {section.title}"
    return Table(name, title, note, full.reindex(columns=columns), pd.DataFrame(shown))


def _known(section: Section) -> list[Accuracy]:
    """Rows on the dataset whose method is one of ours; a length that two tables have stands there once."""
    if not is_reported(section):
        return []
    rows = [row for row in accuracies() if row.dataset == section.dataset and row.method]
    taken = {(row.method, row.lengths) for row in rows if row.lengths}
    lengths = [row.accuracy() for row in code_lengths() if row.dataset == section.dataset]
    return rows + [row for row in lengths if (row.method, row.lengths) not in taken]


def _printed(section: Section, row: Accuracy) -> _Row:
    scores = {("rank-1", stage): value for stage, value in enumerate(row.rank_1, 1) if value is not None}
    if row.mean_average_precision is not None:
        scores["mAP", STAGES] = row.mean_average_precision
    record = _about(section, row.method, "reported", row.printed, row.kind, row.lengths)
    record |= {f"{name}_S{stage}": float(value / 100) for (name, stage), value in scores.items()}
    record |= {"source": f"{row.source.citation}, {row.place}", "address": row.source.address, "notes": row.notes}
    shown = _shown(row.printed, f"{row.source.name}, {row.place}", row.kind, row.lengths)
    return _Row(record, shown, {cell: str(value) for cell, value in scores.items()})


def _measured(section: Section, setup: Setup) -> _Row:
    exits = setup.runs[0].exits
    kind = "/".join(dict.fromkeys(CODES.get(exit_.code, exit_.code) for exit_ in exits))
    lengths = [exit_.length for exit_ in exits]
    record = _about(section, setup.method, "measured", setup.label, kind, lengths)
    record |= {"seeds": " ".join(str(run.seed) for run in setup.runs), "run": " ".join(run.key for run in setup.runs)}
    cells = {}
    of_runs = [records_of(setup, run, "exit") for run in setup.runs]
    for stage, of_exit in zip(_stages(len(exits)), zip(*of_runs, strict=False), strict=False):
        for name in SCORES:
            values = pd.Series([exit_[name] for exit_ in of_exit], dtype=float)
            mean, deviation = float(values.mean()), float(values.std())
            record[f"{name}_S{stage}"] = mean
            if len(values) > 1:
                record[f"{name}_S{stage}_sd"] = deviation
            else:
                for end in ("low", "high"):
                    record[f"{name}_S{stage}_{end}"] = of_exit[0].get(f"{name}_{end}", math.nan)
            cells[name, stage] = percent(mean) + (f" ± {number(100 * deviation, 1)}" if len(values) > 1 else "")
        record[f"{COST}_S{stage}"] = float(pd.Series([exit_["realised_cost"] for exit_ in of_exit]).mean())
        cells[COST, stage] = millions(record[f"{COST}_S{stage}"])
    return _Row(record, _shown(setup.label, f"measured, {setup.seeds}", kind, lengths), cells)


def _missing(section: Section, method: str) -> _Row:
    return _Row(_about(section, method, NOT_MEASURED, "", "", ()), _shown(method, NOT_MEASURED, "", ()), {})


def _filled(row: _Row, expected: Iterable[tuple[str, int]]) -> _Row:
    """Say so where a paper reports a stage for which the row has no number."""
    return _Row(row.record, row.shown, dict.fromkeys(expected, NOT_MEASURED) | dict(row.cells))


def _stages(exits: int) -> list[int]:
    """Stages at which exits stand: in order, the last of up to four at the papers' last."""
    return [*range(1, exits), max(exits, STAGES)]


def _about(section: Section, method: str, row: str, name: str, kind: str, lengths: Sequence[int]) -> dict[str, Any]:
    ap = section.evaluation["ap"] if row == "measured" else ""
    values = (section.dataset, section.rendered, ap, method, row, name, kind, "/".join(map(str, lengths)))
    return dict(zip(ABOUT, values, strict=True)) | {"run": ""}


def _shown(name: str, origin: str, kind: str, lengths: Sequence[int]) -> dict[str, str]:
    codes = f"{kind} {'/'.join(map(str, lengths))}".strip()
    return {"method": name, "from": origin, "codes": codes or NOTHING}


def _sources(rows: Sequence[Accuracy]) -> list[str]:
    sources = dict.fromkeys(row.source for row in rows)
    return [f"{source.name}: {source.citation}, {source.address}. {source.notes}" for source in sources]
