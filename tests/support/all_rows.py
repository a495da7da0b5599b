"""All records of runs in one table, whatever their kind."""

import pandas as pd


def all_rows(runs):
    """One row for each record of runs whose frames are given."""
    return pd.concat([frame for frames in runs for frame in frames.values()], ignore_index=True)
