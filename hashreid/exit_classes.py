"""Easy, skip or hard: classes of training images by their retrieval history (HashReID, section 3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

EASY, SKIP, HARD = 0, 1, 2
CLASSES = ("easy", "skip", "hard")
UNLABELLED = -1
"""An image without a match among the training images of other cameras."""
MOST_FLIPS_OF_EASY = 2
MOST_FLIPS_OF_HARD = 6


def exit_classes(
    retrieval_history: NDArray[np.int8], never_right: Literal["hard", "skip"] = "hard"
) -> NDArray[np.int64]:
    """Class (N,) of each training image by its retrieval history (T, N): 1 nearest image right, 0 wrong, −1 unknown.

    A flip is a change from one measurement to the next. More than six make an image *skip*; up to two make it *easy*,
    three to six *hard*. The paper names no class for an image that is wrong at the last measurement with at most two
    flips: here it is hard. ``never_right`` is the class of those among them whose nearest image was right at no
    measurement; *skip* takes up the introduction, where the third class is *impossible*.
    """
    flips = (np.diff(retrieval_history, axis=0) != 0).sum(axis=0)
    classes = np.full(retrieval_history.shape[1], HARD, dtype=np.int64)
    classes[(flips <= MOST_FLIPS_OF_EASY) & (retrieval_history[-1] == 1)] = EASY
    classes[flips > MOST_FLIPS_OF_HARD] = SKIP
    classes[(retrieval_history == 0).all(axis=0)] = CLASSES.index(never_right)
    classes[(retrieval_history < 0).any(axis=0)] = UNLABELLED
    return classes
