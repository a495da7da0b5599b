"""The HashReID network: four stages, a hash exit after each (sections 3.2 and 3.3 of the paper)."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from bench.encoders.encoder import Encoder
from bench.errors import BenchError
from bench.networks import ExitOutput, ExitSpec, MultiExitNetwork, State, sign


def strip_pool(maps: Tensor, strips: int) -> Tensor:
    """Average each of ``strips`` horizontal strips of maps (B, C, H, W): (B, strips × C), top strip first.

    Equation 2. The text says that the strips are pooled together to 1×1×256, the formula says ``concat``. This follows
    the formula; without it the strips would have no effect. Raises :class:`BenchError` where the strips do not divide
    the height.
    """
    if strips == 1:
        return maps.mean(dim=(2, 3))
    batch, channels, height, width = maps.shape
    if height % strips:
        raise BenchError(
            f"{strips} strips must divide the {height} rows of the first stage's map: choose an input height "
            f"that is a multiple of {4 * strips}, or other strips with --set strips=N"
        )
    return maps.view(batch, channels, strips, height // strips, width).mean(dim=(3, 4)).transpose(1, 2).flatten(1)


class HashExit(nn.Module):
    """A hash exit: pooled features (B, F) → code (B, bits), signs ±1 in evaluation and soft signs in training.

    ``hidden`` > 0: FC_hidden–BN–tanh–FC_bits–BN–sign (equation 3, exits 1 and 2). ``hidden`` = 0 with ``bits``
    equal to the features' width: BN–sign (equation 4, exits 3 and 4). ``hidden`` = 0 with another ``bits``:
    FC_bits–BN–sign, for the code lengths of Table 3.

    ``channels`` > 0 are those of maps that the encoder has not normalised (DenseNet's): ``activate`` normalises them.

    ``straight_through`` takes signs in training too, with the soft sign's gradient. ``hardness`` is the soft sign's
    steepness at zero.
    """

    def __init__(
        self, features: int, bits: int, hidden: int = 0, channels: int = 0, *, straight_through: bool = False
    ) -> None:
        super().__init__()
        self.straight_through = straight_through
        self.hardness = 1.0
        self.activate = nn.Sequential(*((nn.BatchNorm2d(channels), nn.ReLU(inplace=True)) if channels else ()))
        layers: list[nn.Module] = []
        if hidden:
            layers += [nn.Linear(features, hidden), nn.BatchNorm1d(hidden), nn.Tanh(), nn.Linear(hidden, bits)]
        elif bits != features:
            layers += [nn.Linear(features, bits)]
        self.projects = bool(layers)
        self.transform = nn.Sequential(*layers, nn.BatchNorm1d(bits))

    def forward(self, features: Tensor) -> Tensor:
        """Hash features (B, F) to a code (B, bits)."""
        return self.binarise(self.transform(features))

    def binarise(self, centred: Tensor) -> Tensor:
        """Turn centred values (B, bits) into a code: sign in evaluation, soft sign βx / (1 + β|x|) in training.

        β is ``hardness``. With ``straight_through`` the value is the sign and the gradient the soft sign's (Bengio et
        al., arXiv 1308.3432).
        """
        if not self.training:
            return sign(centred)
        # Not multiplied by 1: gradients would meet in another order, and kept runs would not come out again.
        soft = F.softsign(centred if self.hardness == 1 else self.hardness * centred)
        # The difference is exactly zero: values are exactly ±1.
        return sign(centred) + (soft - soft.detach()) if self.straight_through else soft


class HashReID(MultiExitNetwork):
    """HashReID on any encoder, of four stages in the paper.

    ``exit_stages`` are the stages, from 1, that end in an exit: all of them, or the last for HashReID−HE, the
    network without early exits. Stage 1 is pooled in ``strips``, the others globally. Exits 1 and 2 have a hidden layer
    and ``bits`` bits; later ones binarise their features directly, unless ``final_bits`` sets the last exit's length.

    ``straight_through`` and ``hardness`` are about the sign in training: :class:`HashExit`, :meth:`anneal`.
    """

    def __init__(
        self,
        encoder: Encoder,
        num_identities: int,
        *,
        exit_stages: tuple[int, ...] = (1, 2, 3, 4),
        strips: int = 4,
        hidden: int = 512,
        bits: int = 256,
        final_bits: int = 0,
        straight_through: bool = False,
        hardness: float = 1.0,
    ) -> None:
        super().__init__()
        self.hardness = hardness
        self.stem = encoder.stem
        # A step runs from one exit to the next: stages without an exit join the step that follows them.
        self.segments = nn.ModuleList(
            nn.Sequential(*encoder.stages[first:last]) for first, last in pairwise((0, *exit_stages))
        )
        self.views = nn.ModuleList(encoder.view(stage) for stage in exit_stages)
        self.exit_stages = exit_stages
        self.strips = strips
        heads, classifiers, aligners, exits = [], [], [], []
        for stage in exit_stages:
            width = encoder.widths[stage - 1] * (strips if stage == 1 else 1)
            length = bits if stage <= 2 else width
            last = stage == len(encoder.stages)
            if last and final_bits:
                length = final_bits
            raw = encoder.widths[stage - 1] if encoder.preactivated and not last else 0
            head = HashExit(width, length, hidden if stage <= 2 else 0, raw, straight_through=straight_through)
            heads.append(head)
            # Without bias, as the code is centred. Small weights: all identities start with nearly equal logits.
            classifier = nn.Linear(length, num_identities, bias=False)
            nn.init.normal_(classifier.weight, std=0.001)
            classifiers.append(classifier)
            aligners.append(nn.BatchNorm1d(width, affine=False) if head.projects else nn.Identity())
            exits.append(ExitSpec(f"exit {stage}", length, "binary"))
        self.heads = nn.ModuleList(heads)
        self.classifiers = nn.ModuleList(classifiers)
        self.aligners = nn.ModuleList(aligners)
        self.exits = tuple(exits)

    def start(self, images: Tensor) -> State:
        """Run the stem on images (B, 3, H, W)."""
        return self.stem(images)

    def step(self, state: State, exit_index: int) -> tuple[State, Tensor]:
        """Run the stages up to exit ``exit_index``, and its hash exit."""
        state = self.segments[exit_index](state)
        return state, self.heads[exit_index](self.pool(state, exit_index))

    def pool(self, state: State, exit_index: int) -> Tensor:
        """Pool the maps (B, C, H, W) of an exit to features (B, F)."""
        head = self.heads[exit_index]
        assert isinstance(head, HashExit)
        maps = head.activate(self.views[exit_index](state))
        return strip_pool(maps, self.strips if self.exit_stages[exit_index] == 1 else 1)

    def first_features(self, state: State, embedding: Tensor) -> Tensor:
        """Pooled features (B, F) of the maps (B, C, H, W) of the first exit."""
        return self.pool(state, 0)

    def outputs(self, images: Tensor, num_exits: int | None = None) -> list[ExitOutput]:
        """Outputs for training; extras: ``aligned``, the centred features for the ranking regulariser.

        And ``before_sign``, what the sign is taken of, at exits with layers between features and code.
        """
        state = self.start(images)
        outputs = []
        for index in range(len(self.exits[:num_exits])):
            head, classifier, aligner = self.heads[index], self.classifiers[index], self.aligners[index]
            assert isinstance(head, HashExit)
            state = self.segments[index](state)
            features = self.pool(state, index)
            centred = head.transform(features)
            code = head.binarise(centred)
            extras = {"aligned": aligner(features), "before_sign": centred} if head.projects else {"aligned": centred}
            outputs.append(ExitOutput(features, code, classifier(code), extras))
        return outputs

    def anneal(self, progress: float) -> None:
        """Make the soft sign harder as training goes on: its steepness rises from 1 to ``hardness``, geometrically.

        Continuation in the manner of HashNet (Cao et al., ICCV 2017), which does it with tanh.
        """
        for head in self.heads:
            assert isinstance(head, HashExit)
            head.hardness = self.hardness**progress

    @property
    def anneals(self) -> bool:
        """Whether the steepness of the sign rises at all."""
        return self.hardness != 1

    def classify(self, embedding: Tensor, exit_index: int) -> Tensor:
        """Logits (B, identities) of codes (B, dim) of an exit."""
        return self.classifiers[exit_index](embedding)
