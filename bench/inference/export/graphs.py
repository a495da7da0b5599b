"""One ONNX graph a step: what stops after an exit must be a graph of its own.

Control flow inside a graph is run badly or not at all by the engines, so the decision stays outside: the first graph
goes from images to exit 1, every other one from what its predecessor hands on to the next exit.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.errors import BenchError
from bench.files import replacing
from bench.inference.backends.backend import needed
from bench.inference.export.card import CardExit, ModelCard
from bench.inference.export.read_weights import Reading
from bench.networks import MultiExitNetwork, State, map_state, state_tensors
from bench.progress import SILENT, Reporter

EXAMPLE_BATCH = 2
"""Images that a step is traced with. A batch of 1 would be taken for a constant."""
LARGEST_BATCH = 4096
IMAGES = "images"
EMBEDDING = "embedding"
FEATURES = "features"


@dataclass(frozen=True)
class Traced:
    """One exported step: its graph, and the names of its tensors (:class:`bench.inference.export.card.CardExit`)."""

    model: Any
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    features: str = ""


class _Step(nn.Module):
    """A step as a function of plain tensors: those of the state before it, to the embedding and those after it.

    A step that is not the last also gives the features of the first exit, where it ends there and the network has them.
    """

    def __init__(self, network: MultiExitNetwork, exit_index: int, state: State, half: bool) -> None:
        super().__init__()
        self.network = network
        self.exit_index = exit_index
        self.state = state
        self.half_precision = half

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Run the step; the first also starts the network, the last hands nothing on."""
        state: State
        if self.exit_index == 0:
            images = tensors[0].half() if self.half_precision else tensors[0]
            state = self.network.start(images)
        else:
            remaining = iter(tensors)
            state = map_state(self.state, lambda _: next(remaining))
        state, embedding = self.network.step(state, self.exit_index)
        if self.exit_index == len(self.network.exits) - 1:
            return (embedding.float(),)
        features = _features(self.network, self.exit_index, state, embedding)
        # A copy: what is an output already cannot have a second name.
        extra = () if features is None else (features.float().clone(),)
        return (embedding.float(), *state_tensors(state), *extra)


def trace_steps(
    network: MultiExitNetwork, input_size: tuple[int, int], *, half: bool = False, reporter: Reporter = SILENT
) -> Iterator[Traced]:
    """Trace the steps of a network in evaluation mode, first to last, for inputs of ``input_size`` (height, width).

    The number of images is free, their size is fixed. ``half`` traces a network whose weights are float16 already:
    images and embeddings stay float32. Raises :class:`BenchError` where a step cannot be traced.
    """
    needed("onnx", "export", "export to ONNX")
    needed("onnxscript", "export", "export to ONNX")
    generator = torch.Generator().manual_seed(0)
    tensors = [torch.randn(EXAMPLE_BATCH, 3, *input_size, generator=generator)]
    inputs: tuple[str, ...] = (IMAGES,)
    state: State = None
    with reporter.task("exporting", len(network.exits), unit="steps") as task, torch.no_grad():
        for index, spec in enumerate(network.exits):
            before, last = state, index == len(network.exits) - 1
            with Reading() as reading:
                start = tensors[0].half() if half else tensors[0]
                state, embedding = network.step(network.start(start) if index == 0 else state, index)
                has_features = not last and _features(network, index, state, embedding) is not None
            step = _Step(reading.without_unread(network), index, before, half).eval()
            handed = [] if last else state_tensors(state)
            outputs = (EMBEDDING, *(f"state{index + 1}_{number}" for number in range(len(handed))))
            names = (*outputs, FEATURES) if has_features else outputs
            graph = _export(step, tensors, inputs, names, f"{spec.name} (step {index + 1})")
            yield Traced(graph, inputs, outputs, FEATURES if has_features else "")
            tensors, inputs = handed, outputs[1:]
            task.advance(status=spec.name)


def _features(network: MultiExitNetwork, exit_index: int, state: State, embedding: Tensor) -> Tensor | None:
    """Features (B, F) of the first exit, as a backend flattens them; None at other exits and without such features."""
    features = network.first_features(state, embedding) if exit_index == 0 else None
    return None if features is None else features.flatten(1)


def _export(step: _Step, tensors: Sequence[Tensor], inputs: Sequence[str], outputs: Sequence[str], what: str) -> Any:
    # Copies: two tensors of a state may share memory, and would be taken for one input.
    example = tuple(tensor.clone() for tensor in tensors)
    batch = torch.export.Dim("batch", min=1, max=LARGEST_BATCH)
    try:
        with _quiet():
            program = torch.onnx.export(
                step,
                example,
                input_names=list(inputs),
                output_names=list(outputs),
                dynamic_shapes=(tuple({0: batch} for _ in example),),
                dynamo=True,
                verbose=False,
            )
    except Exception as problem:  # the exporter raises errors of many types, none of its own
        reason = str(problem).strip().splitlines()[0][:300]
        raise BenchError(f"{what} cannot be exported to ONNX: {type(problem).__name__}: {reason}") from problem
    assert program is not None
    return program.model_proto


def save_graphs(folder: Path, steps: Sequence[Traced], card: ModelCard) -> ModelCard:
    """Write the graphs of all steps, each carrying the card as metadata; gives the card with their names."""
    import onnx

    exits = tuple(
        replace(exit_, file=f"step-{number}.onnx", inputs=step.inputs, outputs=step.outputs, features=step.features)
        for number, (exit_, step) in enumerate(zip(card.exits, steps, strict=True), start=1)
    )
    card = replace(card, exits=exits)
    for number, (exit_, step) in enumerate(zip(exits, steps, strict=True), start=1):
        step.model.producer_name, step.model.producer_version = "reid-budget-bench", card.suite_version
        onnx.helper.set_model_props(step.model, metadata(card, exit_, number))
        with replacing(folder / exit_.file) as beside:
            onnx.save_model(step.model, str(beside))
    return card


def metadata(card: ModelCard, exit_: CardExit, step: int) -> dict[str, str]:
    """Say in a graph what the card says beside it: a graph that is alone still tells what it takes and gives."""
    values = card.to_json()
    values["step"] = step
    values["exit"] = exit_.name
    values["step_order"] = [part.file for part in card.exits]
    for name in ("files", "options", "identities", "packages"):
        del values[name]
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the exporter tells its developers from the user."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
