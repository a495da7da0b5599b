"""What runs on the nodes of a Ray cluster."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.provenance import code_version
from bench.running.request import RunRequest
from bench.running.workers.events import Began, Event, Outcome, Telling
from bench.running.workers.work import do_run


class Mailbox:
    """An actor that keeps what tasks say until it is fetched."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def put(self, event: Event) -> None:
        """Take a word."""
        self.events.append(event)

    def take(self) -> list[Event]:
        """Give what came since the last time."""
        events, self.events = self.events, []
        return events


class _ToMailbox(Telling):
    def __init__(self, run: int, mailbox: Any) -> None:
        super().__init__(run)
        self.mailbox = mailbox

    def send(self, event: Event) -> None:
        """Send without waiting for an answer."""
        self.mailbox.put.remote(event)


@dataclass(frozen=True)
class Sender:
    """What a task must know of the process that sent it: its code, its folder, the mark in its results folder."""

    code: dict[str, Any]
    working_folder: str
    mark: str


def sees(place: Path) -> bool:
    """Whether a file is seen from here."""
    return place.exists()


def do_task(
    run: int, request: RunRequest, begun: bytes, sender: Sender, mailbox: Any, until: float, cpus: int
) -> Outcome:
    """Do a run where Ray has put it."""
    where = f"node {_node_name()}"
    telling = _ToMailbox(run, mailbox)
    telling.send(Began(run, where))
    if code_version() != sender.code:
        there, here = (_told(version) for version in (code_version(), sender.code))
        return Outcome(where, failed=f"{where} has {there} of this suite, and the command came from {here}")
    # Read once, when torch is loaded; later the number is set.
    os.environ["OMP_NUM_THREADS"] = str(cpus)
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(cpus)
    if Path(sender.working_folder).is_dir():
        os.chdir(sender.working_folder)
    seconds = until - time.time()
    if (request.results / sender.mark).exists():
        return do_run(request, telling, where, seconds)
    from bench.running.workers.carrying import do_carried

    if request.fresh:
        return Outcome(where, failed=f"{where} does not see {request.results}: --fresh is for folders that all see")
    return do_carried(request, begun, telling, where, seconds)


def _node_name() -> str:
    import ray

    context = ray.get_runtime_context()
    return f"{ray.util.get_node_ip_address()} ({context.get_node_id()[:6]})"


def _told(version: dict[str, Any]) -> str:
    changed = ", changed" if version["dirty"] else ""
    return f"version {version['package']}" + (f" at {version['commit'][:8]}{changed}" if version["commit"] else "")
