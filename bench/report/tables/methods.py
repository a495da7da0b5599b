"""Methods by exits: HashReID's Tables 1 and 2 on any dataset, with the papers' rows where there are any on it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

from bench.counts import NOTHING
from bench.findings.columns import costing, named
from bench.findings.reported.match import is_reported
from bench.findings.reported.papers import accuracies, code_lengths
from bench.findings.reported.values import STAGES, Accuracy
from bench.findings.rounding import number, percent
from bench.findings.sections import Section
from bench.findings.setups import Setup
from bench.findings.table import Column, Record, Table

NOT_MEASURED = "not measured"
ABOUT = ("dataset", "rendered", "ap", "cost", "cost_unit", "method", "row", "name", "type", "lengths")
"""Columns of the CSV that say what a row is about."""
CODES = {"binary": "B", "continuous": "C"}
"""The papers' letters for the codes of an exit."""
SCORES = ("rank-1", "mAP")
ENDS = ("", "_sd", "_low", "_high")


def method_table(section: Section) -> Table:
    """Codes, rank-1, mAP and cost of every setup at each stage, means over its seeds; under the papers' rows."""
    reported = _known(section)
    rows = list(_rows(section, reported))
    last = max(len(setup.exit_names) for setup in section.setups)
    stages = range(1, max(last, STAGES) + 1)
    values = [f"{name}_S{stage}{end}" for name in (*SCORES, "cost") for stage in stages for end in ENDS]
    taken = [
        name
        for name in values
        if (name.startswith("cost") and not name.endswith(ENDS[1:])) or any(name in row for row in rows)
    ]
    beside = ["held_out"] if reported else []
    names = [*ABOUT, *taken, *beside, "seeds", "run", "source", "address", "notes", "_from", "_expected"]
    columns = [
        named("method", "name"),
        named("from", "_from"),
        Column("codes", lambda row: f"{row['type']} {row['lengths']}".strip() or NOTHING, is_number=False),
        *(_score(f"{name} S{stage} (%)", f"{name}_S{stage}") for name in SCORES for stage in stages),
        *(costing(section.cost.heading(f"S{stage}"), section.cost, f"cost_S{stage}") for stage in stages),
    ]
    note = (
        f"{section.title}; measured: {section.evaluated}. Everybody at one exit. S1 to S4: the papers' stages; the "
        "last exit stands under S4, and so does a method without exits. Codes: B binary, C continuous, their lengths. "
        f"Several seeds: mean ± standard deviation over the seeds. Cost: {section.cost.phrase} a query. "
        "The CSV has the intervals of single seeds."
    )
    if reported:
        note += " Under the papers' rows of a method stands what was measured here. " + " ".join(_sources(reported))
        if any(setup.held_out for setup in section.setups):
            note += " The papers train on all training identities; a row says where some are held out of training."
    frame = pd.DataFrame(rows).reindex(columns=names)
    return Table(f"{section.slug}-methods", f"Methods by exit, {section.title}", note, frame, columns)


def _rows(section: Section, reported: Sequence[Accuracy]) -> Iterator[dict[str, Any]]:
    """Give the rows method by method, the papers' first; say where a paper has a stage that no run has."""
    setups: dict[str, list[Setup]] = {}
    for setup in section.setups:
        setups.setdefault(setup.method, []).append(setup)
    for method in dict.fromkeys([*(row.method for row in reported), *setups]):
        printed = [_printed(section, row) for row in reported if row.method == method]
        yield from printed
        expected = " ".join(sorted({name for row in printed for name in row if "_S" in name}))
        for row in [_measured(section, setup) for setup in setups.get(method, ())] or [_missing(section, method)]:
            yield row | {"_expected": expected}


