"""Galleries of millions as tables: exact search by size of the gallery, and indexes beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.files import SCHEMA_VERSION
from bench.findings.columns import named
from bench.findings.rounding import NOTHING, number, percent
from bench.findings.table import Column, Record, Table, table
from bench.inert import clean

Scale = Mapping[str, Any]
"""What ``bench gallery scale`` keeps."""


def scale_name(scale: Scale) -> str:
    """Name whose codes were searched."""
    rendered = " (rendered)" if scale["dataset"]["rendered"] else ""
    return clean(f"{scale['name']} on {scale['dataset']['name']}{rendered}")


def scale_tables(scale: Scale) -> tuple[Table, ...]:
    """Give the tables that have rows."""
    made = (_exact_table(scale), _index_table(scale), _distractor_table(scale))
    return tuple(one for one in made if len(one))


def check_scale(scale: Scale) -> None:
    """Check that a kept measurement is of the form that its tables need.

    Raises ValueError for another schema, and whatever its tables raise.
    """
    if scale["schema"] != SCHEMA_VERSION:
        raise ValueError(f"schema {scale['schema']}, this suite reads {SCHEMA_VERSION}")
    for one in scale_tables(scale):
        one.markdown()


def _exact_table(scale: Scale) -> Table:
    rows = [{**row, "code_bytes": row["image_bytes"] * row["images"]} for row in scale["exact"]]
    columns = [
        named("exit"),
        named("bits", is_number=True),
        Column("gallery", lambda row: f"{row['images']:,}"),
        Column("rank-1 (%)", lambda row: _percent(row, "rank_1")),
        Column("mAP (%)", lambda row: _percent(row, "mean_ap")),
        Column("batched (ms)", lambda row: number(row["batched_ms"], 3)),
        Column("alone (ms)", lambda row: number(row["alone_ms"], 2)),
        Column("codes (MB)", lambda row: number(row["code_bytes"] / 1e6, 1)),
        Column("measured", lambda row: "derived" if row["derived"] else "measured", is_number=False),
    ]
    note = (
        f"{_about(scale)}. Exact search, the {scale['listed']} nearest: milliseconds "
        "a query, all queries together and one by itself; rank-1 and mAP over the whole gallery, ties as "
        "their expectation. Derived: times grow in proportion to the largest gallery that was measured."
    )
    return table("scale-exact", f"Exact search in large galleries, {scale_name(scale)}", note, rows, columns)


def _index_table(scale: Scale) -> Table:
    columns = [
        named("exit"),
        Column("gallery", lambda row: f"{row['images']:,}"),
        named("index"),
        Column("recall (%)", lambda row: percent(row["recall"])),
        Column("rank-1 (%)", lambda row: f"{percent(row['rank_1'])}, {percent(row['exact_rank_1'])}"),
        Column("mAP (%)", lambda row: f"{percent(row['mean_ap'])}, {percent(row['exact_mean_ap'])}"),
        Column("build (s)", lambda row: number(row["build_seconds"], 1)),
        Column("batched (ms)", lambda row: number(row["batched_ms"], 3)),
        Column("alone (ms)", lambda row: number(row["alone_ms"], 2)),
        Column("bytes", lambda row: number(row["image_bytes"], 0)),
    ]
    note = (
        f"{_about(scale)}. Of the {scale['listed']} nearest images: one as near as the last of them counts as found. "
        "Rank-1 and mAP over these lists, the index's, then the exact one's: the latter lies below that over the whole "
        "gallery. Milliseconds a query, bytes an image."
    )
    return table("scale-indexes", f"Indexes in large galleries, {scale_name(scale)}", note, scale["indexes"], columns)


def _distractor_table(scale: Scale) -> Table:
    rows = [{"exit": name, **values} for name, values in scale["distractors"].items() if values]
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
    return table("scale-distractors", f"Distractors, {scale_name(scale)}", note, rows, columns)


def _about(scale: Scale) -> str:
    provenance = scale["provenance"]
    return (
        f"{scale['queries']:,} queries; {provenance['processor']}, {provenance['threads']} threads; the gallery of the "
        "test set, filled up with distractors"
    )


def _percent(row: Record, name: str) -> str:
    value = row[name]
    return NOTHING if value is None or value != value else percent(value)


def _distances(heading: str, name: str) -> Column:
    """Show a measured distance, then the drawn one."""
    return Column(heading, lambda row: f"{number(row[f'measured_{name}'], 1)}, {number(row[f'drawn_{name}'], 1)}")
