"""Tables: every number in full in a CSV, rounded for people in Markdown and on the page."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import pandas as pd

from bench.budget.query_scores import CURVE_METRICS, METRICS
from bench.report.sections import Section, Setup
from bench.report.tables.rounding import markdown_cell, millions, number, plain, ratio, span, with_interval
from bench.runs.load import Run

BUDGET_SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""The handful of budgets in the budget table, as shares of the way from the first exit's cost to the last's."""
ABOUT = ("dataset", "rendered", "ap", "method", "preset", "setup", "seed", "run")
"""Columns that say what a row is about; only the CSV has them all."""
UNITS = ("(%)", "(M)", "(min)", "(s)", "(ms)", "(ns)", "(µs)", "(points)", " an image")
WHOLE_NUMBERS = ("seed", "exits", "epochs", "budget", "leave", "right", "wrong", "possible", "length", "batch")
Record: TypeAlias = dict[Hashable, Any]
"""One record as it stands in a table of records."""
_RECORDS: WeakKeyDictionary[Setup, dict[tuple[str, str], list[Record]]] = WeakKeyDictionary()
"""Records of the setups that tables were made of, by run and kind."""


@dataclass(frozen=True, eq=False)
class Table:
    """``full`` goes into the CSV; ``shown`` holds the same rows as texts, by the headings that people read."""

    name: str
    title: str
    note: str
    full: pd.DataFrame
    shown: pd.DataFrame
    setups: tuple[str, ...] = ()
    """Slug of the setup that each row is about."""
    one_mode: bool = False
    """Whether the page shows the rows of the setup's first thresholding alone."""

    def of_setup(self, setup: Setup) -> pd.DataFrame:
        """Rows on one setup for the page, as texts, less the columns that would say the same over and over."""
        if self.shown.empty:
            return self.shown
        rows = self.shown[[slug == setup.slug for slug in self.setups]]
        needless = ["setup"] if len(setup.runs) > 1 else ["setup", "seed"]
        if self.one_mode and len(rows):
            rows = rows[rows["thresholding"] == setup.thresholdings()[0]]
            needless.append("thresholding")
        return rows.drop(columns=needless)

    def title_of_setup(self, setup: Setup) -> str:
        """Title on the page, under the heading of a setup."""
        return self.title.partition(",")[0] + (f", thresholding {setup.thresholdings()[0]}" if self.one_mode else "")

    def csv(self) -> str:
        """Write all rows with all their digits as CSV."""
        return csv_text(self.full)

    def markdown(self) -> str:
        """Write title, note and rows as Markdown."""
        lines = [f"## {markdown_cell(self.title)}", "", markdown_cell(self.note), ""]
        lines.append("| " + " | ".join(markdown_cell(name) for name in self.shown.columns) + " |")
        lines.append("|" + "|".join(" --- " for _ in self.shown.columns) + "|")
        for row in self.shown.to_numpy().tolist():
            lines.append("| " + " | ".join(markdown_cell(value) for value in row) + " |")
        return "\n".join(lines) + "\n"


def csv_text(frame: pd.DataFrame) -> str:
    """Write a frame as CSV, nothing where a value is missing; pandas' own way takes 1.7 times as long."""
    columns = [frame[name].tolist() for name in frame]
    filled = [["" if value is None or value != value else value for value in column] for column in columns]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(frame.columns)
    writer.writerows(zip(*filled, strict=True))
    return text.getvalue()


def is_number(heading: str) -> bool:
    """Whether a column of that heading holds numbers: they stand to the right."""
    return heading.endswith(UNITS) or heading in WHOLE_NUMBERS or ": p, " in heading