def _score(heading: str, cell: str) -> Column:
    """Show a score with its deviation over seeds; a printed one with the digits that it was printed with."""

    def text(row: Record) -> str:
        value, deviation = row.get(cell, math.nan), row.get(f"{cell}_sd", math.nan)
        if math.isnan(value):
            return NOT_MEASURED if cell in str(row["_expected"]).split() else NOTHING
        if row["row"] == "reported":
            return f"{100 * value:.6g}"
        return percent(value) + (f" ± {number(100 * deviation, 1)}" if math.isfinite(deviation) else "")

    return Column(heading, text)


def _known(section: Section) -> list[Accuracy]:
    """Rows on the dataset whose method is one of ours; a length that two tables have stands there once."""
    if not is_reported(section):
        return []
    rows = [row for row in accuracies() if row.dataset == section.dataset and row.method and not row.queries]
    taken = {(row.method, row.lengths) for row in rows if row.lengths}
    lengths = [row.accuracy() for row in code_lengths() if row.dataset == section.dataset]
    return rows + [row for row in lengths if (row.method, row.lengths) not in taken]


def _printed(section: Section, row: Accuracy) -> dict[str, Any]:
    scores = {f"rank-1_S{stage}": value for stage, value in enumerate(row.rank_1, 1) if value is not None}
    if row.mean_average_precision is not None:
        scores[f"mAP_S{STAGES}"] = row.mean_average_precision
    made = _about(section, row.method, "reported", row.named, row.kind, row.lengths)
    made |= {name: float(value / 100) for name, value in scores.items()}
    made |= {"source": f"{row.source.citation}, {row.place}", "address": row.source.address, "notes": row.notes}
    return made | {"_from": f"{row.source.name}, {row.place}"}


def _measured(section: Section, setup: Setup) -> dict[str, Any]:
    exits = setup.runs[0].exits
    kind = "/".join(dict.fromkeys(CODES.get(exit_.code, exit_.code) for exit_ in exits))
    row = _about(section, setup.method, "measured", setup.label, kind, [exit_.length for exit_ in exits])
    row |= {"seeds": " ".join(str(run.seed) for run in setup.runs), "run": " ".join(run.key for run in setup.runs)}
    of_runs = [run.frames.records("exit") for run in setup.runs]
    for stage, of_exit in zip(_stages(len(exits)), zip(*of_runs, strict=False), strict=False):
        for name in SCORES:
            values = pd.Series([exit_[name] for exit_ in of_exit], dtype=float)
            row[f"{name}_S{stage}"] = float(values.mean())
            if len(values) > 1:
                row[f"{name}_S{stage}_sd"] = float(values.std())
            else:
                row |= {f"{name}_S{stage}{end}": of_exit[0].get(f"{name}{end}", math.nan) for end in ENDS[2:]}
        row[f"cost_S{stage}"] = float(pd.Series([exit_["realised_cost"] for exit_ in of_exit]).mean())
    withheld = f", {setup.held_out:.0%} of the training identities held out" if setup.held_out else ""
    told = {"held_out": setup.held_out} if is_reported(section) else {}
    return row | told | {"_from": f"measured, {setup.seeds}{withheld if told else ''}"}


def _missing(section: Section, method: str) -> dict[str, Any]:
    return _about(section, method, NOT_MEASURED, method, "", ()) | {"_from": NOT_MEASURED}


def _stages(exits: int) -> list[int]:
    """Stages at which exits stand: in order, the last of up to four at the papers' last."""
    return [*range(1, exits), max(exits, STAGES)]


def _about(section: Section, method: str, row: str, name: str, kind: str, lengths: Iterable[int]) -> dict[str, Any]:
    data = (section.dataset, section.rendered, section.evaluation["ap"] if row == "measured" else "")
    values = (*data, section.cost.name, section.cost.unit, method, row, name, kind, "/".join(map(str, lengths)))
    return dict(zip(ABOUT, values, strict=True)) | {"run": "", "_expected": ""}


def _sources(rows: Sequence[Accuracy]) -> list[str]:
    sources = dict.fromkeys(row.source for row in rows)
    return [f"{source.name}: {source.citation}, {source.address}. {source.notes}" for source in sources]
