"""A search study: accuracy and search time by code length (HashReID's Table 3), and of a budgeted run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench import provenance
from bench.errors import BenchError
from bench.files import SCHEMA_VERSION, write_json, writing
from bench.progress import SILENT, Reporter
from bench.running.request import RunRequest
from bench.running.run import run
from bench.search.approximate import IndexKind, score_indexed
from bench.search.chain import Code, search_chain
from bench.search.coarse_to_fine import study_run
from bench.search.code_lengths import CodeLengths
from bench.search.re_ranked import score_re_ranked
from bench.search.timing import CONVENTION, LengthTimes, check_gallery, time_lengths
from bench.spec import SweepSpec, digest

STUDY_FILE = "study.json"
TABLE_3 = (128, 256, 512, 1024, 2048)
"""Code lengths of HashReID's Table 3."""
LENGTH_OPTION = "final_bits"
"""Network option of the methods whose last code can be trained at any length; 0 is the trunk's own width."""
POLICY, HALF = "gs", 0.5
"""Policy of the budgeted search, and its budget, as a fraction of the way from the first exit's cost to the last's."""
KEPT = ("rank-1", "rank-1_low", "rank-1_high", "mAP", "mAP_low", "mAP_high", "mAP_ties_low", "mAP_ties_high")
"""Fields of an exit's record that a study keeps."""


@dataclass(frozen=True)
class SearchRequest:
    """A study: the runs of a method, code lengths, and the size of a gallery to time them against.

    A network is trained for each of ``lengths``. Empty means the codes of the run as they are, or those of Table 3 for
    a method with one exit of any length. ``seconds`` is the time spent on each way of searching.
    """

    run: RunRequest
    seeds: tuple[int, ...] = (0,)
    lengths: tuple[int, ...] = ()
    gallery_size: int = 19_732
    seconds: float = 1.0
    re_rank: bool = False
    index: IndexKind | None = None
    """A binary index of faiss, whose finds are held to those of exact search."""
    coarse_to_fine: bool = False
    """Whether codes of several lengths are searched from coarse to fine (:mod:`bench.search.coarse_to_fine`)."""

    def requests(self) -> tuple[RunRequest, ...]:
        """The runs that are needed, by seed and length.

        Raises :class:`BenchError` for a length below 1, or a method whose codes have a fixed length.
        """
        method, options, recipe = self.run.resolve()
        lengths = self.lengths
        if not lengths and options.get(LENGTH_OPTION) is not None and not options.get("early_exits", True):
            lengths = TABLE_3
        if not lengths:
            return tuple(replace(self.run, seed=seed, sweep=SweepSpec((POLICY,))) for seed in self.seeds)
        if LENGTH_OPTION not in options:
            raise BenchError(
                f"{self.run.method} has codes of fixed length: leave out --lengths to time them as they are, or take "
                "--method hashreid-noexit, which is trained at any length"
            )
        if min(lengths) < 1:
            raise BenchError(f"code lengths are 1 or more; found {min(lengths)}")
        plain = {**options, LENGTH_OPTION: 0, "weights": "none"}
        natural = method.build(plain, 2, recipe.input_size).exits[-1].dim
        return tuple(
            replace(
                self.run,
                seed=seed,
                # The trunk's own width needs no further layer, and is the ordinary run of the method.
                settings={**self.run.settings, LENGTH_OPTION: str(0 if length == natural else length)},
                sweep=SweepSpec((POLICY,)) if options.get("early_exits", False) else None,
            )
            for seed in self.seeds
            for length in sorted(set(lengths))
        )


@dataclass(frozen=True)
class SearchStudy:
    """The results of a study, as plain values, and the folder that they were written to."""

    folder: Path
    values: Mapping[str, Any]


