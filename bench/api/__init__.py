"""The suite from Python: the same runs as on the command line, nothing printed, results as values and DataFrames."""

from bench.api.evaluating import evaluate
from bench.api.loading import load_runs
from bench.api.results import LoadedRuns, ScoredRun, Scores
from bench.api.running import run
from bench.api.sweeping import sweep

__all__ = ["LoadedRuns", "ScoredRun", "Scores", "evaluate", "load_runs", "run", "sweep"]
