"""All records of runs in one table, whatever their kind."""

import pandas as pd


def all_rows(runs):
    """One row for each record of runs that hold them in tables."""
    return pd.concat([frame for run in runs for frame in run.frames.values()], ignore_index=True)
