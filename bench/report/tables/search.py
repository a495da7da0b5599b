"""A search study as tables: code lengths (HashReID's Table 3), times, and the search of a budgeted run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from bench.counts import NOTHING, count_of
from bench.findings.columns import named, printed, rounded, shared
from bench.findings.reported.papers import code_lengths, search_times
from bench.findings.reported.values import CodeLength
from bench.findings.rounding import number, span
from bench.findings.sections import Section
from bench.findings.studies import METRICS, Study, about, by_code, over_seeds, seeds_together, spread_of, study_name
from bench.findings.table import Column, Record, Table, table
from bench.findings.text import file_name
from bench.report.tables.coarse_to_fine import coarse_to_fine_table

RE_RANKED = {"re_ranked_rank_1": "re-ranked rank-1 (%)", "re_ranked_mean_ap": "re-ranked mAP (%)"}
ABOUT_ROW = ("seed", "exit", "code", "length", "run")
"""What a study's row of accuracies has beside numbers."""


def search_tables(section: Section) -> tuple[Table, ...]:
    """Give the tables of all studies of a section."""
    return tuple(
        made for name, study in section.studies for made in study_tables(study, f"{section.slug}-search-{name}")
    )


def study_tables(study: Study, prefix: str = "") -> tuple[Table, ...]:
    """Give the tables of a study that have rows; ``prefix`` begins the names of their files."""
    made = (_accuracy_table(study, prefix), _time_table(study, prefix), _chain_table(study, prefix))
    return tuple(one for one in (*made, coarse_to_fine_table(study, prefix)) if len(one))


def _accuracy_table(study: Study, prefix: str) -> Table:
    """One row for each code: means over its seeds, with their deviation, or the interval of a single seed."""
    in_paper = {row.length: row for row in code_lengths() if row.method == study["method"]["name"]}
    rows = []
    for group in by_code(study):
        first, reported = group[0], in_paper.get(group[0]["length"])
        row = {**about(study), **{name: first[name] for name in ("exit", "code", "length")}}
        row |= seeds_together(group, ABOUT_ROW)
        row["reported_rank-1"] = float(reported.rank_1 / 100) if reported else math.nan
        row["reported_mAP"] = float(reported.mean_average_precision / 100) if reported else math.nan
        rows.append(row)
    has = {name for row in study["accuracy"] for name in row}
    columns = [
        named("exit"),
        Column("code", _code, is_number=False),
        *(over_seeds(f"{name} (%)", name) for name in METRICS),
    ]
    if "mAP_ties_low" in has:
        columns.append(Column("mAP, by ties (%)", lambda row: span(row, "mAP_ties")))
    columns += [over_seeds(title, name) for name, title in RE_RANKED.items() if name in has]
    if "re_ranked_seconds" in has:
        columns.append(Column("matched, re-ranked (s)", _seconds))
    columns += [printed(f"reported {name} (%)", f"reported_{name}") for name in METRICS if in_paper]
    note = (
        f"{study_name(study)}; seeds {', '.join(map(str, study['seeds']))}; {spread_of(study)}. "
        "Equal distances count as their expectation; by ties: from the worst order of theirs to the best."
    )
    if "re_ranked_seconds" in has:
        note += (
            " Re-ranked: k-reciprocal, k1 20, k2 6, λ 0.3; it compares all images with all, and is no part of any "
            "budget. Seconds: of all queries, in all."
        )
    if in_paper:
        note += f" Reported: {_source(in_paper)}; {_on_other_data(study, in_paper)}."
    return _table(study, prefix, "code-lengths", "Accuracy by code length", note, rows, columns)


def _time_table(study: Study, prefix: str) -> Table:
    in_paper = {row.length: row for row in code_lengths()}
    provenance = study["provenance"]
    fixed = {"gallery_size": study["gallery_size"], "processor": provenance["processor"]}
    rows = [{"length": row["length"], **dict(sorted(row.items())), **fixed} for row in study["times"]]
    columns = [
        rounded("length", "length"),
        Column("comparison (ns)", lambda row: _pair(row["binary_ns"], row["continuous_ns"], 1)),
        Column("in a loop (ns)", lambda row: _pair(row["loop_binary_ns"], row["loop_continuous_ns"], 0)),
        Column("search (ms)", lambda row: _pair(row["binary_search_ms"], row["continuous_search_ms"], 2)),
        Column("bytes an image", lambda row: f"{row['binary_bytes']:,} : {row['continuous_bytes']:,}"),
        Column("reported comparison (µs)", lambda row: _reported_time(in_paper.get(int(row["length"])))),
    ]
    note = (
        f"{provenance['processor']}, {count_of(provenance['threads'], 'thread')}; "
        f"{study['gallery_size']:,} gallery images; bits : floats of the same length (floats over bits). "
        f"{study['convention']} Reported: {_source(in_paper)}."
    )
    return _table(study, prefix, "search-times", "Time by code length", note, rows, columns)


