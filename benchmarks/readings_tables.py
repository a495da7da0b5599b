"""Log and table of the readings of HashReID's loss, from scores per query (``benchmarks/readings.py``)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bench.budget.bootstrap import IdentityBootstrap, interval
from bench.files import read_json

Split = Literal["held-out", "test"]
Scores = Mapping[str, Any]
COSINE_100 = "cosine, 100"
NONE = "none"
SIGNS = ("before", "after")
RESAMPLES = 1000
PEOPLE = {"held-out": "identities held out of training", "test": "the test identities"}


def read_scores(results: Path, split: Split) -> list[Scores]:
    """Read the scores of a split that are kept, in the order of their files."""
    return [read_json(path) for path in sorted((results / "readings" / split).glob("*.json"))]


def summary(scores: Sequence[Scores], sign: str, field: str = "average_precision") -> tuple[NDArray, NDArray]:
    """Means (S + 1,) over queries, then seeds; the last over exits too. And draws (R, S + 1) over identities.

    Identities are drawn within the queries of each seed: seeds hold out identities of their own, independently drawn,
    and share those of the test set, where the draws are the same.
    """
    means, draws = [], []
    for score in scores:
        values = np.array(score[field][sign])
        values = np.concatenate([values, values.mean(axis=1, keepdims=True)], axis=1)
        same_people = all(score["pids"] == other["pids"] for other in scores)
        bootstrap = IdentityBootstrap.draw(np.array(score["pids"]), RESAMPLES, 0 if same_people else score["seed"])
        means.append(values.mean(axis=0))
        draws.append(bootstrap.means(values))
    return np.mean(means, axis=0), np.mean(draws, axis=0)


def write(scores: Sequence[Scores], split: Split, readings: Sequence[str], folder: Path) -> None:
    """Write ``SPLIT.csv``, a row for each run, exit and side of the sign.

    And ``SPLIT-readings.csv`` and ``SPLIT.md``, the table of readings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ordered = sorted(scores, key=lambda score: (readings.index(score["reading"]), score["seed"]))
    columns = ("reading", "seed", "exit", "sign", "mAP", "mAP_low", "mAP_high", "rank-1", "rank-1_low", "rank-1_high")
    more = ("queries", "identities", "training_cpu_seconds", "run", "settings")
    with (folder / f"{split}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, (*columns, *more), lineterminator="\n")
        writer.writeheader()
        for score in ordered:
            for row in _rows(score):
                writer.writerow(row)
    summaries = list(_summaries(ordered))
    named = dict.fromkeys(name for row in summaries for name in row)
    with (folder / f"{split}-readings.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, named, lineterminator="\n")
        writer.writeheader()
        for one in summaries:
            writer.writerow(
                {name: f"{value:.6f}" if isinstance(value, float) else value for name, value in one.items()}
            )
    exits = ordered[0]["exits"] if ordered else []
    (folder / f"{split}.md").write_text(_table(summaries, exits, split), encoding="utf-8")


def _rows(score: Scores) -> Iterable[dict[str, Any]]:
    for sign in SIGNS:
        columns: dict[str, Any] = {}
        for name, field in (("mAP", "average_precision"), ("rank-1", "hits")):
            means, draws = summary([score], sign, field)
            columns[name], (columns[f"{name}_low"], columns[f"{name}_high"]) = means, interval(draws)
        for index, exit_ in enumerate((*score["exits"], "mean")):
            yield {
                "reading": score["reading"],
                "seed": score["seed"],
                "exit": exit_,
                "sign": sign,
                **{name: f"{values[index]:.4f}" for name, values in columns.items()},
                "queries": len(score["pids"]),
                "identities": len(set(score["pids"])),
                "training_cpu_seconds": score["training_cpu_seconds"],
                "run": score["run"],
                "settings": " ".join(f"{name}={value}" for name, value in score["settings"].items()),
            }


def _summaries(scores: Sequence[Scores]) -> Iterable[dict[str, Any]]:
    """One row for each reading, over its seeds, and its paired difference to ``none`` over the same seeds."""
    free = {score["seed"]: score for score in scores if score["reading"] == NONE}
    for name in dict.fromkeys(score["reading"] for score in scores):
        own = [score for score in scores if score["reading"] == name]
        (before, _), (after, draws) = summary(own, "before"), summary(own, "after")
        row: dict[str, Any] = {"reading": name, "seeds": ", ".join(str(score["seed"]) for score in own)}
        for exit_, one, other in zip((*own[0]["exits"], "mean"), before, after, strict=True):
            row |= {f"{exit_} before": one, f"{exit_} after": other}
        row |= dict(zip(("low", "high"), interval(draws[:, -1]), strict=True))
        if name != NONE and {score["seed"] for score in own} <= set(free):
            means, others = summary([free[score["seed"]] for score in own], "after")
            for index, exit_ in enumerate((*own[0]["exits"], "mean")):
                row |= {f"{exit_} against": after[index] - means[index]}
                ends = interval(draws[:, index] - others[:, index])
                row |= dict(zip((f"{exit_} against low", f"{exit_} against high"), ends, strict=True))
        yield row


def _table(rows: Sequence[Mapping[str, Any]], exits: Sequence[str], split: Split) -> str:
    lines = [
        f"mAP (%) on {PEOPLE[split]}, preset demo, rendered data: before → after the sign at each exit, "
        "then the mean over exits after the sign and its paired difference to `none` over the same seeds. Brackets: "
        f"95 % interval over identities ({RESAMPLES:,} draws), seeds fixed.",
        "",
        f"| reading | seeds | {' | '.join(exits)} | mean after | against none |",
        f"|---|---|{'---|' * len(exits)}---|---|",
    ]
    for row in rows:
        cells = [f"{100 * row[f'{exit_} before']:.1f} → {100 * row[f'{exit_} after']:.1f}" for exit_ in exits]
        mean = _bracketed(row["mean after"], row["low"], row["high"])
        against = [row.get(f"mean against{end}") for end in ("", " low", " high")]
        difference = "" if None in against else _bracketed(*map(float, against), sign="+")
        lines.append(f"| {' | '.join([row['reading'], row['seeds'], *cells, mean, difference])} |")
    return "\n".join(lines) + "\n"


def _bracketed(value: float, low: float, high: float, sign: str = "") -> str:
    return f"{100 * value:{sign}.1f} [{100 * low:{sign}.1f}, {100 * high:{sign}.1f}]"
