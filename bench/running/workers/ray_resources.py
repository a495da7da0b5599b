"""What each run is given on a Ray cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.counts import count_of
from bench.running.workers.asked import Resources

GIGABYTE = 10**9


def resources_of(asked: Resources, count: int, nodes: Sequence[dict[str, Any]], device: str) -> dict[str, Any]:
    """Say what each of ``count`` runs is given, in Ray's words: by default its part of the CPUs, and a GPU."""
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    cpus = asked.cpus
    if cpus is None:
        everything = sum(int(node.get("CPU", 0)) for node in alive)
        least = min((int(node["CPU"]) for node in alive if node.get("CPU", 0) >= 1), default=1)
        cpus = min(max(everything // max(count, 1), 1), least)
    gpus = asked.gpus
    if gpus is None:
        has_one = any(node.get("GPU", 0) for node in alive)
        gpus = int(device == "cuda" or (device == "auto" and has_one))
    memory = {} if asked.memory_gb is None else {"memory": asked.memory_gb * GIGABYTE}
    return {"num_cpus": cpus, "num_gpus": gpus, **memory}


def told(resources: dict[str, Any], nodes: Sequence[dict[str, Any]], shared: bool) -> str:
    """Say what each run is given, on what, and how results come back; and whether any node has as much."""
    cpus, gpus = resources["num_cpus"], resources["num_gpus"]
    text = f"{count_of(len(nodes), 'node')}; {count_of(cpus, 'CPU')}" + (
        f" and {count_of(gpus, 'GPU')}" if gpus else ""
    )
    text += " for each run; results "
    text += "are written to the folder that all see" if shared else "come back packed: not all nodes see the folder"
    words = {"CPU": cpus, "GPU": gpus, "memory": resources.get("memory", 0)}
    fits = any(all(node["Resources"].get(name, 0) >= least for name, least in words.items()) for node in nodes)
    return text if fits else f"{text}; no node that is there now has as much: runs wait for one"
