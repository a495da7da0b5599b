"""CNet and CDNet, as their search found them. No torch at the top: listing methods loads this module."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from baselines.genotypes import candidates, genotype_text, read_genotype
from baselines.identity_losses import RANGES, identity_and_triplet
from bench.methods import WIDTHS, ArchitectureSearch, Method, Options, Preset
from bench.training import shared
from bench.training.recipe import MOST_RATE, Augmentation, Optimiser, Recipe, Schedule

if TYPE_CHECKING:
    from bench.networks import MultiExitNetwork, SearchNetwork

CNET_GENOTYPE = "5-7-1,7-9-1,7-9-1,7-9-1,7-9-1,3-5-1"
CDNET_GENOTYPE = "3-5-1,3-7-2,5-7-2,5-9-1,5-7-2,5-7-1"
"""Section 4.2 of the paper, and the genotype files of its repository."""

PAPER_RECIPE = Recipe(
    input_size=(256, 128),
    epochs=350,
    identities_per_batch=16,
    images_per_identity=4,
    optimiser=Optimiser(name="sgd", learning_rate=0.065, weight_decay=5e-4, momentum=0.9),
    schedule=Schedule(kind="step", milestones=(150, 225, 300), factor=0.1),
    augmentation=Augmentation(flip=0.5, erase=0.5, pad=10),
)
"""solicucu/ReID, FasterReID/configs/cdnet.yml."""
DEMO_RECIPE = replace(
    PAPER_RECIPE,
    input_size=(128, 64),
    epochs=14,
    batches_per_epoch=30,
    schedule=Schedule(kind="step", milestones=(9, 12), factor=0.1),
    augmentation=Augmentation(flip=0.5, erase=0.25, pad=5),
)
"""Minutes: the rate falls twice, late."""
SMALL_RECIPE = shared.between(DEMO_RECIPE)
SMOKE_RECIPE = replace(
    DEMO_RECIPE,
    input_size=shared.SMOKE.input_size,
    epochs=2,
    batches_per_epoch=3,
    identities_per_batch=4,
    images_per_identity=2,
    optimiser=Optimiser(name="sgd", learning_rate=0.01, weight_decay=5e-4, momentum=0.9),
    schedule=Schedule(kind="step", milestones=(1,), factor=0.1),
)

OPTIONS: Options = {
    "label_smoothing": 0.0,
    "triplet_weight": 1.0,
    "margin": 0.3,
    "neck": "fbl",
    "stripes": 2,
    "early_exits": False,
}


def _build(options: Options, num_identities: int, input_size: tuple[int, int] = (256, 128)) -> MultiExitNetwork:
    from baselines.networks.cdnet import CDNet
    from baselines.networks.lite import check_room

    check_room(input_size)
    return CDNet(
        num_identities,
        read_genotype(str(options["genotype"])),
        stem=int(options["stem"]),
        hidden=int(options["hidden"]),
        neck=str(options["neck"]),
        stripes=int(options["stripes"]),
        early_exits=bool(options["early_exits"]),
    )


SEARCH_OPTIONS: Options = {
    "label_smoothing": 0.0,
    "triplet_weight": 1.0,
    "margin": 0.3,
    "top": 2,
    "architecture_rate": 3e-4,
    "architecture_decay": 1e-3,
}
"""Sections 3.2 and 4.1 of the paper, and the search configuration of its repository (cdnet_sample_topk_search)."""
PAPER_SEARCH = replace(
    PAPER_RECIPE,
    epochs=240,
    optimiser=Optimiser(name="sgd", learning_rate=0.025, weight_decay=3e-4, momentum=0.9),
    schedule=Schedule(kind="cosine"),
)
DEMO_SEARCH = replace(
    DEMO_RECIPE,
    epochs=24,
    identities_per_batch=8,
    optimiser=Optimiser(name="sgd", learning_rate=0.025, weight_decay=5e-4, momentum=0.9),
    schedule=Schedule(kind="cosine"),
)
"""The same schedule in minutes: few steps, for which the rate of the choice is higher."""
SMOKE_SEARCH = replace(SMOKE_RECIPE, schedule=Schedule(kind="cosine"))


def _search(space: str) -> ArchitectureSearch:
    def build(options: Options, num_identities: int, input_size: tuple[int, int] = (256, 128)) -> SearchNetwork:
        from baselines.networks.cdnet_search import CDNetSearch
        from baselines.networks.lite import check_room

        check_room(input_size)
        sizes = {name: int(options[name]) for name in ("stem", "hidden", "top")}
        return CDNetSearch(num_identities, candidates(space), **sizes)

    count = len(candidates(space))
    return ArchitectureSearch(
        presets={
            "paper": Preset(
                f"{count} candidates a block at 256×128, 240 epochs",
                {**SEARCH_OPTIONS, "stem": 64, "hidden": 512},
                PAPER_SEARCH,
            ),
            "demo": Preset(
                f"{count} candidates a block of a quarter of the width at 128×64: minutes on two cores",
                {**SEARCH_OPTIONS, "stem": 16, "hidden": 128, "architecture_rate": 0.02},
                DEMO_SEARCH,
            ),
            "smoke": Preset(
                "seconds, for tests: finds nothing",
                {**SEARCH_OPTIONS, "stem": 4, "hidden": 16, "architecture_rate": 0.02},
                SMOKE_SEARCH,
            ),
        },
        build=build,
        loss=identity_and_triplet,
    )


def _method(name: str, title: str, genotype: str) -> Method:
    options = {**OPTIONS, "genotype": genotype}
    return Method(
        name=name,
        summary=f"{title}: searched blocks of lite streams, global and local features, one exit (continuous, cosine)",
        paper="Li et al., Combined Depth Space based Architecture Search For Person Re-identification, CVPR 2021",
        faithful="blocks, the genotype that the paper found, neck, losses, embedding, recipe of preset paper, as in "
        "the authors' code; necks and stripes of its ablations are options",
        differs="random erasing erases, as the paper says, where the authors' code computes rectangles without area; "
        "weights start as OSNet's do; neck=bn is BoT's, where that code classifies what enters the norm; "
        "early_exits=true is a variant of this suite, with the neck bl at the first two exits; bench architecture "
        "search runs the search by the paper's equations; docs/methods.md says where the authors' code of it does "
        "otherwise",
        presets={
            "paper": Preset(
                "the network and recipe of the paper at 256×128, from scratch",
                {**options, "stem": 64, "hidden": 512},
                PAPER_RECIPE,
            ),
            "small": Preset(
                "five eighths of the width from scratch at 192×96: the recipe of preset demo, longer",
                {**options, "stem": 40, "hidden": 256},
                SMALL_RECIPE,
            ),
            "demo": Preset(
                "three eighths of the width from scratch at 128×64: minutes on two cores",
                {**options, "stem": 24, "hidden": 128},
                DEMO_RECIPE,
            ),
            "smoke": Preset(
                "seconds, for tests: learns nothing",
                {**options, "stem": 4, "hidden": 16, "genotype": "3-5-1,3-5-1,3-5-1,3-5-1,3-5-1,3-5-1"},
                SMOKE_RECIPE,
            ),
        },
        build=_build,
        option_ranges={
            **RANGES,
            "stem": (4, 4096),
            "stripes": (0, 256),
            "hidden": WIDTHS,
            "architecture_rate": (0, MOST_RATE),
            "architecture_decay": (0, MOST_RATE),
        },
        loss=identity_and_triplet,
        groups=("static",),
        file_options={"genotype": genotype_text},
        architecture=_search(name),
    )


CNET = _method("cnet", "CNet", CNET_GENOTYPE)
CDNET = _method("cdnet", "CDNet", CDNET_GENOTYPE)
