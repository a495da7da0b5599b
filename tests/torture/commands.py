"""The commands that are tortured, and what each keeps: compared by value, times and provenance apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.data.synthped.folder import content_digest
from bench.digests import digest_of_file
from bench.files import read_json
from bench.inference.gallery import load_gallery
from bench.runs.records import read_records, records_under
from torture.place import Place

NOTHING, RUN, ALL = "nothing", "run", "all"
"""States: decoded images alone; with a finished run; with what every command keeps."""
SMALL = ("--data", "size=smoke", "--device", "cpu")
SMOKE = ("--preset", "smoke", *SMALL)
TIMES = ("seconds", "provenance", "at", "argv")
ANSWERS = ("kind", "exit_fractions", "macs", "rank-1", "mAP", "decisions_changed", "bits_changed")


@dataclass(frozen=True)
class Command:
    """A command: how it is typed, the state that it starts from, and what it keeps."""

    name: str
    arguments: Callable[[Place], list[object]]
    keeps: Callable[[Place], Any]
    state: str = RUN


def _where(place: Place) -> list[object]:
    return ["--results", place.results, "--cache", place.cache]


def _run(place: Place) -> list[object]:
    sweep = ("--budgets", 3, "--shuffles", 2, "--resamples", 20, "--policies", "gs,learned,ets")
    return ["run", "-m", "hashreid", "--budget-sweep", *sweep, "--calibration", 0.3, *SMOKE, *_where(place)]


def _search(place: Place) -> list[object]:
    study = ("--gallery", 100, "--seconds", 0, "--calibration", 0.3)
    return ["search", "-m", "hashreid", *study, *SMOKE, *_where(place)]


def without_times(value: Any) -> Any:
    """Leave out what differs between two runs of the same thing: when it was run, and how long it took."""
    if isinstance(value, dict):
        return {name: without_times(part) for name, part in value.items() if name not in TIMES}
    return [without_times(part) for part in value] if isinstance(value, list) else value


def _records(place: Place) -> Any:
    folder = place.run_folder()
    return [without_times(list(read_records(path))) for path in records_under(folder)], digest_of_file(
        folder / "weights.safetensors"
    )


def _study(place: Place) -> Any:
    (path,) = place.results.glob("search/*/*/study.json")
    study = read_json(path)
    return [study[name] for name in ("accuracy", "seeds", "gallery_size", "indexes", "evaluation")]


def _files(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): digest_of_file(path) for path in files}


def _answers(place: Place) -> Any:
    (path,) = place.results.glob("inference/*.json")
    record = read_json(path)
    return [{name: one[name] for name in ANSWERS} for one in record["contestants"]]


def _kept(place: Place) -> Path:
    return place.root / "kept.gallery"


def _gallery(place: Place) -> Any:
    gallery = load_gallery(_kept(place))
    codes = [codes.tobytes() for codes in gallery.codes]
    return codes, gallery.pids.tolist(), gallery.camids.tolist(), gallery.names, gallery.network


def _rendered(place: Place) -> str:
    (folder,) = (place.root / "rendered").glob("synthped-*")
    return content_digest(folder)


RUN_COMMAND = Command("run", _run, _records, NOTHING)
COMMANDS = (
    RUN_COMMAND,
    Command(
        "data make",
        lambda place: ["data", "make", "synthped", "--size", "smoke", "--cache", place.root / "rendered"],
        _rendered,
        NOTHING,
    ),
    Command("search", _search, _study),
    Command(
        "gallery build",
        lambda place: [
            "gallery",
            "build",
            "seed0",
            "--out",
            place.root / "kept.gallery",
            "--overwrite",
            *SMALL,
            *_where(place),
        ],
        _gallery,
    ),
    Command(
        "infer",
        lambda place: ["infer", "seed0", "--budget", 0.5, "--rounds", 1, "--busy", *SMALL, *_where(place)],
        _answers,
    ),
    Command(
        "export",
        lambda place: ["export", place.root / "all.csv", "--results", place.results],
        lambda place: (place.root / "all.csv").read_bytes(),
        ALL,
    ),
    Command(
        "report",
        lambda place: ["report", "--results", place.results, "--formats", "svg"],
        lambda place: _files(place.results / "report"),
        ALL,
    ),
)
"""In an order in which each finds what it reads."""


def verified(out: str) -> list[str]:
    """Read the files that ``bench verify --json`` found to be wrong."""
    return [finding["file"] for finding in json.loads(out)["findings"] if finding["wrong"]]