def overview(sections: Sequence[Section]) -> Table:
    """One row for each run: what was trained, what it costs, and how well its last exit does."""
    full, shown = [], []
    for section in sections:
        for setup in section.setups:
            for run in setup.runs:
                rows = rows_of(setup, run)
                rows = rows[rows["kind"] == "exit"].sort_values("exit")
                training = run.header.get("training") or {}
                row = {**about(section, setup, run), "exits": len(run.exits)}
                row |= {"epochs": training.get("epochs"), "training_seconds": training.get("seconds")}
                row |= {"signals": run.evaluation["signals"], "fingerprint": section.fingerprint}
                last = rows.iloc[-1] if len(rows) else pd.Series(dtype=float)
                row["first_exit_macs"] = rows.iloc[0]["realised_cost"] if len(rows) else math.nan
                row["last_exit_macs"] = last.get("realised_cost", math.nan)
                row |= {f"last_exit_{metric}": last.get(metric, math.nan) for metric in CURVE_METRICS}
                full.append(row)
                shown.append(
                    {
                        "data": section.data,
                        "AP": str(section.evaluation["ap"]),
                        "setup": setup.label,
                        "seed": str(run.seed),
                        "exits": str(len(run.exits)),
                        "MACs first exit (M)": millions(row["first_exit_macs"]),
                        "MACs last exit (M)": millions(row["last_exit_macs"]),
                        "mAP last exit (%)": with_interval(last, "mAP"),
                        "rank-1 last exit (%)": with_interval(last, "rank-1"),
                        "epochs": plain(row["epochs"]),
                        "training (min)": number(ratio(row["training_seconds"], 60), 1),
                        "run": run.key[:8],
                    }
                )
    note = "One row a run. MACs: multiply-adds a query, millions. Brackets: 95 % interval over test identities."
    return Table("overview", "Runs and their last exits", note, pd.DataFrame(full), pd.DataFrame(shown))


def exit_table(section: Section) -> Table:
    """One row for each exit of each run: everybody leaves there."""
    full, shown, slugs = [], [], []
    ties = "mAP_ties_low" in section.table and "mAP_ties_high" in section.table
    for setup, run, record in _records(section, "exit"):
        exit_ = run.exits[int(record["exit"])]
        row = {**about(section, setup, run), "exit": exit_.name, "code": exit_.code, "length": exit_.length}
        row["cumulative_macs"] = record["realised_cost"]
        names = [name for metric in METRICS for name in (metric, f"{metric}_low", f"{metric}_high")]
        row |= {name: record.get(name, math.nan) for name in names + ["mAP_ties_low", "mAP_ties_high"] * ties}
        full.append(row)
        texts = {"setup": setup.label, "seed": str(run.seed), "exit": exit_.name}
        texts |= {"code": f"{exit_.length} {'bits' if exit_.code == 'binary' else f'numbers, {exit_.code}'}"}
        texts |= {"MACs (M)": millions(record["realised_cost"]), "mAP (%)": with_interval(record, "mAP")}
        if ties:
            texts["mAP by tie-break (%)"] = span(record, "mAP_ties")
        texts |= {f"{metric} (%)": with_interval(record, metric) for metric in METRICS if metric != "mAP"}
        shown.append(texts)
        slugs.append(setup.slug)
    note = f"{section.title}; {section.evaluated}. Everybody at one exit. Brackets: 95 % interval over test identities."
    if ties:
        note += " By tie-break: equal distances broken as badly, and as well, as can be."
    name, title = f"{section.slug}-exits", f"Exits alone, {section.title}"
    return Table(name, title, note, pd.DataFrame(full), pd.DataFrame(shown), tuple(slugs))


