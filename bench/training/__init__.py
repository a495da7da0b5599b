"""Training: recipe, loop, checkpoints, and the retrieval history."""
