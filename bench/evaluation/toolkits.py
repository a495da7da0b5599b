"""Feature dumps of torchreid and fast-reid, as arrays of a file of embeddings (docs/bring-your-own.md).

Both evaluate by one rule: images of the query's identity *and* camera leave the ranked list, queries without another
match are passed over, AP is the mean precision at each match, and mAP and CMC are means over the queries that are left.
That is what is computed here, too (:mod:`bench.retrieval.metrics`, AP ``step``). Distances are torchreid's Euclidean of
features as they are, and fast-reid's cosine. Where distances tie, theirs follow the sort; here they are expectations.
Both toolkits drop junk (identity −1) when they read a set, so that their dumps hold none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from bench.errors import BenchError

Arrays = dict[str, NDArray[Any]]
TORCHREID = {
    "qf": "query.0",
    "gf": "gallery.0",
    "q_pids": "query.pids",
    "q_camids": "query.camids",
    "g_pids": "gallery.pids",
    "g_camids": "gallery.camids",
}
"""Names of torchreid's ``Engine._evaluate``, with those of a file of embeddings."""
FAST_REID = ("features", "pids", "camids", "num_query")
"""Names of fast-reid's ``ReidEvaluator``: queries first, then the gallery."""
METRICS = {"torchreid": "euclidean", "fast-reid": "cosine"}
"""How each toolkit compares features unless it is told otherwise."""


def toolkit_of(arrays: Mapping[str, Any]) -> str:
    """Say whose dump these arrays are, by their names: ``torchreid``, ``fast-reid``, or empty for neither."""
    if {"qf", "gf"} <= arrays.keys():
        return "torchreid"
    return "fast-reid" if {"features", "num_query"} <= arrays.keys() else ""


def from_toolkit(arrays: Arrays, about: Mapping[str, Any] | None) -> tuple[Arrays, dict[str, Any]]:
    """Give arrays and description of a dump as those of a file of embeddings with one exit.

    ``costs``, one number, are kept as they are; their unit is multiply-adds where ``about`` does not say. Raises
    :class:`BenchError` where an array of the dump is missing, or ``num_query`` leaves no queries or no gallery.
    """
    toolkit = toolkit_of(arrays)
    expected = tuple(TORCHREID) if toolkit == "torchreid" else FAST_REID
    missing = [name for name in expected if name not in arrays]
    if missing:
        raise BenchError(f"a dump of {toolkit} holds {', '.join(expected)} and costs; {missing[0]} is missing")
    rest = {name: values for name, values in arrays.items() if name not in expected}
    found = _renamed(arrays) if toolkit == "torchreid" else _parted(arrays)
    said = {"name": toolkit, "cost": {"unit": "multiply-adds"}, "exits": [{"metric": METRICS[toolkit]}]}
    return {**found, **rest}, {**said, **(about or {})}


def _renamed(arrays: Arrays) -> Arrays:
    return {name: arrays[theirs] for theirs, name in TORCHREID.items()}


def _parted(arrays: Arrays) -> Arrays:
    features, pids, camids, count = (arrays[name] for name in FAST_REID)
    images = len(features) if features.ndim else 0
    queries = int(count) if count.size == 1 and count.dtype.kind in "iu" else -1
    if not 0 < queries < images or len(pids) != images or len(camids) != images:
        raise BenchError(
            f"a dump of fast-reid holds as many pids and camids as features, and num_query of them are queries; found "
            f"{images} features, {pids.size} pids, {camids.size} camids, num_query {count}"
        )
    parts: Arrays = {}
    for part, rows in (("query", slice(queries)), ("gallery", slice(queries, None))):
        parts |= {f"{part}.0": features[rows], f"{part}.pids": pids[rows], f"{part}.camids": camids[rows]}
    return parts
