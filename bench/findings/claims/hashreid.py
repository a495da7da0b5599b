"""Claims of HashReID (Nikhal et al.): what is saved, who leaves first, which policy is best, how fast a search is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from bench.findings.claims.contract import Answer, Cell, Cells, Claim, Evidence, NotMeasured
from bench.findings.claims.switch import switched
from bench.findings.leads import LEVEL, ahead
from bench.findings.reported.papers import exit_costs, search_times
from bench.findings.rounding import number, percent
from bench.findings.setups import Setup

PAPER = "HashReID"
METHOD, POLICY, COMBINED = "hashreid", "ets", "ets+gs"
SAVED, LEAVE = 0.8, 0.7
"""What the paper says is saved, and leaves at the first exit."""
ENOUGH = 95
"""Percentage of the last exit's mAP at which a saving is read: the paper names none."""
FASTER = 20
WORD = 64
WAYS = (
    "everybody, floats of the last exit's length",
    "each query at the exit where it leaves",
    "each query at every exit on its way",
)
"""Ways of searching, as a search study names them: the paper's two, and what a policy that reads distances does."""
PAPER_CODES = "of preset paper"


def saving(evidence: Evidence) -> Answer:
    """Read what a budget saves that keeps 95 % of the last exit's mAP; count what leaving first can save at most."""
    costs = [cost.macs for cost in exit_costs(METHOD)]
    if len(costs) > 1:
        least = LEAVE * costs[0] + (1 - LEAVE) * costs[1]
        allowed = (
            f"at the paper's size: {percent(1 - costs[0] / costs[-1])} % if everybody leaves at exit 1, "
            f"{percent(1 - least / costs[-1])} % if {number(100 * LEAVE, 0)} % do and all others at exit 2"
        )
    else:
        allowed = ""
    try:
        setup = _main(evidence)
        exits = setup.exit_names
        first, last = (evidence.over_seeds("exits", "cumulative_cost", setup, exit=exits[index]) for index in (0, -1))
    except NotMeasured:
        raise NotMeasured(allowed) from None
    most = 1 - first.mean / last.mean
    allowed = f"{allowed}; at this size: {percent(most)} % if everybody leaves at exit 1".removeprefix("; ")
    name = f"mAP_cost_for_{ENOUGH}"
    found: dict[str, Cells] = {}
    thresholding = setup.thresholdings()[0] if setup.thresholdings() else ""
    for policy in setup.policies(thresholding):
        try:
            found[policy] = evidence.over_seeds("areas", name, setup, thresholding=thresholding, policy=policy)
        except NotMeasured:
            continue
    if not found:
        raise NotMeasured(allowed)
    saved = {policy: 1 - cells.mean / last.mean for policy, cells in found.items()}
    best = max(saved, key=lambda policy: saved[policy])
    named = list(dict.fromkeys([*([POLICY] if POLICY in saved else []), best]))
    told = ", ".join(f"{percent(saved[policy])} % under {policy}" for policy in named)
    if len(saved) > 1:
        told += f", the most of {len(saved)} policies on these queries"
    verdict = "reached" if saved[best] >= SAVED else "not reached"
    if most < SAVED:
        verdict += ": not even with everybody at exit 1"
    return Answer(
        allowed,
        f"for {ENOUGH} % of the last exit's mAP: {told} ({_of(setup)})",
        verdict,
        (*last.cells, *(cell for policy in named for cell in found[policy].cells)),
    )


def first_exit(evidence: Evidence) -> Answer:
    """Read how many leave first under ETS with its own threshold, and how many of them rightly."""
    setup = _main(evidence)
    counts = {
        name: evidence.over_seeds("outcomes", name, setup, policy=POLICY)
        for name in ("queries", "left", "correct", "possible")
    }
    queries, left, correct, possible = (counts[name].mean for name in ("queries", "left", "correct", "possible"))
    share = left / queries
    right = f"{percent(correct / left)} % of them rightly" if left else "none of them rightly"
    return Answer(
        f"at exit 1 the first match of {percent(possible / queries)} % is right",
        f"{percent(share)} % leave there under {POLICY}, {right} ({_of(setup)})",
        "reached" if share > LEAVE else "not reached",
        tuple(cell for cells in counts.values() for cell in cells.cells),
    )


def combination(evidence: Evidence) -> Answer:
    """Read who lets go whom at the first exit, and test ETS+GS against every other policy over all budgets."""
    setup = _main(evidence)
    told: list[str] = []
    cells: list[Cell] = []
    for policy in (COMBINED, POLICY, "gs", "qs"):
        try:
            parts = [evidence.over_seeds("outcomes", name, setup, policy=policy) for name in ("correct", "incorrect")]
        except NotMeasured:
            if policy == COMBINED:
                raise
            continue
        told.append(f"{policy} {number(parts[0].mean, 0)} right, {number(parts[1].mean, 0)} wrong")
        cells += [cell for part in parts for cell in part.cells]
    thresholding = setup.thresholdings()[0] if setup.thresholdings() else ""
    found: dict[str, list[str]] = {"ahead of it": [], "behind": [], "not told apart": []}
    for row in evidence.rows("comparisons"):
        names = (row["policy"], row["other"])
        if (row["setup"], row["thresholding"]) != (setup.label, thresholding) or COMBINED not in names:
            continue
        other = names[1 - names.index(COMBINED)]
        leader = ahead(row, "mAP") * (1 if names[0] == COMBINED else -1)
        found["ahead of it" if leader < 0 else "behind" if leader > 0 else "not told apart"].append(other)
        key = {"setup": setup.label, "thresholding": thresholding, "policy": names[0], "other": names[1]}
        cells.append(evidence.cell("comparisons", "mAP_lead", **key))
    if not any(found.values()):
        raise NotMeasured
    over = "; ".join(f"{what}: {', '.join(sorted(names))}" for what, names in found.items() if names)
    verdict = "no" if found["ahead of it"] else "not told apart from others" if found["not told apart"] else "yes"
    return Answer(
        "",
        f"leaving at exit 1: {'; '.join(told)}; mean mAP over all budgets: {over} ({_of(setup)})",
        f"{verdict} (p < {LEVEL} after Holm's correction)",
        tuple(cells),
    )


