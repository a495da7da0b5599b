"""The results folder: a folder a run, every file written beside and renamed, with a digest of its content.

::

    results/runs/<dataset>/<method>-<preset>-seed<k>-<key>/
        spec.json               what identifies the run
        checkpoint.pt           while training goes on: the state to go on from
        weights.safetensors     the trained network
        training.json           losses of every epoch, and provenance
        retrieval_history.npz   retrieval statistics taken while training
        embeddings-centre-v2.npz  codes of every split at every exit, of one view of each image
        embeddings-extras-centre-v2.npz  codes that are no exits, where a search over them was asked for
        features-v2.npz         features of the first exit, where a policy reads them
        cost.json               the cost ledger
        table-<key>.npz         exit tables: test queries, and calibration identities
        pairs-centre-v2.npz     pairs of images by distance, for verification
        extra<i>-<key>.npz      tables of embeddings that are no exits, where they were asked for
        policy-<name>-<key>.npz  what a policy learned
        records-<key>.jsonl     results of one sweep: a header with provenance, a line a record, a count
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from bench import temporary
from bench.data.views import Views
from bench.digests import DamagedFile, ForeignFile, verify
from bench.errors import BenchError
from bench.files import AGAIN, SCHEMA_VERSION, read_json, write_json, writing
from bench.runs.records import records_under
from bench.spec import EVALUATION_VERSION


class FolderHeld(BenchError):
    """Another process is at work on the folder of a run."""


class Identified(Protocol):
    """What identifies a run: its names and its key."""

    @property
    def dataset(self) -> str:
        """Name of the data."""

    @property
    def key(self) -> str:
        """Hash of everything that the run's numbers depend on."""

    @property
    def folder_name(self) -> str:
        """Name of the run's folder."""

    def to_json(self) -> dict[str, Any]:
        """Give it as plain values."""


def trained_weights(training: Any) -> Any:
    """What tells a training of a run from another: the digest of its weights; of earlier versions, the whole record."""
    return training.get("weights", training) if isinstance(training, Mapping) else training


