"""Who is ahead, out of records alone: policies of one setup, and setups under one policy, over people and seeds.

Records hold an interval over people for each run, and not what every person scored. So people are not paired between
runs, and count for at least as much as they would then (:func:`bench.budget.crossed.lead`); ``bench compare`` pairs
them where the exit tables are kept. Policies of one run are paired in its records.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, cast

import numpy as np
import pandas as pd

from bench.budget.crossed import Lead, Networks, lead, many_leads, standard_error, test_people
from bench.budget.curve_area import common_budgets, mean_between, reaches
from bench.budget.query_scores import CURVE_METRICS
from bench.budget.significance import holm
from bench.findings.records import ENDS, about_setup, with_ends
from bench.findings.sections import Section
from bench.findings.setups import Setup
from bench.retrieval.table import FloatArray

LEVEL = 0.05
"""Level at which a difference counts, after Holm's correction."""
LAST_EXIT = "everybody at the last exit"
UNTESTED = {"over": "", "seeds": ""}
"""What a test was over and of how many seeds, where there is none."""
PAIR = ("thresholding", "policy", "other")
"""Columns that name two policies that are compared."""
LEAD_ENDS = ("", "_low", "_high", "_p")
"""Columns of a test: the lead, its interval and the p-value."""
Row = dict[str, Any]


def policy_leads(section: Section) -> pd.DataFrame:
    """Compare policies two by two, each with interpolation too: a row for each pair of a setup and thresholding.

    Holm's correction counts all differences of a thresholding, those of all setups and metrics. Two tables read it.
    """
    if "policy leads" not in section.made:
        frames = [frame for setup in section.setups if len(frame := _policy_leads(section, setup))]
        leads = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
        names = [f"{metric}_lead_p" for metric in CURVE_METRICS if f"{metric}_lead_p" in leads]
        for thresholding in leads["thresholding"].unique() if names else ():
            own = leads["thresholding"] == thresholding
            p_values = leads.loc[own, names].to_numpy(copy=True)
            p_values[~np.isnan(p_values)] = holm(p_values[~np.isnan(p_values)])
            leads.loc[own, [f"{name}_holm" for name in names]] = p_values
        section.made["policy leads"] = (leads,)
    return cast(pd.DataFrame, section.made["policy leads"][0])


def _policy_leads(section: Section, setup: Setup) -> pd.DataFrame:
    """Compare the policies of a setup; all pairs that equally many runs have are tested at once."""
    names = with_ends(*(f"{metric}_area_lead" for metric in CURVE_METRICS))
    read: list[FloatArray] = []
    rows_of: dict[tuple[str, ...], list[int]] = {}
    for run in setup.runs:
        first = sum(map(len, read))
        read.append(run.frames.numbers("comparison", names))
        labels = [run.frames.texts("comparison", name) for name in PAIR]
        for row, label in enumerate(zip(*labels, strict=True), first):
            rows_of.setdefault(label, []).append(row)
    if not rows_of:
        return pd.DataFrame()
    recorded = np.concatenate(read).reshape(-1, len(CURVE_METRICS), len(ENDS))
    told = {f"{metric}_lead{end}": np.full(len(rows_of), np.nan) for metric in CURVE_METRICS for end in LEAD_ENDS}
    over, seeds = (np.full(len(rows_of), UNTESTED[name], dtype=object) for name in ("over", "seeds"))
    counts = np.array([len(own) for own in rows_of.values()])
    for count in np.unique(counts):
        alike = np.flatnonzero(counts == count)
        chosen = recorded[np.array([own for own in rows_of.values() if len(own) == count])]
        for index, metric in enumerate(CURVE_METRICS):
            known = np.isfinite(chosen[:, :, index]).all(axis=(1, 2))
            values, low, high = np.moveaxis(chosen[known, :, index], -1, 0)
            found = many_leads(values, standard_error(low, high), people=test_people(section.counts))
            for end, numbers in zip(LEAD_ENDS, (found.values, found.low, found.high, found.p), strict=True):
                told[f"{metric}_lead{end}"][alike[known]] = numbers
            over[alike[known]], seeds[alike[known]] = _over(covers_seeds=count > 1), str(count)
    pairs = dict(zip(PAIR, zip(*rows_of, strict=True), strict=True))
    tested = {name: values for name, values in told.items() if not np.isnan(values).all()}
    return pd.DataFrame({**about_setup(section, setup), **pairs, "over": over, "seeds": seeds, **tested})


def setup_leads(section: Section, policy: str, thresholding: str) -> list[Row]:
    """Compare setups two by two: everybody at the last exit, and a policy over the budgets that both span.

    Holm's correction counts all of these differences.
    """
    rows: list[Row] = []
    swept = {setup: _swept(setup, policy, thresholding) for setup in section.setups}
    for first, second in combinations(section.setups, 2):
        about = {"setup": first.label, "other": second.label}
        about["run"] = " ".join(run.key for run in (*first.runs, *second.runs))
        last = {metric: [_at_exit(one, -1, metric) for one in (first, second)] for metric in CURVE_METRICS}
        rows.append(_compared(section, {**about, "compared": LAST_EXIT}, last))
        budgets = common_budgets(
            [one.runs[0].frames.numbers("exit", ["realised_cost"])[:, 0] for one in (first, second)]
        )
        if budgets is None or not all(policy in one.policies(thresholding) for one in (first, second)):
            continue
        means = {metric: [_means(swept[one], metric, budgets) for one in (first, second)] for metric in CURVE_METRICS}
        labels = {"compared": f"policy {policy}, thresholding {thresholding}", "from": budgets[0], "to": budgets[1]}
        rows.append(_compared(section, about | labels, means))
    correct(rows)
    return rows


