"""What a user asked for, before any of it is done."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from bench import registry
from bench.cost.axes.contract import PricedNetwork
from bench.data.cache import default_cache
from bench.data.dataset import DatasetRequest
from bench.data.views import VIEW_COUNTS, check_views
from bench.digests import DamagedFile, verify
from bench.errors import BenchError, unknown_name
from bench.methods import Method
from bench.precision import check_device, check_precision, resolve_precision
from bench.ranks import Ranks
from bench.settings import override
from bench.spec import EvaluationSpec, RecipeName, RunSpec, SweepSpec, check_seed
from bench.training.recipe import Recipe
from bench.training.shared import SHARED_RECIPES

if TYPE_CHECKING:
    from bench.budget.policy import LearnedPolicy, Policy
    from bench.cost.axes.contract import Cost, Measurement

LossOver = Literal["batch", "device"]
LOSS_OVER: tuple[LossOver, ...] = get_args(LossOver)
ALONE = Ranks()
"""One device, one process."""


@dataclass(frozen=True)
class RunRequest:
    """One run: a method on a dataset with a seed, and what to do with it.

    ``settings`` override the preset's options and recipe by name; ``sweep`` of None scores the exits alone; ``extras``
    scores embeddings that are no exits beside them, where the network has any;
    ``training_share`` is the share of the recipe's epochs that it is trained for, with warm-up and milestones in
    proportion.
    ``ranks`` are the devices that share the training, and which of their processes this is; ``loss_over`` is what the
    loss is taken over: the whole batch, or the part of each device, which gives other numbers.
    ``as_is`` trains nothing: the weights of a file, named in the settings, are scored as they are. Nobody knows whom
    they were trained on, so there are no held-out identities.
    ``leave_out`` passes over those of its policies that cannot be fitted, which is an error else.
    """

    method: str
    preset: str = "demo"
    recipe: RecipeName = "own"
    dataset: str = "synthped"
    data: DatasetRequest = field(default_factory=DatasetRequest)
    seed: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    training_share: float = 1.0
    calibration_share: float = 0.1
    evaluation: EvaluationSpec = field(default_factory=EvaluationSpec)
    sweep: SweepSpec | None = None
    extras: bool = False
    leave_out: bool = False
    device: str = "auto"
    precision: str = "auto"
    results: Path = Path("results")
    cache: Path = field(default_factory=default_cache)
    fresh: bool = False
    ranks: Ranks = ALONE
    loss_over: LossOver = "batch"
    as_is: bool = False

    def __post_init__(self) -> None:
        """Refuse what can be seen to be impossible before anything is done. Raises :class:`BenchError`."""
        check_device(self.device)
        check_precision(self.precision)
        check_seed(self.seed)
        if self.loss_over not in LOSS_OVER:
            raise unknown_name("--loss-over", self.loss_over, LOSS_OVER)
        if not 0 <= self.calibration_share < 1:
            raise BenchError(
                f"--calibration is a share of the training identities from 0 to 1, not {self.calibration_share}"
            )
        if self.as_is and self.calibration_share:
            raise BenchError(
                "--as-is has no held-out identities, for the weights may have been trained on them: --calibration 0"
            )
        if self.as_is and self.training_share != 1:
            raise BenchError("--as-is trains nothing: leave out --training-share")
        for name in self.sweep.thresholdings if self.sweep else ():
            registry.thresholding(name).check(self.calibration_share or None)

    def resolve(self) -> tuple[Method, dict[str, Any], Recipe]:
        """Look up the method and its preset, with the settings applied: method, network options, recipe.

        Raises :class:`BenchError` for an unknown name or a setting out of range.
        """
        method = registry.method(self.method)
        if self.preset not in method.presets:
            raise unknown_name(f"preset of {self.method}", self.preset, sorted(method.presets))
        preset = method.presets[self.preset]
        recipe = preset.recipe
        if self.recipe == "shared":
            if self.preset not in SHARED_RECIPES:
                raise unknown_name("preset with a shared recipe", self.preset, sorted(SHARED_RECIPES))
            recipe = SHARED_RECIPES[self.preset]
        if self.training_share != 1:
            recipe = recipe.shortened(self.training_share)
        options, recipe = override(preset.network, recipe, self.settings, method.option_ranges)
        options |= {name: _read_option(name, str(options[name]), read) for name, read in method.file_options.items()}
        if self.as_is and options.get("weights", "none") in ("none", "imagenet"):
            raise BenchError("--as-is scores the weights of a file: name it with --weights FILE")
        if recipe.keep == "best" and not self.as_is and not self.calibration_share:
            raise BenchError("keep=best chooses an epoch on held-out identities: --calibration above 0, or keep=last")
        if recipe.identities_per_batch % self.ranks.world_size:
            raise BenchError(
                f"the {recipe.identities_per_batch} identities of a batch cannot be divided among "
                f"{self.ranks.world_size} devices: take another number of devices, or --set identities_per_batch=…"
            )
        check_views(recipe.stored_size, recipe.input_size, self.evaluation.views)
        return method, options, recipe

    def check_weights(self) -> None:
        """Build the network once where its weights come from a file: before images are decoded, and in a dry run.

        Raises :class:`BenchError` where the file is missing or damaged, or does not fit the network.
        """
        method, options, recipe = self.resolve()
        if options.get("weights", "none") not in ("none", "imagenet"):
            # A missing file comes first: a network may have another reason to refuse pretrained weights.
            _digest_of_file(str(options["weights"]))
            if self.as_is:
                from bench.running.as_is import build_as_is

                build_as_is(method, options, 2, recipe.input_size)
            else:
                method.build(options, 2, recipe.input_size)

    def policies(self) -> list[Policy | LearnedPolicy]:
        """Load the policies of the sweep, and refuse those that could not be used however training goes.

        Raises :class:`BenchError` where one cannot be fitted, or gives no numbers; where the user named none, such a
        one is left out.
        """
        from bench.budget.policy import Policy
        from bench.budget.probe import check_before_training

        found: list[Policy | LearnedPolicy] = []
        for name in self.sweep.policies if self.sweep else ():
            policy = registry.policy(name)
            if not self.calibration_share and getattr(policy, "needs", "") == "calibration":
                if self.leave_out:
                    continue
                raise BenchError(f"policy {name} learns from identities held out of training: --calibration above 0")
            if isinstance(policy, Policy) and not self.leave_out:
                check_before_training(policy)
            found.append(policy)
        return found

    def cost(self) -> tuple[Cost, Measurement | None]:
        """Look up what budgets are in, and the measurement that it reads: None where it is counted.

        Raises BenchError where the name is unknown, or nothing was measured.
        """
        name, _, which = self.sweep.cost.partition(":") if self.sweep else ("macs", "", "")
        cost = registry.cost(name)
        _, options, recipe = self.resolve()
        views = VIEW_COUNTS[self.evaluation.views]
        network = PricedNetwork(self.method, self.preset, options, recipe.input_size, self.results, views, which)
        return cost, cost.measurement(network)

    @property
    def differs(self) -> str:
        """What differs from the paper: in the method, and in this run."""
        told = [registry.method(self.method).differs]
        if self.as_is:
            _, options, _ = self.resolve()
            told.append(f"nothing was trained: the weights of {Path(str(options['weights'])).name} as they are")
        if self.training_share != 1:
            told.append(f"trained for {self.training_share:.3g} of the recipe's epochs")
        if self.preset == "paper" and self.calibration_share:
            told.append(
                f"{self.calibration_share:.0%} of the training identities are held out of training, where the papers "
                "train on all (--calibration 0 does)"
            )
        return "; ".join(told)

    @property
    def scoring(self) -> SweepSpec:
        """What is scored: the sweep, or the exits alone with the same bootstrap; and the extras, if they are asked."""
        return replace(self.sweep or SweepSpec(policies=()), extras=self.extras)

    @property
    def recipe_name(self) -> RecipeName:
        """Whose recipe it is: a method whose own is the shared one is trained once, by its own."""
        own = registry.method(self.method).presets[self.preset].recipe
        return "shared" if self.recipe == "shared" and own != SHARED_RECIPES[self.preset] else "own"

    def spec(self, dataset: str, fingerprint: str) -> RunSpec:
        """Identify the run on data of this name and content; precision ``auto`` is resolved for this machine."""
        method, options, recipe = self.resolve()
        return RunSpec(
            dataset=dataset,
            fingerprint=fingerprint,
            method=self.method,
            preset=self.preset,
            network=options,
            recipe_name=self.recipe_name,
            recipe=recipe,
            seed=self.seed,
            calibration_share=self.calibration_share,
            precision=resolve_precision(self.precision, self.device),
            weights_digest=_digest_of_file(str(options.get("weights", "none"))),
            option_defaults=method.option_defaults,
            loss_parts=self.ranks.world_size if self.loss_over == "device" else 1,
            as_is=self.as_is,
        )


def _read_option(name: str, value: str, read: Callable[[str], str]) -> str:
    """Read an option that may name a file, whose digest is checked where it carries one. Raises :class:`BenchError`."""
    try:
        if Path(value).is_file():
            verify(Path(value))
    except DamagedFile as problem:
        raise BenchError(
            f"{name}={value}: {problem}; put a whole copy in its place, or remove its last line if you changed it"
        ) from problem
    return read(value)


def _digest_of_file(weights: str) -> str:
    if weights in ("none", "imagenet"):
        return ""
    if not Path(weights).is_file():
        raise BenchError(f"no weights file at {weights}; --weights takes 'imagenet', 'none' or a file")
    with Path(weights).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
