"""Readings of HashReID's loss and sign on held-out identities: python benchmarks/readings.py --results FOLDER

Each reading (:data:`READINGS`) trains preset demo and is scored on the identities held out of training, as queries
against a gallery of their other images and all training images. The test set is not touched: it is neither embedded nor
scored. Every exit is scored twice, by the values that the sign is taken of (cosine) and by their signs (Hamming), so
that the price of the sign is seen.

The rule, set before the first number was seen. Screening: every reading with seed 0. Those that go on to seeds 0, 1
and 2: the default of before (cosine at 100), no ranking term, and the two others with the highest mAP after the sign,
meaned over the four exits. The new default of preset demo is the one of these with the highest mAP after the sign,
meaned over exits and seeds.

Runs are kept in FOLDER (weights too) and scores in FOLDER/readings, so that the script goes on where it was stopped.
The log and the table are written to --log after every run.

Several processes may share the work: --readings and --seeds say whose is what. --seeds 0 is the screening alone. Once
the choice is made, --test NAMES scores the trained networks of those readings on the test set in the same way.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from readings_tables import COSINE_100, NONE, Scores, Split, read_scores, write
from torch import Tensor

from bench.cli.terminal import TerminalReporter
from bench.data.augmentation import normalise
from bench.data.cache import default_cache
from bench.data.dataset import ImageSample
from bench.data.images import ImageStore
from bench.device import DeviceImages, run_outputs
from bench.files import write_json
from bench.networks import ExitOutput, ExitSpec, MultiExitNetwork
from bench.retrieval.codes import pack
from bench.retrieval.evaluate import build_table
from bench.retrieval.labels import labels_of
from bench.running.request import RunRequest
from bench.running.run import Opened
from bench.running.stages import RunContext, obtain_network
from hashreid.readings import AS_BEFORE

FREE = {"ranking": "none", "ranking_weight": "0"}
READINGS: dict[str, dict[str, str]] = {
    COSINE_100: {"ranking": "cosine", "ranking_weight": "100"},
    NONE: FREE,
    "none, features before the sign": {**FREE, "feat_ori": "before-sign"},
    "none, hardness 10": {**FREE, "sign_hardness": "10"},
    "none, straight-through": {**FREE, "training_sign": "straight-through"},
    "none, quantisation 1": {**FREE, "quantisation_weight": "1"},
    "ksh detached, 1": {"ranking": "ksh", "ranking_weight": "1", "ranking_detached": "true"},
    "cosine detached, 1": {"ranking": "cosine", "ranking_weight": "1", "ranking_detached": "true"},
    "ksh detached, 0.1": {"ranking": "ksh", "ranking_weight": "0.1", "ranking_detached": "true"},
}
SCREENED_WITH = 0
SEEDS = (0, 1, 2)
GO_ON = 2
"""Readings that go on to all seeds, beside the default of before and none."""


def main() -> None:
    """Train and score what is missing, then write the log and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, required=True, help="where runs and their weights are kept")
    parser.add_argument("--log", type=Path, default=Path("results/readings"), help="where log and table are written")
    parser.add_argument("--cache", type=Path, default=None)
    parser.add_argument("--readings", default="", help="readings to screen, with semicolons; all by default")
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)), help="seeds to train")
    parser.add_argument("--test", default="", help="readings to score on the test set, with semicolons")
    arguments = parser.parse_args()
    cache = arguments.cache or default_cache()
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    tested = named(arguments.test)
    split: Split = "test" if tested else "held-out"

    def score(names: Iterable[str], seeds: Iterable[int]) -> None:
        for seed in seeds:
            for name in names:
                # Read anew each time: another process may be at work on other readings or seeds.
                kept = read_scores(arguments.results, split)
                if (name, seed) not in {(score["reading"], score["seed"]) for score in kept}:
                    measure(name, seed, split, arguments.results, cache)
                write(read_scores(arguments.results, split), split, list(READINGS), arguments.log)

    if tested:
        score(tested, seeds)
        return
    if SCREENED_WITH in seeds:
        score(named(arguments.readings) or READINGS, [SCREENED_WITH])
    score(going_on(read_scores(arguments.results, split)), [seed for seed in seeds if seed != SCREENED_WITH])


def named(text: str) -> list[str]:
    """Read names of readings with semicolons."""
    return [name.strip() for name in text.split(";") if name.strip()]