def exit_lead(section: Section, first: Setup, second: Setup, exit_index: int, metric: str) -> Lead | None:
    """Test how far the first setup is ahead of the second at one exit; None where no intervals are recorded."""
    sides = [_recorded(_at_exit(one, exit_index, metric)) for one in (first, second)]
    return lead(sides[0], sides[1], people=test_people(section.counts)) if sides[0] and sides[1] else None


def policy_lead(section: Section, setup: Setup, policy: str, other: str, thresholding: str, metric: str) -> Lead | None:
    """Test how far a policy is ahead of another over all budgets; None where a run of the setup does not record it."""
    columns = with_ends(f"{metric}_area_lead")
    found = []
    for run in setup.runs:
        pairs = zip(*(run.frames.texts("comparison", name) for name in PAIR), strict=True)
        for pair, lead_of in zip(pairs, run.frames.numbers("comparison", columns), strict=True):
            if pair == (thresholding, policy, other):
                found.append(lead_of)
            elif pair == (thresholding, other, policy):
                found.append(-lead_of[[0, 2, 1]])
    return _over_all_runs(section, setup, found)


def curve_value(section: Section, setup: Setup, policy: str, thresholding: str, name: str) -> Lead | None:
    """Mean over the seeds of what sums up a policy's curve, ``mAP_gap_closed`` and the like, tested against 0.

    None where a run of the setup does not record it.
    """
    read = [run.frames.of_policy("curve", policy, thresholding, with_ends(name)) for run in setup.runs]
    return _over_all_runs(section, setup, [*np.concatenate(read)])


def correct(rows: Sequence[Row]) -> None:
    """Correct the p-values of all rows and metrics together (Holm), in place."""
    tested = [(row, f"{metric}_lead_p") for row in rows for metric in CURVE_METRICS if f"{metric}_lead_p" in row]
    if tested:
        for (row, name), p in zip(tested, holm(np.array([row[name] for row, name in tested])), strict=True):
            row[f"{name}_holm"] = float(p)


def ahead(row: Row, metric: str) -> int:
    """Say who is ahead by more than noise: 1 the first, −1 the other, 0 neither."""
    if not row.get(f"{metric}_lead_p_holm", math.nan) < LEVEL:
        return 0
    return 1 if row[f"{metric}_lead"] > 0 else -1


def _compared(section: Section, labels: Row, values: Mapping[str, Sequence[Sequence[FloatArray]]]) -> Row:
    row = {**labels, **UNTESTED}
    for metric, sides in values.items():
        networks = [_recorded(side) for side in sides]
        row |= {f"{metric}{end}": _mean(side) for end, side in zip(("", "_other"), sides, strict=True)}
        if networks[0] and networks[1]:
            row |= _told(metric, lead(networks[0], networks[1], people=test_people(section.counts)))
    return row


def _told(metric: str, found: Lead) -> Row:
    numbers = (found.value, found.low, found.high, found.p)
    row = {f"{metric}_lead{end}": number for end, number in zip(LEAD_ENDS, numbers, strict=True)}
    return row | {"over": _over(covers_seeds=found.over_seeds), "seeds": "/".join(map(str, found.seeds))}


def _over(*, covers_seeds: bool) -> str:
    return "people and seeds" if covers_seeds else "people"


def _recorded(values: Sequence[FloatArray]) -> Networks | None:
    """Networks of values with the ends of their intervals, (3,) each; None where one is missing."""
    if not len(values) or not np.isfinite(values).all():
        return None
    numbers, low, high = np.array(values).T
    return Networks(numbers, errors=standard_error(low, high))


def _over_all_runs(section: Section, setup: Setup, values: Sequence[FloatArray]) -> Lead | None:
    networks = _recorded(values) if len(values) == len(setup.runs) else None
    return lead(networks, people=test_people(section.counts)) if networks else None


def _mean(values: Sequence[FloatArray]) -> float:
    return float(np.mean([value for value, _, _ in values])) if values else math.nan


def _at_exit(setup: Setup, exit_index: int, metric: str) -> list[FloatArray]:
    return [run.frames.numbers("exit", with_ends(metric))[exit_index] for run in setup.runs]


@dataclass(frozen=True)
class _Swept:
    """One run's points of a policy: costs (K,) and scores by metric (3, K) with the ends of their intervals.

    ``ends`` (2,) and ``at_ends`` (3, 2) are the costs and scores of its first and last exit.
    """

    costs: FloatArray
    scores: Mapping[str, FloatArray]
    ends: FloatArray
    at_ends: Mapping[str, FloatArray]


def _swept(setup: Setup, policy: str, thresholding: str) -> list[_Swept]:
    """Gather the points of every run that has enough of them."""
    names = {metric: with_ends(metric) for metric in CURVE_METRICS}
    found = []
    for run in setup.runs:
        costs = run.frames.of_policy("policy", policy, thresholding, ["realised_cost"])[:, 0]
        ends = run.frames.numbers("exit", ["realised_cost"])[[0, -1], 0]
        if len(costs) and reaches(costs, ends):
            scores = {
                metric: run.frames.of_policy("policy", policy, thresholding, of).T for metric, of in names.items()
            }
            at_ends = {metric: run.frames.numbers("exit", of)[[0, -1]].T for metric, of in names.items()}
            found.append(_Swept(costs, scores, ends, at_ends))
    return found


def _means(swept: Sequence[_Swept], metric: str, budgets: tuple[float, float]) -> list[FloatArray]:
    """Mean of a policy's metric over budgets, for each run, and of the ends of its points' intervals."""
    return [
        mean_between(
            np.repeat(one.costs[None], len(ENDS), axis=0),
            one.scores[metric],
            one.ends,
            one.at_ends[metric],
            np.array(budgets),
        )
        for one in swept
    ]
