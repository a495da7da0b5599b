"""P×K sampling: every batch shows P identities with K images each (Hermans et al. 2017, section 2).

``MPerClassSampler`` of pytorch-metric-learning draws the same kind of batch, but it reads numpy's global generator and
shuffles its labels in place: a run resumed at epoch 40 would need the state of 39 epochs. It also draws identities
anew for every batch, so an epoch may leave some out. Here an epoch depends on its number alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.training.recipe import Recipe

IntArray = NDArray[np.int64]
SAMPLING_STREAM = 2
"""Separates these random numbers from others of the same seed."""


def identity_batches(labels: IntArray, recipe: Recipe, seed: int, epoch: int) -> list[IntArray]:
    """Batches of one epoch as indices into ``labels`` (N,): each (P·K,), the K images of an identity side by side.

    Over an epoch the counts of any two identities differ by at most one, and so do those of two images of one identity.
    Images repeat within a batch only where an identity has fewer than K images; the batch then shows all of them.
    Raises :class:`BenchError` where there are fewer than P identities.
    """
    per_batch, per_identity = recipe.identities_per_batch, recipe.images_per_identity
    labels = np.asarray(labels)
    order = np.argsort(labels, kind="stable")
    firsts = np.unique(labels[order], return_index=True)[1]
    images_of = np.split(order, firsts[1:]) if len(labels) else []
    if len(images_of) < per_batch:
        raise BenchError(
            f"a batch wants {per_batch} different identities, the training images show {len(images_of)}: lower "
            f"identities_per_batch to {len(images_of)} or less"
        )
    batches = recipe.batches_per_epoch or max(1, len(labels) // recipe.batch_size)
    generator = np.random.default_rng((SAMPLING_STREAM, seed, epoch))
    identities = _even_groups(len(images_of), per_batch, batches, generator)

    indices = np.empty((batches, per_batch, per_identity), dtype=np.int64)
    for identity, images in enumerate(images_of):
        shown = identities == identity
        indices[shown] = images[_even_groups(len(images), per_identity, int(shown.sum()), generator)]
    return list(indices.reshape(batches, per_batch * per_identity))


def _even_groups(items: int, group_size: int, groups: int, generator: np.random.Generator) -> IntArray:
    """Groups of items 0…items−1, (groups, group_size); the counts of two items differ by at most one.

    Items are dealt from shuffled decks, one deck after another. A group that continues in a new deck first takes the
    items that it holds least of, so items repeat within a group only where there are too few, and evenly.
    """
    dealt: list[int] = []
    while len(dealt) < groups * group_size:
        deck = generator.permutation(items)
        begun = len(dealt) % group_size
        if begun:
            held = np.bincount(dealt[-begun:], minlength=items)
            wanted = np.argsort(held[deck], kind="stable")[: group_size - begun]
            deck = np.concatenate([deck[wanted], np.delete(deck, wanted)])
        dealt.extend(deck.tolist())
    return np.array(dealt[: groups * group_size], dtype=np.int64).reshape(groups, group_size)