def budget_table(section: Section) -> Table:
    """Policies at a handful of budgets: for each, the swept budget next to it."""
    full, shown, slugs = [], [], []
    for setup, run, thresholding, policy, rows in _swept(section):
        costs = [exit_["realised_cost"] for exit_ in records_of(setup, run, "exit")]
        for share in BUDGET_SHARES:
            budget = costs[0] + share * (costs[-1] - costs[0])
            record = min(rows, key=lambda row: abs(row["requested_cost"] - budget))
            names = ["requested_cost", "realised_cost", "realised_cost_low", "realised_cost_high", "shuffle_spread_mAP"]
            for metric in METRICS:
                names += [metric, f"{metric}_low", f"{metric}_high"]
                for lead in ("gain", "over_random"):
                    names += [f"{metric}_{lead}", f"{metric}_{lead}_low", f"{metric}_{lead}_high"]
            row = {**about(section, setup, run), "policy": policy, "thresholding": thresholding, "budget_share": share}
            full.append(row | {"a": record["a"]} | {name: record.get(name, math.nan) for name in names})
            texts = {"setup": setup.label, "seed": str(run.seed), "thresholding": thresholding, "policy": policy}
            texts |= {"budget": f"{100 * share:.0f} %", "requested (M)": millions(record["requested_cost"])}
            texts["realised (M)"] = millions(record["realised_cost"])
            for metric in CURVE_METRICS:
                texts[f"{metric} (%)"] = with_interval(record, metric)
                texts[f"{metric} over line (points)"] = with_interval(record, f"{metric}_gain", signed=True)
            texts["mAP over random (points)"] = with_interval(record, "mAP_over_random", signed=True)
            shown.append(texts)
            slugs.append(setup.slug)
    note = (
        f"{section.title}; {section.evaluated}. Budget: the swept one nearest to that share of the way from the first "
        "exit's cost to the last's, requested and realised in millions of multiply-adds a query. "
        "Over line: against the straight line between neighbouring exits at the same realised cost; over random: "
        "against random exits at the same realised cost; both paired. "
        "Brackets: 95 % interval over test identities."
    )
    name, title = f"{section.slug}-budgets", f"Policies at a handful of budgets, {section.title}"
    return Table(name, title, note, pd.DataFrame(full), pd.DataFrame(shown), tuple(slugs), one_mode=True)


def _records(section: Section, kind: str) -> list[tuple[Setup, Run, Record]]:
    return [
        (setup, run, record)
        for setup in section.setups
        for run in setup.runs
        for record in records_of(setup, run, kind)
    ]


def _swept(section: Section) -> list[tuple[Setup, Run, str, str, list[Record]]]:
    """Sweeps of every run: thresholding, policy, and the records from the lowest budget on."""
    found = []
    for setup in section.setups:
        for run in setup.runs:
            swept: dict[tuple[str, str], list[Record]] = {}
            for record in sorted(records_of(setup, run, "policy"), key=lambda record: record["a"]):
                swept.setdefault((record["thresholding"], record["policy"]), []).append(record)
            for thresholding in setup.thresholdings():
                for policy in setup.policies(thresholding):
                    if (thresholding, policy) in swept:
                        found.append((setup, run, thresholding, policy, swept[thresholding, policy]))
    return found


def records_of(setup: Setup, run: Run, kind: str) -> list[Record]:
    """Records of one kind of one run of a setup, exits in their order."""
    if setup not in _RECORDS:
        # Column by column, and once: the frame's own way costs more for each run than for all of them together.
        names, columns = list(setup.table), [setup.table[name].tolist() for name in setup.table]
        of_setup: dict[tuple[str, str], list[Record]] = {}
        for values in zip(*columns, strict=True):
            record = dict(zip(names, values, strict=True))
            of_setup.setdefault((record["run"], record["kind"]), []).append(record)
        _RECORDS[setup] = of_setup
    records = _RECORDS[setup].get((run.identity, kind), [])
    return sorted(records, key=lambda record: record["exit"]) if kind == "exit" else list(records)


def rows_of(setup: Setup, run: Run) -> pd.DataFrame:
    """Records of one run of a setup."""
    return setup.table[setup.table["run"] == run.identity]


def about(section: Section, setup: Setup, run: Run) -> dict[str, Any]:
    """Say what a row of a CSV is about: :data:`ABOUT` and its values."""
    values = (section.dataset, section.rendered, section.evaluation["ap"], run.spec["method"], run.spec["preset"])
    return dict(zip(ABOUT, (*values, setup.label, run.seed, run.key), strict=True))