def _chain_table(study: Study, prefix: str) -> Table:
    reported = {row.step: row for row in search_times()}
    rows = []
    for chain in study["chains"]:
        for at, step in enumerate(chain["steps"]):
            own = reported.get(step["name"])
            row = {**about(study), **{name: chain[name] for name in ("seed", "codes", "policy", "realised_cost")}}
            row |= {"lengths": "/".join(map(str, chain["lengths"])), "name": step["name"], **dict(sorted(step.items()))}
            row |= {f"exit_fraction_{index}": share for index, share in enumerate(chain["exit_fractions"], 1)}
            row["reported_seconds"] = float(own.seconds) if own else math.nan
            fractions = "/".join(number(100 * share, 0) for share in chain["exit_fractions"])
            rows.append(
                row
                | {"_of_first": step["milliseconds"] / chain["steps"][0]["milliseconds"]}
                | {
                    # Said once a chain: what stands in every row of it is not read.
                    "_codes": "" if at else f"{row['lengths']} ({chain['codes']})",
                    "_seed": "" if at else str(chain["seed"]),
                    "_leave": "" if at else fractions,
                }
            )
    columns = [
        named("codes", "_codes"),
        named("seed", "_seed", is_number=True),
        named("leave (%)", "_leave", is_number=True),
        named("way", "name"),
        rounded("a query (ms)", "milliseconds", 2),
        shared("of the first (%)", "_of_first"),
        printed("reported (s)", "reported_seconds", 1),
    ]
    sources = "; ".join(dict.fromkeys(f"{row.source.name}, {row.place}" for row in reported.values()))
    policy = study["chains"][0]["policy"] if study["chains"] else ""
    note = (
        f"Leave: at each exit. One query's search among {study['gallery_size']:,} images, on average; policy {policy} "
        "in its stream, half of the way from the first exit's cost to the last's. The paper counts the search at the "
        "exit where a query leaves; a policy that looks at distances searches at every exit on the way. Codes of "
        "preset paper: the lengths of the paper's network, with the exit fractions measured here. "
        f"Reported: {sources}, on Market-1501."
    )
    return _table(study, prefix, "search-chain", "Search of a budgeted run", note, rows, columns)


def _table(
    study: Study,
    prefix: str,
    kind: str,
    title: str,
    note: str,
    rows: Sequence[Mapping[str, Any]],
    columns: list[Column],
) -> Table:
    return table(file_name(prefix, ending=kind).lstrip("-"), f"{title}, {study_name(study)}", note, rows, columns)


def _source(in_paper: Mapping[int, CodeLength]) -> str:
    row = next(iter(in_paper.values()))
    return f"{row.source.name}, {row.place}"


def _on_other_data(study: Study, in_paper: Mapping[int, CodeLength]) -> str:
    row = next(iter(in_paper.values()))
    same = row.dataset == study["dataset"]["name"] and not study["dataset"]["rendered"]
    return "on the same dataset" if same else f"on {row.dataset}, photographs: other data than these"


def _code(row: Record) -> str:
    return f"{row['length']:,} {'bits' if row['code'] == 'binary' else 'floats'}"


def _seconds(row: Record) -> str:
    return f"{number(row['seconds'], 2)}, {number(row['re_ranked_seconds'], 2)}"


def _reported_time(row: CodeLength | None) -> str:
    return f"{row.hamming_microseconds} : {row.euclidean_microseconds} ({row.ratio}×)" if row else NOTHING


def _pair(bits: float, floats: float, digits: int) -> str:
    """Write two times and how many times longer the floats take."""
    return f"{number(bits, digits)} : {number(floats, digits)} ({number(floats / bits, 1)}×)"
