import numpy as np

from bench.data.dataset import ImageSample
from bench.data.images import ImageStore
from bench.device import DeviceImages, open_device
from bench.networks import ExitSpec, MultiExitNetwork
from bench.training.retrieval_history import TrainingImages, measure_retrieval, measured_epochs


class FirstPixels(MultiExitNetwork):
    """Embeds an image as its first pixels: distances can be set by hand."""

    exits = (ExitSpec("exit 1", 3, "continuous"),)

    def start(self, images):
        return images

    def step(self, state, exit_index):
        return state, state[:, :, 0, 0]

    def outputs(self, images):
        raise NotImplementedError


def test_ten_ticks_end_with_the_last_epoch():
    assert measured_epochs(100) == (10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
    assert measured_epochs(20) == (2, 4, 6, 8, 10, 12, 14, 16, 18, 20)
    assert measured_epochs(3) == (1, 2, 3)
    assert measured_epochs(1) == (1,)


def test_ticks_by_hand(tmp_path):
    # value of the image, person, camera
    rows = [
        (10, 1, 1),  # nearest in other cameras: 12 (person 1): right; 11 is nearer but of its own camera
        (11, 2, 1),  # nearest in other cameras: 12 (person 1): wrong
        (12, 1, 2),  # nearest elsewhere: 11 (person 2): wrong
        (90, 3, 1),  # person 3 is seen by one camera alone: nothing to find
        (200, 2, 3),  # nearest elsewhere: 90 (person 3): wrong
    ]
    pixels = np.zeros((len(rows), 3, 4, 4), dtype=np.uint8)
    pixels[:, :] = np.array([row[0] for row in rows], dtype=np.uint8)[:, None, None, None]
    samples = tuple(ImageSample(tmp_path / str(i), pid, camid) for i, (_, pid, camid) in enumerate(rows))
    fabric = open_device("cpu", "float32")
    training = TrainingImages(
        images=DeviceImages(ImageStore(samples, pixels, ""), fabric),
        indices=np.arange(len(rows)),
        pids=np.array([row[1] for row in rows]),
        camids=np.array([row[2] for row in rows]),
        labels=np.array([0, 1, 0, 2, 1]),
    )
    assert measure_retrieval(FirstPixels(), training, fabric).tolist() == [1, 0, 0, -1, 0]


def test_a_tick_leaves_the_training_mode(tmp_path):
    network = FirstPixels().train()
    fabric = open_device("cpu", "float32")
    samples = tuple(ImageSample(tmp_path / str(i), i + 1, i + 1) for i in range(2))
    store = ImageStore(samples, np.zeros((2, 3, 4, 4), dtype=np.uint8), "")
    training = TrainingImages(DeviceImages(store, fabric), np.arange(2), np.arange(2), np.arange(2), np.arange(2))
    measure_retrieval(network, training, fabric)
    assert network.training