def conduct(request: SearchRequest, reporter: Reporter = SILENT) -> SearchStudy:
    """Train (or find) the runs, time their code lengths, and write ``search/<dataset>/<name>/study.json``.

    Raises :class:`BenchError` where the file cannot be written, or as :func:`bench.running.run.run` does.
    """
    check_gallery(request.gallery_size)
    if request.coarse_to_fine:
        CodeLengths.check(request.run)
    accuracy: list[dict[str, Any]] = []
    indexed: list[dict[str, Any]] = []
    coarse: list[dict[str, Any]] = []
    chains: list[tuple[int, list[Code], Sequence[float], float]] = []
    headers = []
    for each in request.requests():
        result = run(each, reporter)
        headers.append(result.header)
        exits = result.header["exits"]
        records = [record for record in result.records if record["kind"] == "exit"]
        re_ranked = (
            [asdict(scores) for scores in score_re_ranked(each, reporter)] if request.re_rank else [{}] * len(exits)
        )
        found = score_indexed(each, request.index, reporter) if request.index else ()
        indexed += [
            {"seed": each.seed, "exit": exit_["name"], "length": exit_["dim"], **asdict(scores)}
            for exit_, scores in zip(exits, found, strict=False)
            if scores
        ]
        if request.coarse_to_fine:
            macs = exits[-1]["cumulative_macs"]
            found_ways = study_run(each, request.gallery_size, request.seconds, reporter)
            coarse += [{"seed": each.seed, "run": result.header["run"], "macs": macs, **way} for way in found_ways]
        for exit_, record, more in zip(exits, records, re_ranked, strict=True):
            row: dict[str, Any] = {"seed": each.seed, "run": result.header["run"], "exit": exit_["name"]}
            row |= {"code": exit_["code"], "length": exit_["dim"]}
            accuracy.append(row | {name: record[name] for name in KEPT if name in record} | more)
        point = _at_half_the_budget(result.records)
        if point:
            codes = [Code(exit_["code"], exit_["dim"]) for exit_ in exits]
            chains.append((each.seed, codes, point["exit_fractions"], point["realised_cost"]))
    paper = _paper_codes(request.run) if chains else []
    lengths = [row["length"] for row in accuracy] + [code.length for code in paper]
    lengths += [length for way in coarse for length in way["lengths"]]
    times = {
        one.length: one
        for one in time_lengths(lengths, request.gallery_size, seconds=request.seconds, reporter=reporter)
    }
    first = headers[0]
    spec = first["spec"]
    identity = (
        [row["run"] for row in accuracy],
        request.gallery_size,
        request.re_rank,
        *([request.index] if request.index else []),
        *(["coarse to fine"] if request.coarse_to_fine else []),
    )
    key = digest(identity)
    values = {
        "schema": SCHEMA_VERSION,
        "key": key,
        "dataset": {**first["dataset"], "fingerprint": first["spec"]["fingerprint"]},
        "evaluation": first["evaluation"],
        "method": {**first["method"], "preset": first["spec"]["preset"], "recipe": first["spec"]["recipe_name"]},
        "seeds": list(request.seeds),
        "gallery_size": request.gallery_size,
        "convention": CONVENTION,
        "accuracy": accuracy,
        "indexes": indexed,
        "coarse_to_fine": coarse,
        "times": [_with_bytes(one) for one in times.values()],
        "chains": [
            _chain(seed, name, codes, shares, spent, times)
            for seed, own, shares, spent in chains
            for name, codes in (("as trained", own), ("of preset paper", paper))
            if codes and (name == "as trained" or codes != own)
        ],
        "provenance": provenance.collect(
            device="cpu", precision="float32", threads=os.cpu_count() or 1, versions=first["provenance"]["versions"]
        ),
    }
    name = f"{spec['method']}-{spec['preset']}-{key[:8]}"
    folder = request.run.results / "search" / spec["dataset"] / name
    with writing(f"under {folder}"):
        write_json(folder / STUDY_FILE, values)
    return SearchStudy(folder, values)


def _at_half_the_budget(records: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The point of the policy's sweep (thresholding ``stream``) nearest to the budget; None for a single exit."""
    points = [one for one in records if one["kind"] == "policy" and one["thresholding"] == "stream"]
    exits = [one["realised_cost"] for one in records if one["kind"] == "exit"]
    wanted = exits[0] + HALF * (exits[-1] - exits[0])
    return min(points, key=lambda one: abs(one["requested_cost"] - wanted), default=None)


def _paper_codes(run: RunRequest) -> list[Code]:
    """Codes of the method's network of preset paper: those of preset demo differ too little in length to save time."""
    method, _, _ = run.resolve()
    if "paper" not in method.presets:
        return []
    preset = method.presets["paper"]
    network = method.build({**preset.network, "weights": "none"}, 2, preset.recipe.input_size)
    return [Code(exit_.code, exit_.dim) for exit_ in network.exits]


def _chain(
    seed: int, name: str, codes: Sequence[Code], shares: Sequence[float], spent: float, times: Mapping[int, LengthTimes]
) -> dict[str, Any]:
    return {
        "seed": seed,
        "codes": name,
        "lengths": [code.length for code in codes],
        "policy": POLICY,
        "exit_fractions": list(shares),
        "realised_cost": spent,
        "steps": [asdict(step) for step in search_chain(codes, shares, times)],
    }


def _with_bytes(one: LengthTimes) -> dict[str, Any]:
    return {**asdict(one), "binary_bytes": one.binary_bytes, "continuous_bytes": one.continuous_bytes}
