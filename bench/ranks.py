"""Which of the processes of one run this is: started by torchrun, by Slurm, or by the first of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from bench.errors import BenchError


@dataclass(frozen=True)
class Ranks:
    """``devices`` on each of ``nodes``, and the number of this process among all of them, from 0.

    ``started_by`` is who started all of them, torchrun or Slurm; nobody where the first of a node starts the others.
    """

    devices: int = 1
    nodes: int = 1
    rank: int = 0
    started_by: str = ""

    @property
    def world_size(self) -> int:
        """How many processes there are."""
        return self.devices * self.nodes

    @classmethod
    def find(cls, devices: int | None, nodes: int | None, environment: Mapping[str, str] = os.environ) -> Ranks:
        """Find the place of this process, from what was asked for and who started it.

        Raises BenchError where torchrun or Slurm started other numbers than were asked for, or the environment does not
        say which of several nodes this is and where the first one is.
        """
        found = _by_torchrun(environment) or _by_slurm(environment)
        if found is None:
            devices, nodes = devices or 1, nodes or 1
            if devices * nodes == 1:
                return cls()
            if nodes > 1:
                _check_nodes(nodes, environment)
            # The first process of a node starts the others, and tells them so.
            local = _number(environment, "LOCAL_RANK", devices)
            return cls(devices, nodes, _number(environment, "NODE_RANK", nodes) * devices + local)
        for name, asked, there in (("devices", devices, found.devices), ("nodes", nodes, found.nodes)):
            if asked not in (None, there):
                raise BenchError(
                    f"--{name} {asked}, and {found.started_by} started {there}: leave --{name} out, or make them equal"
                )
        return found


def _check_nodes(nodes: int, environment: Mapping[str, str]) -> None:
    """Without these, every node would take itself for the first one, and wait for the others in vain."""
    missing = [name for name in ("NODE_RANK", "MASTER_ADDR", "MASTER_PORT") if not environment.get(name)]
    if missing:
        raise BenchError(
            f"--nodes {nodes} without {', '.join(missing)} in the environment: on every node set NODE_RANK (0 to "
            f"{nodes - 1}), and MASTER_ADDR and MASTER_PORT (the first node's address, and a free port there); or "
            "start the command with torchrun or srun, without --nodes"
        )


def _number(environment: Mapping[str, str], name: str, of: int) -> int:
    """Read a number from 0 to ``of`` - 1; 0 where there is none."""
    text = environment.get(name) or "0"
    if not text.isdecimal() or int(text) >= of:
        raise BenchError(f"{name}={text} in the environment: expected a whole number from 0 to {of - 1}")
    return int(text)


def _by_torchrun(environment: Mapping[str, str]) -> Ranks | None:
    if "TORCHELASTIC_RUN_ID" not in environment:
        return None
    devices = int(environment["LOCAL_WORLD_SIZE"])
    return Ranks(devices, int(environment["WORLD_SIZE"]) // devices, int(environment["RANK"]), "torchrun")


def _by_slurm(environment: Mapping[str, str]) -> Ranks | None:
    """Within a step of srun alone: a batch script has tasks too, and is one process."""
    tasks = int(environment.get("SLURM_STEP_NUM_TASKS", 1))
    if tasks == 1 or "SLURM_PROCID" not in environment:
        return None
    nodes = int(environment.get("SLURM_STEP_NUM_NODES", 1))
    return Ranks(tasks // nodes, nodes, int(environment["SLURM_PROCID"]), "Slurm")
