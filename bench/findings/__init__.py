"""What the records of all runs say together: sections, setups, curves, leads, claims, and what papers report."""
