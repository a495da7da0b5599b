"""Finished runs: found by name, told about, and set against each other."""
