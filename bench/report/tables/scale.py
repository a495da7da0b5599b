"""Galleries of millions as tables: exact search by size of the gallery, and indexes beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.counts import NOTHING, count_of
from bench.findings.columns import named, rounded, shared
from bench.findings.rounding import number, percent
from bench.findings.sections import Section
from bench.findings.studies import Scale, scale_name
from bench.findings.table import Column, Record, Table, table

TIMES = ("batched_ms", "alone_ms")
EXACT = ("exit", "bits", "images", "rank_1", "mean_ap", *TIMES, "image_bytes", "derived")
SCORES = ("recall", "rank_1", "mean_ap", "exact_rank_1", "exact_mean_ap")
INDEXED = ("index", *SCORES, "build_seconds", "exit", "bits", "images", *TIMES, "image_bytes")
DISTANCES = tuple(
    f"{how}_{whose}" for how in ("measured", "drawn") for whose in ("same", "strangers", "strangers_nearest")
)
"""Columns of the CSV in their order: a record that is read from its file has its names in another one."""
PROPORTIONAL = 1_000_000
"""Images from which on the time of a search grows with their number: in fewer, what a call costs weighs more."""
EVERY_IMAGE = ("ctf",)
"""Indexes that look at every image: their times grow with the gallery. Flat is exact search in memory."""


def section_tables(section: Section) -> tuple[Table, ...]:
    """Give the tables of all searches of a section's gallery filled up."""
    return tuple(made for name, scale in section.scales for made in scale_tables(scale, f"{section.slug}-{name}-"))


def scale_tables(scale: Scale, prefix: str = "") -> tuple[Table, ...]:
    """Give the tables that have rows; ``prefix`` begins their names."""
    made = (_exact_table, _index_table, _needs_table, _distractor_table)
    return tuple(one for one in (make(scale, f"{prefix}scale-") for make in made) if len(one))


def _exact_table(scale: Scale, prefix: str) -> Table:
    rows = [{**_ordered(row, EXACT), "code_bytes": row["image_bytes"] * row["images"]} for row in scale["exact"]]
    columns = [
        named("exit"),
        named("bits", is_number=True),
        Column("gallery", lambda row: f"{row['images']:,}"),
        Column("rank-1 (%)", lambda row: _percent(row, "rank_1")),
        Column("mAP (%)", lambda row: _percent(row, "mean_ap")),
        rounded("batched (ms)", "batched_ms", 3),
        rounded("alone (ms)", "alone_ms", 2),
        rounded("codes (MB)", "code_bytes", 1, per=1e6),
        Column("measured", lambda row: "derived" if row["derived"] else "measured", is_number=False),
    ]
    note = (
        f"{_about(scale)}. Exact search, the {scale['listed']} nearest: milliseconds "
        "a query, all queries together and one by itself; rank-1 and mAP over the whole gallery, ties as "
        "their expectation. Derived: times grow in proportion to the largest gallery that was measured."
        f"{_too_long(scale)}"
    )
    return table(f"{prefix}exact", f"Exact search in large galleries, {scale_name(scale)}", note, rows, columns)


def _index_table(scale: Scale, prefix: str) -> Table:
    columns = [
        named("exit"),
        Column("gallery", lambda row: f"{row['images']:,}"),
        named("index"),
        shared("recall (%)", "recall"),
        Column("rank-1 (%)", lambda row: f"{percent(row['rank_1'])}, {percent(row['exact_rank_1'])}"),
        Column("mAP (%)", lambda row: f"{percent(row['mean_ap'])}, {percent(row['exact_mean_ap'])}"),
        rounded("build (s)", "build_seconds", 1),
        rounded("batched (ms)", "batched_ms", 3),
        rounded("alone (ms)", "alone_ms", 2),
        rounded("bytes", "image_bytes"),
    ]
    note = (
        f"{_about(scale)}. Of the {scale['listed']} nearest images: one as near as the last of them counts as found. "
        "Rank-1 and mAP over these lists, the index's, then the exact one's: a match beyond the list adds nothing, and "
        "of equal distances one order is taken. Milliseconds a query, bytes an image."
    )
    title = f"Indexes in large galleries, {scale_name(scale)}"
    return table(f"{prefix}indexes", title, note, [_ordered(row, INDEXED) for row in scale["indexes"]], columns)


