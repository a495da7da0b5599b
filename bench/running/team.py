"""Several processes at one run: the first does the run, and calls the others to the stages that all share.

Only the first reads and writes results. The others wait until they are called, do their part of a stage, and wait
again.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from lightning_fabric import Fabric

from bench import registry
from bench.data.split import relabel
from bench.deadline import Deadline, TimeIsUp
from bench.device import open_device
from bench.errors import BenchError
from bench.networks import MultiExitNetwork
from bench.progress import SILENT
from bench.running.calling import Call
from bench.running.context import RunContext, Stores
from bench.running.matching import match_together
from bench.running.request import RunRequest
from bench.running.run import Opened
from bench.running.stages import embed_together, train_together


def gather_processes(request: RunRequest) -> Fabric:
    """Wait until all processes of a command are there; the first of a node starts those that nobody else has started.

    Raises BenchError where there are fewer devices than processes.
    """
    return open_device(request.device, "float32", request.ranks)


def dismiss(fabric: Fabric) -> None:
    """Tell the other processes that there is nothing more to do."""
    fabric.broadcast(None)


def follow(fabric: Fabric, mine: RunRequest) -> None:
    """Do what the first process calls for, until there is nothing more; ``mine`` says where data are for this process.

    Raises BenchError where this process cannot do its part.
    """
    while (call := fabric.broadcast(None)) is not None:
        try:
            _take_part(call, mine)
        except TimeIsUp:
            continue


def _take_part(call: Call, mine: RunRequest) -> None:
    if call.stage == "match":
        match_together(*call.reads)
        return
    asked, spec = call.request, call.spec
    request = replace(asked, precision=spec.precision, ranks=mine.ranks, results=mine.results)
    method = registry.method(spec.method)
    opened = Opened.of(request, SILENT)
    if opened.spec.fingerprint != spec.fingerprint:
        raise BenchError(f"process {mine.ranks.rank} has other images under {opened.dataset.root} than the first one")
    deadline = Deadline(float(2**31)) if call.limited else Deadline()
    context = RunContext.set_up(
        spec, method, Stores(*opened.stores), opened.folder, request.device, SILENT, deadline, mine.ranks
    )
    network = _network(context)
    if call.stage == "train":
        train_together(context, network)
    else:
        state, views, extras = call.reads
        network.load_state_dict(state)
        context.fabric.to_device(network).to(memory_format=torch.channels_last)
        embed_together(context, network, views, extras)


def _network(context: RunContext) -> MultiExitNetwork:
    """Build the network; its parameters come from the first process."""
    spec = context.spec
    options = {**spec.network, **({"weights": "none"} if "weights" in spec.network else {})}
    samples, _, _ = context.held_out()
    return context.method.build(options, int(relabel(samples).max()) + 1, spec.recipe.input_size)
