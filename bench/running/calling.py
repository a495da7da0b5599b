"""How the first of several processes at one run calls the others to the stages that all share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.deadline import TimeIsUp
from bench.errors import BenchError
from bench.running.context import Calling, RunContext
from bench.running.request import RunRequest
from bench.spec import RunSpec


class OutOfStep(BenchError):
    """A process of a run is gone, or in another place than the others: none of them can go on."""


@dataclass(frozen=True)
class Call:
    """What the first process has the others do: a stage of a run, with what it reads, in limited time or not."""

    stage: str
    request: RunRequest
    spec: RunSpec
    limited: bool
    reads: tuple[Any, ...]


def calling(request: RunRequest) -> Calling:
    """Give what calls the other processes to the stages of a run."""

    @contextmanager
    def call(context: RunContext, stage: str, reads: tuple[Any, ...]) -> Iterator[None]:
        limited = context.deadline.seconds != math.inf
        try:
            context.fabric.broadcast(Call(stage, request, context.spec, limited, reads))
            yield
        except TimeIsUp:
            raise  # at which all stop together
        except BenchError as problem:
            raise OutOfStep(f"{problem} (the other processes of this run end, too)") from problem
        except RuntimeError as problem:
            if "onnection" not in str(problem) and "gloo" not in str(problem) and "NCCL" not in str(problem):
                raise
            raise OutOfStep(
                f"another process of this run is gone ({str(problem).splitlines()[0]}): what it said is above; the "
                "same command goes on from the last checkpoint"
            ) from problem

    return call
