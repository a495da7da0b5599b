"""Several devices for one run: ``--devices``, ``--nodes``, and what the processes other than the first do."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Annotated

import typer

from bench.cli.terminal import ERR, OUT
from bench.errors import BenchError
from bench.ranks import Ranks
from bench.running.request import RunRequest

PANEL = "Devices"

DevicesOption = Annotated[
    int | None,
    typer.Option(min=1, rich_help_panel=PANEL, help="Devices of each node that share a run (default: 1)."),
]
NodesOption = Annotated[
    int | None,
    typer.Option(min=1, rich_help_panel=PANEL, help="Nodes that share a run; on each the command is started."),
]
LossOverOption = Annotated[
    str,
    typer.Option(
        rich_help_panel=PANEL,
        help="What the loss of a batch is over: the whole batch, or each device's part (device: another run).",
    ),
]


def ranks_of(devices: int | None, nodes: int | None, workers: str | None) -> Ranks:
    """Find which process of a run this is, and have all but the first be silent.

    Raises BenchError where several devices are asked for with ``--workers``, or others were started.
    """
    ranks = Ranks.find(devices, nodes)
    if ranks.world_size > 1 and workers is not None:
        raise BenchError("--workers gives each run to one worker, and --devices one run to several: leave out one")
    OUT.quiet = ERR.quiet = ranks.rank > 0
    if ranks.world_size > 1:
        # Read when torch is loaded: each process would say that all parameters are used.
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    return ranks


@contextmanager
def together(requests: Sequence[RunRequest]) -> Iterator[bool]:
    """Gather the processes of a run; in all but the first, do what it calls for, and give True: nothing is left to do.

    Raises BenchError where there are fewer devices, or a process cannot do its part.
    """
    if not requests or requests[0].ranks.world_size == 1:
        yield False
        return
    from bench.running.calling import OutOfStep
    from bench.running.team import dismiss, follow, gather_processes

    fabric = gather_processes(requests[0])
    if requests[0].ranks.rank > 0:
        try:
            follow(fabric, requests[0])
        except BenchError:
            ERR.quiet = False
            raise
        except RuntimeError:
            # The first process is gone, and has said why.
            raise typer.Exit(1) from None
        yield True
        return
    in_step = False
    try:
        yield False
        in_step = True
    except (BenchError, typer.Exit) as problem:
        in_step = not isinstance(problem, OutOfStep)
        raise
    finally:
        # Whatever else ends this process ends the others, too: they lose their connection.
        if in_step:
            with suppress(RuntimeError):
                dismiss(fabric)