def faster_search(evidence: Evidence) -> Answer:
    """Read how much faster a query's search is, with codes of the paper's lengths and the exits taken here."""
    seconds = {row.step: row.seconds for row in search_times()}
    printed = f"its own times: {number(float(seconds[WAYS[0]] / seconds[WAYS[1]]), 0)} times"
    chains = [table for table in evidence.tables("search") if table.name.endswith("search-chain") and len(table)]
    for table in chains:
        rows = [row for row in table.rows.to_dict("records") if row["codes"] == PAPER_CODES and row["method"] == METHOD]
        seeds = list(dict.fromkeys(row["seed"] for row in rows))
        if not seeds:
            continue
        key = {"codes": PAPER_CODES, "method": METHOD}
        times = [
            Cells(tuple(evidence.read(table, "milliseconds", **key, seed=seed, name=way) for seed in seeds))
            for way in WAYS
        ]
        ratios = [times[0].mean / time.mean for time in times[1:]]
        fewer = _fewer_operations(list({row["seed"]: row for row in rows}.values()))
        verdict = "reached" if ratios[0] >= FASTER else "not reached"
        return Answer(
            f"{printed}; counted, {number(fewer, 0)} times fewer operations (64 bits as one), with these exits",
            f"{number(ratios[0], 1)} times faster where searches before the last are not counted, "
            f"{number(ratios[1], 1)} with every search on the way",
            verdict,
            tuple(cell for time in times for cell in time.cells),
        )
    raise NotMeasured(printed)


def _fewer_operations(chains: Sequence[dict[Any, Any]]) -> float:
    """Count how many times fewer operations a search has, out of a row for each seed: over their mean, as times are."""
    lengths = [int(length) for length in str(chains[0]["lengths"]).split("/")]
    words = [
        sum(float(row[f"exit_fraction_{at}"]) * math.ceil(length / WORD) for at, length in enumerate(lengths, start=1))
        for row in chains
    ]
    return lengths[-1] / fmean(words)


def ahead_of_dare(evidence: Evidence) -> Answer:
    """Test HashReID against DaRe over people and seeds, at the last exit and over the budgets that both span."""
    main = _main(evidence)
    own, other = main.label, _main(evidence, "dare", str(main.runs[0].spec["preset"])).label
    told, cells, leaders = [], [], []
    for row in evidence.rows("ahead"):
        names = (row["setup"], row["other"])
        if set(names) != {own, other}:
            continue
        sign = 1 if names[0] == own else -1
        key = {"setup": names[0], "other": names[1], "compared": row["compared"]}
        cells.append(evidence.cell("ahead", "mAP_lead", **key))
        leaders.append(sign * ahead(row, "mAP"))
        told.append(f"{row['compared']}: {percent(sign * row['mAP_lead'], signed=True)} points of mAP")
    if not told:
        raise NotMeasured
    verdict = "yes" if min(leaders) > 0 else "no: DaRe is ahead" if min(leaders) < 0 else "not told apart everywhere"
    return Answer("", f"{'; '.join(told)} ({own} less {other})", verdict, tuple(cells))


def strips(evidence: Evidence) -> Answer:
    """Test the first exit with four strips against the same network with one."""
    return switched(evidence, METHOD, "strips", on=4, off=1, exit_index=0)


def _main(evidence: Evidence, method: str = METHOD, preset: str = "") -> Setup:
    """Choose the setup of a method, of one preset where it is given, with the most seeds, by name where that is even.

    Raises :class:`~bench.findings.claims.contract.NotMeasured` where there is none.
    """
    found = [one for one in evidence.setups(method) if preset in ("", one.runs[0].spec["preset"])]
    if not found:
        raise NotMeasured
    return min(found, key=lambda setup: (-len(setup.runs), len(setup.label), setup.label))


def _of(setup: Setup) -> str:
    return f"{setup.label}, {setup.seeds}"


CLAIMS = (
    Claim(
        "hashreid-saving",
        PAPER,
        "section 4.4",
        "As most (> 70%) samples exit early at stage 1 with 256-dimensional features, 80% of the networks "
        "computational cost is saved",
        saving,
    ),
    Claim(
        "hashreid-first-exit",
        PAPER,
        "abstract",
        "more than 70% of the samples with compact hash codes exit early on the Market1501 dataset",
        first_exit,
    ),
    Claim(
        "hashreid-combination",
        PAPER,
        "section 4.6",
        "The combination of the GRU classifier and GS heuristic (Ours+GS) exhibits the best performance",
        combination,
    ),
    Claim(
        "hashreid-search",
        PAPER,
        "abstract",
        "significantly improves the search process by a factor of 20",
        faster_search,
    ),
    Claim(
        "hashreid-dare",
        PAPER,
        "section 4.5",
        "Compared to DaRe, our method consistently performs better",
        ahead_of_dare,
    ),
    Claim("hashreid-strips", PAPER, "section 1", "utilize part-based local pooling to boost performance", strips),
)
