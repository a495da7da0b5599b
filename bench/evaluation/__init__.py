"""Embeddings of any network, from any code base, scored as a run of this suite is: no training, no image."""
