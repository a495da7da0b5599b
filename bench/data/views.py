"""Views of a stored image that an evaluation embeds: the centre, or ten crops whose embeddings are averaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from bench.errors import BenchError

if TYPE_CHECKING:
    from torch import Tensor

Views = Literal["centre", "ten-crop"]
VIEWS: tuple[Views, ...] = get_args(Views)
"""``centre``: the centre crop. ``ten-crop``: four corners and the centre, and the same mirrored (as DaRe's numbers)."""
VIEW_COUNTS: dict[Views, int] = {"centre": 1, "ten-crop": 10}
"""Number of network runs for one image: the factor on its cost."""


def cut_views(images: Tensor, size: tuple[int, int], views: Views) -> list[Tensor]:
    """Cut stored images (B, 3, H, W) to ``size`` (height, width): one (B, 3, height, width) for each view.

    Raises :class:`BenchError` as :func:`check_views` does.
    """
    check_views((images.shape[2], images.shape[3]), size, views)
    height, width = size
    spare_rows, spare_columns = images.shape[2] - height, images.shape[3] - width
    centre = (spare_rows // 2, spare_columns // 2)
    if views == "centre":
        corners = [centre]
    else:
        corners = [*((top, left) for top in (0, spare_rows) for left in (0, spare_columns)), centre]
    crops = [images[:, :, top : top + height, left : left + width] for top, left in corners]
    return crops if views == "centre" else [*crops, *(crop.flip(-1) for crop in crops)]


def check_views(stored: tuple[int, int], size: tuple[int, int], views: Views) -> None:
    """Raise :class:`BenchError` for ten crops of images that are stored at the network's input size.

    ``stored`` and ``size`` are (height, width) of the stored images and of the network's input.
    """
    height, width = size
    if views == "ten-crop" and tuple(stored) == tuple(size):
        raise BenchError(
            f"ten crops need images that are larger than the network's input of {height}×{width}: have them stored so "
            f"with --set resize={height * 9 // 8}x{width * 9 // 8} (which trains another network)"
        )
