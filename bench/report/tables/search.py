"""A search study as tables: code lengths (HashReID's Table 3), times, and the search of a budgeted run."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.report.reported.papers import code_lengths, search_times
from bench.report.reported.values import CodeLength
from bench.report.tables.rounding import NOTHING, number, percent
from bench.report.tables.table import Table

Study = Mapping[str, Any]
METRICS = ("rank-1", "mAP")
RE_RANKED = {"re_ranked_rank_1": "re-ranked rank-1 (%)", "re_ranked_mean_ap": "re-ranked mAP (%)"}


def search_tables(study: Study, slug: str) -> tuple[Table, ...]:
    """Give the tables of a study that have rows; ``slug`` begins the names of their files."""
    made = (_accuracy_table(study, slug), _time_table(study, slug), _chain_table(study, slug))
    return tuple(table for table in made if len(table.full))


def study_name(study: Study) -> str:
    """Name what was studied, on what."""
    method, dataset = study["method"], study["dataset"]
    data = f"{dataset['name']}{' (rendered)' if dataset['rendered'] else ''}"
    return f"{method['name']} {method['preset']} on {data}"


def by_code(study: Study) -> list[list[Mapping[str, Any]]]:
    """Accuracy rows of one code each, its seeds together: of one length, or of one exit."""
    groups: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for row in study["accuracy"]:
        groups.setdefault((row["exit"], row["length"]), []).append(row)
    return list(groups.values())


def _accuracy_table(study: Study, slug: str) -> Table:
    printed = _reported(study)
    full, shown = [], []
    for rows in by_code(study):
        first = rows[0]
        reported = printed.get(first["length"])
        for row in rows:
            kept = {name: value for name, value in row.items() if not isinstance(value, Mapping)}
            kept = _ordered(kept, "seed", "exit", "code", "length")
            full.append(
                {"dataset": study["dataset"]["name"], "method": study["method"]["name"], **kept}
                | {
                    "reported_rank-1": float(reported.rank_1 / 100) if reported else math.nan,
                    "reported_mAP": float(reported.mean_average_precision / 100) if reported else math.nan,
                }
            )
        texts = {"exit": first["exit"], "code": _code(first["code"], first["length"])}
        texts |= {f"{name} (%)": _over_seeds(rows, name) for name in METRICS}
        if "mAP_ties_low" in first:
            texts["mAP, by ties (%)"] = " to ".join(_mean(rows, f"mAP_ties_{end}") for end in ("low", "high"))
        texts |= {title: _over_seeds(rows, name) for name, title in RE_RANKED.items() if name in first}
        if "re_ranked_seconds" in first:
            seconds = (_seconds(rows, name) for name in ("seconds", "re_ranked_seconds"))
            texts["matched, re-ranked (s)"] = ", ".join(seconds)
        if printed:
            texts |= {
                "reported rank-1 (%)": str(reported.rank_1) if reported else NOTHING,
                "reported mAP (%)": str(reported.mean_average_precision) if reported else NOTHING,
            }
        shown.append(texts)
    spread = "brackets: 95 % interval over test identities" if len(study["seeds"]) == 1 else "± standard deviation"
    note = (
        f"{study_name(study)}; seeds {', '.join(map(str, study['seeds']))}; {spread}. Equal distances count as their "
    )
    note += "expectation; by ties: from the worst order of theirs to the best."
    if any("re_ranked_seconds" in row for row in study["accuracy"]):
        note += (
            " Re-ranked: k-reciprocal, k1 20, k2 6, λ 0.3; it compares all images with all, and is no part of any "
            "budget. Seconds: of all queries, in all."
        )
    if printed:
        note += f" Reported: {_source(printed)}; {_on_other_data(study, printed)}."
    return _table(f"{slug}-code-lengths", f"Accuracy by code length, {study_name(study)}", note, full, shown)


def _time_table(study: Study, slug: str) -> Table:
    printed = {row.length: row for row in code_lengths()}
    shown = []
    for row in study["times"]:
        reported = printed.get(row["length"])
        texts = {"length": number(row["length"], 0)}
        texts["comparison (ns)"] = _pair(row["binary_ns"], row["continuous_ns"], 1)
        texts["in a loop (ns)"] = _pair(row["loop_binary_ns"], row["loop_continuous_ns"], 0)
        texts["search (ms)"] = _pair(row["binary_search_ms"], row["continuous_search_ms"], 2)
        texts["bytes an image"] = f"{row['binary_bytes']:,} : {row['continuous_bytes']:,}"
        texts["reported comparison (µs)"] = (
            f"{reported.hamming_microseconds} : {reported.euclidean_microseconds} ({reported.ratio}×)"
            if reported
            else NOTHING
        )
        shown.append(texts)
    provenance = study["provenance"]
    note = (
        f"{provenance['processor']}, {provenance['threads']} threads; {study['gallery_size']:,} gallery images; "
        f"bits : floats of the same length (floats over bits). {study['convention']} Reported: {_source(printed)}."
    )
    full = [
        {**_ordered(row, "length"), "gallery_size": study["gallery_size"], "processor": provenance["processor"]}
        for row in study["times"]
    ]
    return _table(f"{slug}-search-times", f"Time by code length, {study_name(study)}", note, full, shown)


def _chain_table(study: Study, slug: str) -> Table:
    reported = {row.step: row for row in search_times()}
    full, shown = [], []
    for chain in study["chains"]:
        first = chain["steps"][0]["milliseconds"]
        codes = f"{'/'.join(map(str, chain['lengths']))} ({chain['codes']})"
        shares = "/".join(number(100 * share, 0) for share in chain["exit_fractions"])
        for place, step in enumerate(chain["steps"]):
            own = reported.get(step["name"])
            about = {name: chain[name] for name in ("seed", "codes", "policy", "realised_cost")}
            full.append(
                {"dataset": study["dataset"]["name"], "method": study["method"]["name"], **about}
                | {"lengths": "/".join(map(str, chain["lengths"])), **_ordered(step, "name")}
                | {f"exit_fraction_{index}": share for index, share in enumerate(chain["exit_fractions"], 1)}
                | {"reported_seconds": float(own.seconds) if own else math.nan}
            )
            shown.append(
                # Said once a chain: what stands in every row of it is not read.
                dict.fromkeys(("codes", "seed", "leave (%)"), "")
                | ({"codes": codes, "seed": str(chain["seed"]), "leave (%)": shares} if place == 0 else {})
                | {"way": step["name"]}
                | {"a query (ms)": number(step["milliseconds"], 2)}
                | {"of the first (%)": percent(step["milliseconds"] / first)}
                | {"reported (s)": str(own.seconds) if own else NOTHING}
            )
    sources = "; ".join(dict.fromkeys(f"{row.source.name}, {row.place}" for row in reported.values()))
    policy = study["chains"][0]["policy"] if study["chains"] else ""
    note = (
        f"Leave: at each exit. One query's search among {study['gallery_size']:,} images, on average; policy {policy} "
        "in its stream, half of the way from the first exit's cost to the last's. The paper counts the search at the "
        "exit where a query leaves; a policy that looks at distances searches at every exit on the way. Codes of "
        "preset paper: the lengths of the paper's network, with the shares measured here. "
        f"Reported: {sources}, on Market-1501."
    )
    return _table(f"{slug}-search-chain", f"Search of a budgeted run, {study_name(study)}", note, full, shown)


def _table(
    name: str, title: str, note: str, full: Sequence[Mapping[str, Any]], shown: Sequence[Mapping[str, str]]
) -> Table:
    return Table(name, title, note, pd.DataFrame(full), pd.DataFrame(shown))


def _ordered(values: Mapping[str, Any], *first: str) -> dict[str, Any]:
    """Put values in one order, whether the study was just made or read: JSON keeps none."""
    return {name: values[name] for name in first if name in values} | dict(sorted(values.items()))


def _reported(study: Study) -> dict[int, CodeLength]:
    return {row.length: row for row in code_lengths() if row.method == study["method"]["name"]}


def _source(printed: Mapping[int, CodeLength]) -> str:
    row = next(iter(printed.values()))
    return f"{row.source.name}, {row.place}"


def _on_other_data(study: Study, printed: Mapping[int, CodeLength]) -> str:
    row = next(iter(printed.values()))
    same = row.dataset == study["dataset"]["name"] and not study["dataset"]["rendered"]
    return "on the same dataset" if same else f"on {row.dataset}, photographs: other data than these"


def _over_seeds(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    """Write one seed with its interval, and several as mean ± standard deviation."""
    if len(rows) > 1:
        return f"{_mean(rows, name)} ± {percent(statistics.stdev(float(row[name]) for row in rows))}"
    row = rows[0]
    if f"{name}_low" not in row:
        return percent(row[name])
    return f"{percent(row[name])} [{percent(row[f'{name}_low'])} to {percent(row[f'{name}_high'])}]"


def _mean(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    return percent(statistics.fmean(float(row[name]) for row in rows))


def _seconds(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    return number(statistics.fmean(float(row[name]) for row in rows), 2)


def _code(kind: str, length: int) -> str:
    return f"{length:,} {'bits' if kind == 'binary' else 'floats'}"


def _pair(bits: float, floats: float, digits: int) -> str:
    """Write two times and how many times longer the floats take."""
    return f"{number(bits, digits)} : {number(floats, digits)} ({number(floats / bits, 1)}×)"
