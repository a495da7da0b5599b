"""Results of a run on the terminal: its exits, its policies, and what each decided at the first exit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from rich.markup import escape

from bench.budget.terms import NO_GAP, NOT_REACHED
from bench.cli.terminal import ERR, OUT, amount, cost_heading, percent, show_table
from bench.counts import NOTHING
from bench.runs.few_people import few_people, few_resamples
from bench.runs.held_out import few_held_out
from bench.runs.records import cost_of

if TYPE_CHECKING:
    from bench.running.result import RunResult

Record = Mapping[str, Any]
HALF = 0.5
"""The budget whose points are printed, as a share of the way from the first exit's cost to the last's."""
LEVEL = 0.05
RATES = ("1e-2", "1e-3", "1e-4")
"""False-accept rates whose thresholds are printed, by their names in records."""


class Scores(Protocol):
    """A run's header and records, just made or read back."""

    @property
    def header(self) -> Mapping[str, Any]:
        """What was run, and where."""

    @property
    def records(self) -> Sequence[Record]:
        """One record a result."""


def show_run(title: str, result: RunResult) -> None:
    """Print every exit, and each policy over all budgets and nearest to half of the way."""
    OUT.print()
    show_exits(f"{title} on {data_name(result)}", result)
    if of_kind(result, "policy"):
        show_policies(result)
    show_verification(result)
    OUT.print(f"[dim]records in {escape(str(result.folder.path))}[/dim]", soft_wrap=True)


def show_exits(title: str, result: Scores) -> None:
    """Print one row an exit, everybody leaving there."""
    header = result.header
    exits = of_kind(result, "exit")
    named = [
        (exit_["name"], f"{exit_['dim']} {'bits' if exit_['code'] == 'binary' else 'floats'}", record)
        for exit_, record in zip(header["exits"], exits, strict=True)
    ]
    named += [(f"{record['other']} (no exit)", NOTHING, record) for record in of_kind(result, "extra")]
    rows = [
        [
            name,
            code,
            amount(record["realised_cost"], cost_of(result.header)),
            *(percent(record[f"rank-{rank}"]) for rank in (1, 5, 10)),
            f"{percent(record['mAP'])} [{percent(record['mAP_low'])}, {percent(record['mAP_high'])}]",
            percent(record["mINP"]),
        ]
        for name, code, record in named
    ]
    columns = [
        "exit",
        "code",
        cost_heading(cost_of(result.header)),
        "rank-1",
        "rank-5",
        "rank-10",
        "mAP [95 %]",
        "mINP",
    ]
    show_table(title, columns, rows)
    for remark in filter(None, (few_people(header), few_resamples(header))):
        ERR.print(f"[yellow]remark:[/yellow] {escape(remark)}", soft_wrap=True)


def show_policies(result: Scores) -> None:
    """Print one row a policy, in the first thresholding that was swept, the best over all budgets first.

    Sweeps of older versions summed up no curves, and one that covers too little of the way has none: a dash stands
    there.
    """
    thresholding = result.header["sweep"]["thresholdings"][0]
    exits = of_kind(result, "exit")
    first, last = exits[0]["realised_cost"], exits[-1]["realised_cost"]
    swept = [record["policy"] for record in of_kind(result, "policy") if record["thresholding"] == thresholding]
    curves: dict[str, Record] = {name: {} for name in swept}
    curves |= {
        record["policy"]: record for record in of_kind(result, "curve") if record["thresholding"] == thresholding
    }
    beaten = _beaten(result, thresholding)
    rows = []
    for name, curve in sorted(curves.items(), key=lambda one: -one[1].get("mAP_area", 0.0)):
        points = [
            one for one in of_kind(result, "policy") if (one["policy"], one["thresholding"]) == (name, thresholding)
        ]
        # A policy that computes something has budgets of its own, a little higher.
        point = min(points, key=lambda one: abs(one["requested_cost"] - (first + HALF * (last - first))))
        rows.append(
            [
                name,
                amount(point["realised_cost"], cost_of(result.header)),
                percent(point["rank-1"]),
                percent(point["mAP"]),
                _interval(point, "mAP_gain", signed=True),
                _interval(curve, "mAP_area"),
                _interval(curve, "mAP_area_over_hull", signed=True),
                percent(curve["mAP_gap_closed"]) if "mAP_gap_closed" in curve else NOTHING,
                percent(curve["mAP_cost_for_95"] / last) if "mAP_cost_for_95" in curve else NOTHING,
                str(beaten[name]) if "mAP_area" in curve else NOTHING,
            ]
        )
    middle = [f"spent ({cost_heading(cost_of(result.header))})", "rank-1", "mAP", "over chance"]
    whole = ["mean mAP", "over hull", "gap closed", "95 % costs", "beats"]
    caption = (
        f"Thresholding {thresholding}. Spent to over chance: at the swept budget nearest to half of the way from the "
        "first exit's cost to the last's, against chance between neighbouring exits at the same cost (interpolation), "
        "paired. Mean mAP: over all budgets. Over hull: against chance between those exits alone that are worth their "
        "cost, by their mAP on held-out identities. Gap closed: share of the oracle's lead over interpolation. 95 % "
        "costs: percent of the last exit's cost that reach 95 % of its mAP. Beats: how many others (interpolation "
        "among them) by more than noise, p < 0.05 after Holm's correction for all differences of this run, those of "
        "both metrics. Brackets: 95 %, over identities. Equal distances count as their expectation; AP is "
        f"{result.header['evaluation']['ap']}."
    )
    if any(curve and "mAP_area" not in curve for curve in curves.values()):
        from bench.budget.curve_area import MINIMUM_REACH  # here, not at the top: help should not wait for numpy

        caption += f" A dash: the curve covers less than {100 * MINIMUM_REACH:.0f} % of the way between these costs."
    summed_up = [curve for curve in curves.values() if "mAP_area" in curve]
    for name, heading, why in (("gap_closed", "gap closed", NO_GAP), ("cost_for_95", "95 % costs", NOT_REACHED)):
        if any(f"mAP_{name}" not in curve for curve in summed_up):
            caption += f" A dash under {heading}: {why}."
    show_table("Policies", ["policy", *middle, *whole], rows, caption)
    if remark := few_held_out(result.header):
        ERR.print(f"[yellow]remark:[/yellow] {escape(remark)}", soft_wrap=True)


