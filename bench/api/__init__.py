"""The suite from Python: the same runs as on the command line, nothing printed, results as values and DataFrames."""

from bench.api.choosing import choose
from bench.api.evaluating import evaluate
from bench.api.loading import load_runs
from bench.api.results import LoadedRuns, ScoredRun, Scores
from bench.api.running import run
from bench.api.sweeping import sweep

__all__ = ["LoadedRuns", "ScoredRun", "Scores", "choose", "evaluate", "load_runs", "run", "sweep"]
