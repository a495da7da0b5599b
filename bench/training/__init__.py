"""Training: recipe, loop, checkpoints, and the retrieval statistics kept along the way."""
