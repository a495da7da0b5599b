"""Finished runs, one model: where they lie, found by name, read, summed up, set against each other, exported."""
