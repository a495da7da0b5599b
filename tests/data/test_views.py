import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as reference

from bench.data.dataset import ImageSample
from bench.data.images import ImageStore
from bench.data.views import VIEW_COUNTS, VIEWS, check_views, cut_views
from bench.device import DeviceImages, open_device
from bench.errors import BenchError
from bench.networks import ExitSpec, MultiExitNetwork
from bench.retrieval.codes import unpack
from bench.retrieval.embed import embed_images

IMAGES = torch.randint(0, 256, (4, 3, 9, 7), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_ten_crops_are_those_of_torchvision():
    """Four corners, the middle, and all five mirrored: as sets, since their order does not matter to a mean."""
    ours = cut_views(IMAGES, (5, 3), "ten-crop")
    theirs = reference.ten_crop(IMAGES, [5, 3])
    assert len(ours) == VIEW_COUNTS["ten-crop"] == 10
    assert {view.numpy().tobytes() for view in map(torch.Tensor.contiguous, ours)} == {
        view.contiguous().numpy().tobytes() for view in theirs
    }


def test_the_middle():
    (view,) = cut_views(IMAGES, (5, 3), "centre")
    assert torch.equal(view, IMAGES[:, :, 2:7, 2:5])
    (whole,) = cut_views(IMAGES, (9, 7), "centre")
    assert torch.equal(whole, IMAGES)


def test_no_margin_no_ten_crops():
    check_views((9, 7), (9, 7), "centre")
    for size in ((9, 7), [9, 7]):
        with pytest.raises(BenchError, match="resize=10x7"):
            check_views((9, 7), size, "ten-crop")


class Pixels(MultiExitNetwork):
    """Embeds an image as its first pixel, as it is and as its sign."""

    exits = (ExitSpec("sign", 3, "binary"), ExitSpec("value", 3, "continuous"))

    def start(self, images):
        return images[:, :, 0, 0]

    def step(self, state, exit_index):
        return state, state if exit_index else torch.where(state > 0, 1.0, -1.0)

    def outputs(self, images):
        raise NotImplementedError


@pytest.mark.parametrize("views", VIEWS)
def test_embeddings_are_means_over_the_views_and_codes_their_majority(tmp_path, views):
    fabric = open_device("cpu", "float32")
    samples = tuple(ImageSample(tmp_path / str(index), 1, 1) for index in range(4))
    images = DeviceImages(ImageStore(samples, IMAGES.numpy(), ""), fabric, (5, 3))
    codes, values = embed_images(Pixels(), images, np.arange(4), fabric, views=views)
    from bench.data.augmentation import normalise

    pixels = torch.stack([normalise(view)[:, :, 0, 0] for view in cut_views(IMAGES, (5, 3), views)])
    np.testing.assert_allclose(values, pixels.mean(dim=0), rtol=1e-5, atol=1e-6)
    majority = np.where(np.sign(pixels.numpy()).sum(axis=0) > 0, 1, -1)
    assert (unpack(codes, 3) == majority).all()
