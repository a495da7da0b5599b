"""What ``--workers`` and ``--resources`` ask for, read from their texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bench.deadline import read_duration
from bench.errors import BenchError, unknown_name

Kind = Literal["local", "ray", "slurm"]
LOCAL = re.compile(r"local:(\d+)")
RAY = re.compile(r"ray(://[^\s/:]+(:\d+)?)?")
RAY_PORT = 10001
"""Where a Ray cluster listens for clients from elsewhere, unless it was started with another port."""
FORMS = "local:N, ray, ray://HOST[:PORT] or slurm"
RESOURCES: Mapping[Kind, tuple[str, ...]] = {
    "local": ("cpus",),
    "ray": ("cpus", "gpus", "memory"),
    "slurm": ("cpus", "gpus", "memory", "time", "partition", "account", "qos", "constraint", "parallel"),
}
"""What can be asked for a run, by where it goes."""
LEAST_SECONDS = 600.0
"""Of a job: it stops some minutes before its end, and has to start first."""
NUMBERS = ("cpus", "gpus", "memory", "parallel")


@dataclass(frozen=True)
class Resources:
    """What a run is given: whole CPUs and GPUs, memory in GB, seconds; None or nothing where it was not said.

    ``parallel`` is how many jobs of an array run at once; the rest are words of Slurm.
    """

    cpus: int | None = None
    gpus: int | None = None
    memory_gb: int | None = None
    seconds: float | None = None
    parallel: int | None = None
    slurm: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str, kind: Kind) -> Resources:
        """Read ``cpus=4,gpus=1,time=2h``. Raises BenchError for what workers of this kind cannot be given."""
        numbers: dict[str, int] = {}
        words: dict[str, str] = {}
        seconds = None
        for part in filter(None, map(str.strip, text.split(","))):
            name, _, value = (one.strip() for one in part.partition("="))
            if name not in RESOURCES[kind]:
                raise unknown_name(f"resource of --workers {kind}", name, RESOURCES[kind])
            if name == "time":
                seconds = read_duration(value)
                if seconds < LEAST_SECONDS:
                    raise BenchError(f"a job takes at least 10 minutes, or it hardly gets on: --resources time={value}")
            elif name not in NUMBERS:
                if not value:
                    raise BenchError(f"--resources {name} takes a name of your cluster's: {name}=NAME, found {part!r}")
                words[name] = value
            elif value.isdecimal() and int(value) >= (name != "gpus"):
                numbers[name] = int(value)
            else:
                raise BenchError(f"--resources {name} takes a whole number, found {part!r}; memory is in GB")
        numbers = {"memory_gb" if name == "memory" else name: number for name, number in numbers.items()}
        return cls(**numbers, seconds=seconds, slurm=words)


@dataclass(frozen=True)
class WorkersAsked:
    """Where the runs of a grid go: ``count`` processes here, a Ray cluster at ``address``, or Slurm."""

    kind: Kind
    count: int = 0
    address: str = ""
    resources: Resources = Resources()

    @classmethod
    def read(cls, text: str, resources: str = "") -> WorkersAsked:
        """Read ``local:4``, ``ray``, ``ray://HOST:PORT`` or ``slurm``. Raises BenchError for anything else."""
        text = text.strip()
        if (found := LOCAL.fullmatch(text)) and int(found[1]):
            return cls("local", int(found[1]), resources=Resources.read(resources, "local"))
        if found := RAY.fullmatch(text):
            port = "" if not found[1] or found[2] else f":{RAY_PORT}"
            address = f"{text}{port}" if found[1] else ""
            return cls("ray", address=address, resources=Resources.read(resources, "ray"))
        if text == "slurm":
            return cls("slurm", resources=Resources.read(resources, "slurm"))
        raise BenchError(f"--workers takes {FORMS}, N being how many processes, found {text!r}")