def _needs_table(scale: Scale, prefix: str) -> Table:
    """What galleries take that were not measured: bytes an image times images, and times that grow with the gallery."""
    sizes = sorted({row["images"] for row in scale["exact"] if row["derived"]})
    rows = [row for size in sizes for row in _needs(scale, size)]
    columns = [
        Column("gallery", lambda row: f"{row['images']:,}"),
        named("exit"),
        named("search"),
        rounded("memory (GB)", "gigabytes", 2),
        rounded("batched (ms)", "batched_ms", 1),
        rounded("alone (ms)", "alone_ms", 1),
    ]
    note = (
        f"{_about(scale)}. Derived from the largest gallery that was measured: bytes an image, and milliseconds of "
        "searches that look at every image, grow with the gallery; how those of HNSW and IVF grow is not known from "
        "this. Exact search reads codes from disk as well, and then holds megabytes. Queries that leave early need the "
        f"codes of every exit.{_too_long(scale)}"
    )
    return table(f"{prefix}needs", f"What larger galleries need, {scale_name(scale)}", note, rows, columns)


def _needs(scale: Scale, images: int) -> list[dict[str, Any]]:
    exact = [row for row in scale["exact"] if row["images"] == images]
    rows = [
        {"exit": row["exit"], "search": "exact", "bytes": row["image_bytes"], **{name: row[name] for name in TIMES}}
        for row in exact
    ]
    if len(exact) > 1:
        total = sum(row["image_bytes"] for row in exact)
        rows.append({"exit": "all of these", "search": "exact", "bytes": total, **dict.fromkeys(TIMES)})
    largest = max((row["images"] for row in scale["indexes"]), default=0)
    for row in scale["indexes"]:
        if row["images"] == largest and row["index"] != "flat":
            times = {name: row[name] * images / largest if row["index"] in EVERY_IMAGE else None for name in TIMES}
            rows.append({"exit": row["exit"], "search": row["index"], "bytes": row["image_bytes"], **times})
    return [{"images": images, "gigabytes": row["bytes"] * images / 1e9, **row} for row in rows]


def _distractor_table(scale: Scale, prefix: str) -> Table:
    found = scale["distractors"]
    # Those of codes of all lengths together are of no exit.
    names = dict.fromkeys([*(row["exit"] for row in scale["exact"]), *found])
    rows = [{"exit": name, **_ordered(found[name], DISTANCES)} for name in names if found.get(name)]
    columns = [
        named("exit"),
        _distances("one person (bits)", "same"),
        _distances("strangers (bits)", "strangers"),
        _distances("strangers, nearest 1 % (bits)", "strangers_nearest"),
    ]
    note = (
        "Mean distances of two images, measured and drawn: of one person in two cameras, of strangers, and below which "
        "the nearest hundredth of strangers lies. Distractors are Gaussian vectors' signs whose bits are set, and go "
        "together, as measured. Where drawn strangers are farther apart than measured ones, accuracy among them is "
        "better than it would be among real people."
    )
    return table(f"{prefix}distractors", f"Distractors, {scale_name(scale)}", note, rows, columns)


def _ordered(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Give a row with these names first, in this order, those of them that it has."""
    return {**{name: row[name] for name in names if name in row}, **row}


def _about(scale: Scale) -> str:
    provenance = scale["provenance"]
    return (
        f"{count_of(scale['queries'], 'query')}; {provenance['processor']}, "
        f"{count_of(provenance['threads'], 'thread')}; the gallery of the test set, filled up with distractors"
    )


def _too_long(scale: Scale) -> str:
    """Say so where times are derived from a gallery that is too small for it."""
    largest = max((row["images"] for row in scale["exact"] if not row["derived"]), default=0)
    if largest >= PROPORTIONAL:
        return ""
    return (
        f" In {largest:,} images a search takes much of its time whatever their number, so derived times are too long: "
        f"measure {PROPORTIONAL:,} images or more."
    )


def _percent(row: Record, name: str) -> str:
    value = row[name]
    return NOTHING if value is None or value != value else percent(value)


def _distances(heading: str, name: str) -> Column:
    """Show a measured distance, then the drawn one."""
    return Column(heading, lambda row: f"{number(row[f'measured_{name}'], 1)}, {number(row[f'drawn_{name}'], 1)}")