def going_on(scores: Sequence[Scores]) -> list[str]:
    """Name the readings that go on to all seeds: the rule of the screening."""
    screened = {score["reading"]: score for score in scores if score["seed"] == SCREENED_WITH}
    others = [name for name in screened if name not in (COSINE_100, NONE)]
    return [NONE, *sorted(others, key=lambda name: -_mean_ap(screened[name]))[:GO_ON], COSINE_100]


def _mean_ap(score: Scores) -> float:
    """Mean over the exits of mAP after the sign."""
    return float(np.mean(score["average_precision"]["after"]))


def measure(name: str, seed: int, split: Split, results: Path, cache: Path) -> None:
    """Train a reading, or find it trained, and keep its scores on the identities of a split: per query, (N, S)."""
    # Every option of a reading is named, so that it stays the same run when the preset's default changes.
    settings = {**{option: str(value) for option, value in AS_BEFORE.items()}, **READINGS[name]}
    request = RunRequest(method="hashreid", preset="demo", seed=seed, settings=settings, results=results, cache=cache)
    reporter = TerminalReporter()
    reporter.note(f"{name}, seed {seed}")
    opened = Opened.of(request, reporter)
    with opened.folder.alone():
        context = opened.workbench(reporter)
        trained = opened.folder.weights.exists()
        started = time.process_time()
        network = obtain_network(context)
        seconds = time.process_time() - started
        scores = split_scores(context, network, split)
    values: dict[str, Any] = {
        "reading": name,
        "settings": dict(READINGS[name]),
        "seed": seed,
        "run": opened.spec.key,
        "training_cpu_seconds": None if trained else round(seconds),
        "provenance": context.provenance(),
        **scores,
    }
    write_json(results / "readings" / split / f"{opened.folder.path.name}.json", values)


@dataclass(frozen=True)
class Embedded:
    """Embeddings of one set of images at every exit: ``before`` the sign and ``after`` it, with the labels."""

    before: list[NDArray[np.float32]]
    after: list[NDArray[np.uint8]]
    labels: tuple[NDArray[np.int64], NDArray[np.int64]]


def split_scores(context: RunContext, network: MultiExitNetwork, split: Split) -> dict[str, Any]:
    """Average precision and hits (N, S) of the queries of a split, before and after the sign."""
    stores = context.stores
    if split == "test":
        query, gallery = (embed(context, network, store, store.samples) for store in (stores.query, stores.gallery))
    else:
        query, gallery = (embed(context, network, stores.train, samples) for samples in context.calibration())
    floats = tuple(ExitSpec(spec.name, spec.dim, "continuous") for spec in network.exits)
    tables = {
        "before": build_table(floats, query.before, gallery.before, *query.labels, *gallery.labels),
        "after": build_table(network.exits, query.after, gallery.after, *query.labels, *gallery.labels),
    }
    return {
        "exits": [spec.name for spec in network.exits],
        "pids": tables["after"].outcomes.query_pids.tolist(),
        "average_precision": {
            sign: np.round(table.outcomes.average_precision, 6).tolist() for sign, table in tables.items()
        },
        "hits": {sign: np.round(table.outcomes.hits[:, :, 0], 6).tolist() for sign, table in tables.items()},
    }


@torch.inference_mode()
def embed(
    context: RunContext, network: MultiExitNetwork, store: ImageStore, samples: Sequence[ImageSample]
) -> Embedded:
    """Embed images of a store in evaluation mode."""
    images = DeviceImages(store, context.fabric, context.spec.recipe.input_size)
    before: list[list[Tensor]] = [[] for _ in network.exits]
    after: list[list[Tensor]] = [[] for _ in network.exits]
    network.eval()
    for chunk in torch.from_numpy(store.indices(samples)).split(128):
        batch = normalise(images.views(chunk)[0]).contiguous(memory_format=torch.channels_last)
        for index, output in enumerate(run_outputs(network, batch, context.fabric)):
            before[index].append(torch.nn.functional.normalize(signed(output)).cpu())
            after[index].append(output.embedding.to(torch.int8).cpu())
    return Embedded(
        [torch.cat(parts).numpy() for parts in before],
        [pack(torch.cat(parts).numpy()) for parts in after],
        labels_of(samples),
    )


def signed(output: ExitOutput) -> Tensor:
    """Give the values (B, L) that the sign is taken of."""
    return output.extras.get("before_sign", output.extras["aligned"])


if __name__ == "__main__":
    main()
