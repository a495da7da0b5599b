"""A run whose network was trained again."""

import torch

from bench.files import read_json, write_json
from bench.inference.export.trained import read_trained
from bench.training.weights import save_weights


def train_again(folder):
    """Change one weight of a run, and tell so in its training record, as a second training does."""
    network = read_trained(folder).network
    with torch.no_grad():
        next(network.parameters()).add_(1e-3)
    write_json(folder.training, {**read_json(folder.training), "weights": save_weights(network, folder.weights)})
