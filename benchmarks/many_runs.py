"""What the commands that read results take of a lab's folder: python benchmarks/many_runs.py --runs 300

Copies of kept runs are written under other seeds, or other settings, with keys and digests of their own, so that every
reader takes them for runs. Then each command is run in a process of its own: CPU seconds (user and system, of all its
processes), the most memory that one of its processes held, and what all of them together held at most (proportional
set size, sampled, Linux alone). Wall-clock seconds are printed too; they count on a quiet machine alone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from bench.files import read_json, write_json
from bench.runs.folder import RunFolder
from bench.runs.records import read_records, records_under, write_records
from bench.spec import digest

KEPT = Path(__file__).parent.parent / "results" / "comparison"
SHAPES = ("methods", "seeds", "settings")
"""What the copies differ in: seeds of all kept methods, seeds of one method, or a setting of one method."""
ONE_METHOD = "hashreid-demo"
SETTING = "ranking_weight"
SAMPLED_SECONDS = 1.0
"""Each sample stops what it looks at for a moment: more of them would slow what is measured."""


def write_runs(results: Path, count: int, shape: str) -> list[str]:
    """Write so many runs under ``results``; gives the names of their folders."""
    sources = [RunFolder(path) for path in sorted(KEPT.glob("runs/*/*")) if records_under(path)]
    if shape != "methods":
        sources = [source for source in sources if source.path.name.startswith(ONE_METHOD)][:1]
    read = {source.path: read_records(records_under(source.path)[0]) for source in sources}
    names = []
    for number, source in enumerate(islice(cycle(sources), count)):
        header, records = read[source.path]
        spec = dict(header["spec"])
        if shape == "settings":
            spec["network"] = {**spec["network"], SETTING: float(number)}
        else:
            spec["seed"] = number
        key = digest(spec)
        name = f"{spec['method']}-{spec['preset']}-seed{spec['seed']}-{key[:8]}"
        folder = RunFolder(results / "runs" / spec["dataset"] / name)
        write_json(folder.spec, {"schema": 1, "key": key, **spec})
        for path in (source.training, source.cost):
            if path.exists():
                write_json(folder.path / path.name, read_json(path))
        told = {name: value for name, value in header.items() if name not in ("type", "schema")}
        write_records(folder.records(digest([key])), {**told, "run": key, "spec": spec}, records)
        names.append(name)
    return names


def measured(command: list[str]) -> dict[str, Any]:
    """Run ``bench`` with these arguments; gives seconds and mebibytes. Raises SystemExit where it fails."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        code = "from bench.cli import main; main()"
        process = subprocess.Popen([sys.executable, "-c", code, *command], stdout=said, stderr=subprocess.STDOUT)
        together = [0.0]
        watch = threading.Thread(target=_watch, args=(process.pid, together), daemon=True)
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        watch.join()
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"bench {' '.join(command)} failed:\n{said.read().decode()}")
    return {
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "wall_seconds": time.perf_counter() - started,
        "largest_mib": usage.ru_maxrss / 1024,
        "together_mib": together[0] / 1024,
    }


def _watch(root: int, together: list[float]) -> None:
    """Note the most kibibytes that a process and its descendants hold at a time, until it ends."""
    while Path(f"/proc/{root}/smaps_rollup").exists():
        try:
            together[0] = max(together[0], sum(map(_kibibytes, _family(root))))
        except OSError:  # a process has ended in between
            continue
        time.sleep(SAMPLED_SECONDS)


def _family(process: int) -> Iterator[int]:
    yield process
    for thread in Path(f"/proc/{process}/task").iterdir():
        for child in (thread / "children").read_text(encoding="utf-8").split():
            yield from _family(int(child))


def _kibibytes(process: int) -> float:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith("Pss:"))


def main() -> None:
    """Write runs of each shape, and measure the commands that read them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--shapes", default=",".join(SHAPES), help="what the runs differ in, with commas")
    parser.add_argument("--commands", default="report,export,show,compare", help="with commas")
    parser.add_argument("--keep", type=Path, help="write the runs under this folder, and leave them there")
    arguments = parser.parse_args()
    print(f"{'runs differ in':<15}{'command':<9}{'CPU s':>8}{'wall s':>8}{'largest MiB':>13}{'together MiB':>14}")
    for shape in arguments.shapes.split(","):
        folder = arguments.keep / shape if arguments.keep else Path(tempfile.mkdtemp(prefix="many-runs-"))
        try:
            names = write_runs(folder, arguments.runs, shape)
            where = ["--results", str(folder)]
            commands = {
                "report": ["report", *where, "--out", str(folder / "report")],
                "export": ["export", str(folder / "all.csv"), *where],
                "show": ["show", names[-1], *where],
                "compare": ["compare", names[0], names[-1], *where],
            }
            for name in arguments.commands.split(","):
                found = measured(commands[name])
                numbers = f"{found['cpu_seconds']:>8.1f}{found['wall_seconds']:>8.1f}"
                print(
                    f"{shape:<15}{name:<9}{numbers}{found['largest_mib']:>13.0f}{found['together_mib']:>14.0f}",
                    flush=True,
                )
        finally:
            if not arguments.keep:
                shutil.rmtree(folder)


if __name__ == "__main__":
    main()