def show_outcomes(result: Scores) -> None:
    """Print what each policy decided at the first exit."""
    records = sorted(of_kind(result, "outcome"), key=lambda record: -record["correct"])
    rows = [
        [
            record["policy"],
            "its own" if record["threshold_from"] == "own" else "held-out identities",
            *(f"{record[name]:,.0f}" for name in ("left", "correct", "incorrect", "possible")),
            *(_interval(record, name) for name in ("precision", "recall")),
        ]
        for record in records
    ]
    columns = ["policy", "threshold", "leave", "right", "wrong", "possible", "precision [95 %]", "recall [95 %]"]
    caption = (
        "Queries that leave at the first exit with a right and a wrong first match there. Thresholds: the policy's "
        "own, or where right exits outnumber wrong ones by the most on identities held out of training. Possible: all "
        "whose first match is right there. Precision: of the exits; recall: of the possible."
    )
    apart = [
        f"{record['policy']} {record['given_up']:,.0f} ({record['given_up_correct']:,.0f} right here, "
        f"{record['given_up_rightly']:,.0f} right at no exit)"
        for record in records
        if "given_up" in record
    ]
    caption += f" Among those that leave, given up as skip: {'; '.join(apart)}." if apart else ""
    show_table("Who leaves first", columns, rows, caption, texts=["threshold"])


def show_verification(result: Scores) -> None:
    """Print one row an exit, same person or not; nothing where pairs were not compared."""
    rows = [
        [
            exit_["name"],
            *(percent(record[name]) for name in ("roc_area", "equal_error_rate")),
            *(percent(record[f"true_accepts_at_{rate}"]) for rate in RATES),
            *(_distance(record.get(f"distance_at_{rate}")) for rate in RATES),
        ]
        for exit_, record in zip(result.header["exits"], of_kind(result, "verification"), strict=False)
    ]
    if rows:
        columns = [
            "exit",
            "ROC area",
            "EER",
            *(f"TAR at {rate}" for rate in RATES),
            *(f"distance {rate}" for rate in RATES),
        ]
        caption = (
            "Every query against every gallery image. TAR: pairs of one person in two cameras that are accepted where "
            "so many pairs of two people are (false-accept rate), up to the distance beside it."
        )
        show_table("Same person or not", columns, rows, caption)


def of_kind(result: Scores, kind: str) -> Sequence[Record]:
    """Records of one kind, in order."""
    return [record for record in result.records if record["kind"] == kind]


def data_name(result: Scores) -> str:
    """Name the dataset, and say so where it is rendered."""
    dataset = result.header["dataset"]
    return f"{dataset['name']}{' (a rendered set)' if dataset['rendered'] else ''}"


def _distance(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.4g}"


def _beaten(result: Scores, thresholding: str) -> Counter[str]:
    """Count whom each policy is ahead of in mean mAP. The family of tests is that of the report's tables."""
    import numpy as np

    from bench.budget.query_scores import CURVE_METRICS
    from bench.budget.significance import holm

    records = [record for record in of_kind(result, "comparison") if record["thresholding"] == thresholding]
    p_values = np.array([[record[f"{metric}_area_lead_p"] for metric in CURVE_METRICS] for record in records])
    corrected = holm(p_values.ravel()).reshape(p_values.shape)
    return Counter(
        str(record["policy"] if record["mAP_area_lead"] > 0 else record["other"])
        for record, of_metrics in zip(records, corrected, strict=True)
        if of_metrics[CURVE_METRICS.index("mAP")] < LEVEL
    )


def _interval(record: Record, name: str, *, signed: bool = False) -> str:
    """Give a value in percent with its interval, where records have one; a dash where they have neither."""
    if name not in record:
        return NOTHING
    shown = [
        f"{100 * record[end]:{'+' if signed else ''}.1f}"
        for end in (name, f"{name}_low", f"{name}_high")
        if end in record
    ]
    return f"{shown[0]} [{', '.join(shown[1:])}]" if shown[1:] else shown[0]