@dataclass(frozen=True)
class RunFolder:
    """Where one run keeps its files."""

    path: Path

    @classmethod
    def of(cls, results: Path, spec: Identified) -> RunFolder:
        """Say where the folder of a run is under a results folder, whether it is there or not."""
        return cls(results / "runs" / spec.dataset / spec.folder_name)

    def describe(self, spec: Identified) -> None:
        """Write what identifies the run, where that is not there and whole. Raises BenchError where it cannot be."""
        if self.spec.exists():
            with suppress(DamagedFile):
                read_json(self.spec)
                return
        with writing(f"results under {self.path}"):
            write_json(self.spec, {"schema": SCHEMA_VERSION, "key": spec.key, **spec.to_json()})

    @property
    def spec(self) -> Path:
        """What identifies the run."""
        return self.path / "spec.json"

    @property
    def begun(self) -> bool:
        """Whether anything is kept that the run would go on from: whole epochs, a trained network, or results."""
        return self.checkpoint.exists() or self.weights.exists() or bool(records_under(self.path))

    @property
    def checkpoint(self) -> Path:
        """State of a training that has not ended."""
        return self.path / "checkpoint.pt"

    @property
    def weights(self) -> Path:
        """The trained network."""
        return self.path / "weights.safetensors"

    @property
    def training(self) -> Path:
        """How training went."""
        return self.path / "training.json"

    @property
    def source(self) -> str:
        """Digest of the trained weights, which all that follows from them names.

        The training record tells it, also where the weights are not kept; of runs from before it did, the weights
        themselves. Empty where neither can be trusted: whoever reads them says so.
        """
        with suppress(OSError, DamagedFile):
            told = read_json(self.training).get("weights")
            return told if isinstance(told, str) else verify(self.weights)
        return ""

    @property
    def retrieval_history(self) -> Path:
        """Retrieval statistics taken while training."""
        return self.path / "retrieval_history.npz"

    def embeddings(self, views: Views) -> Path:
        """Codes of every split at every exit, of these views of the images."""
        return self.path / f"embeddings-{views}-v{EVALUATION_VERSION}.npz"

    def extra_embeddings(self, views: Views) -> Path:
        """Codes of every split that are no exits, of these views of the images, where a search was asked for."""
        return self.path / f"embeddings-extras-{views}-v{EVALUATION_VERSION}.npz"

    @property
    def features(self) -> Path:
        """Features of the first exit, for policies that read them."""
        return self.path / f"features-v{EVALUATION_VERSION}.npz"

    def pairs(self, views: Views) -> Path:
        """Accepted pairs of every exit, of these views of the images."""
        return self.path / f"pairs-{views}-v{EVALUATION_VERSION}.npz"

    def policy(self, name: str, key: str) -> Path:
        """Parameters of a policy that was fitted under an evaluation's key."""
        return self.path / f"policy-{name}-{key[:8]}.npz"

    @property
    def cost(self) -> Path:
        """The cost ledger."""
        return self.path / "cost.json"

    def table(self, split: str, key: str) -> Path:
        """Exit table of a split (``test`` or ``calibration``) under an evaluation's key."""
        return self.path / f"table-{split}-{key[:8]}.npz"

    def extra(self, index: int, key: str) -> Path:
        """Table of test queries for one of the embeddings beside the exits, under an evaluation's key."""
        return self.path / f"extra{index + 1}-{key[:8]}.npz"

    def records(self, key: str) -> Path:
        """Records of one sweep."""
        return self.path / f"records-{key[:8]}.jsonl"

    def check_weights(self, advice: str = AGAIN) -> None:
        """Compare the weights with those that the training record tells of; where that tells of none, pass.

        Raises ForeignFile, with the advice, where they are two, DamagedFile where the weights are not what was
        written, and OSError where they cannot be read.
        """
        found, told = verify(self.weights), self.source
        if found and told and found != told:
            raise ForeignFile(f"{self.weights} is of another training than the training.json beside it; {advice}")

    def check_records(self, path: Path, header: Mapping[str, Any]) -> None:
        """Compare the run and the training that the records at ``path`` tell of in their header with those kept here.

        What cannot be read of these passes. Raises ForeignFile where they are two.
        """
        told = {self.spec: header["run"], self.training: trained_weights(header.get("training"))}
        kept = dict(told)
        with suppress(DamagedFile):
            kept[self.spec] = read_json(self.spec).get("key")
        with suppress(DamagedFile):
            kept[self.training] = trained_weights(read_json(self.training))
        for file, what in ((self.spec, "run"), (self.training, "training")):
            if kept[file] != told[file]:
                raise ForeignFile(f"{path} tells of another {what} than the {file.name} beside it; {AGAIN}")

    def clear(self) -> None:
        """Remove everything that was computed, for a fresh start."""
        for file in self.path.iterdir():
            if file.is_file() and file not in (self.spec, self.path / ".lock"):
                file.unlink()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder against other processes at the same run; it is made where it is not there.

        Raises FolderHeld where another process holds it, and BenchError where nothing can be written there.
        """
        lock = FileLock(self.path / ".lock", timeout=0)
        with writing(f"results under {self.path}"):
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire()
            except Timeout:
                raise FolderHeld(
                    f"another process is at work on {self.path}; wait for it, or use other --results"
                ) from None
            # A process that writes here holds the lock: what is half written was left by one that was killed.
            temporary.clear(path for path in self.path.glob(".*") if temporary.BESIDE.fullmatch(path.name))
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def if_free(self) -> Iterator[bool]:
        """Hold the folder if that can be, and tell whether it is held.

        It is not where another process holds it, or nothing can be written there.
        """
        with ExitStack() as stack:
            held = os.access(self.path, os.W_OK)
            if held:
                try:
                    stack.enter_context(self.alone())
                except BenchError:
                    held = False
            yield held
