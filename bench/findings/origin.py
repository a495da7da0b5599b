"""Where numbers come from: code, machine, data and command of every records file."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.counts import count_of
from bench.findings.rounding import percent
from bench.runs.finished import RecordsFile, Run


def origin_line(keys: Iterable[str], provenances: Iterable[Mapping[str, Any]]) -> str:
    """Say in a sentence what a figure was drawn from: runs by their keys, code, machines and dates."""
    every = list(provenances)
    codes = dict.fromkeys(_code(_mapping(provenance.get("code"))) for provenance in every)
    machines = dict.fromkeys(
        ", ".join(str(provenance[name]) for name in ("device", "precision", "processor") if provenance.get(name))
        for provenance in every
    )
    dates = sorted({str(provenance["at"])[:10] for provenance in every if provenance.get("at")})
    parts = [
        ("runs", " ".join(dict.fromkeys(key[:8] for key in keys if key))),
        ("code", "; ".join(codes)),
        ("measured on", "; ".join(filter(None, machines))),
        ("date (UTC)", " to ".join(dict.fromkeys([*dates[:1], *dates[-1:]]))),
    ]
    return ". ".join(f"{name[0].upper()}{name[1:]}: {text}" for name, text in parts if text) + "."


def origin_of_runs(runs: Iterable[Run]) -> str:
    """:func:`origin_line` of what runs' records tell."""
    listed = list(runs)
    return origin_line((run.key for run in listed), (file.header["provenance"] for run in listed for file in run.files))


@dataclass(frozen=True)
class Origin:
    """Where one run's numbers are from: facts on the run, on each of its records files by name, and its spec."""

    title: str
    facts: Sequence[tuple[str, str]]
    files: Sequence[tuple[str, Sequence[tuple[str, str]]]]
    spec: str


def run_origin(run: Run) -> Origin:
    """Tell of a run all that its records say of where they are from."""
    facts = [
        ("run key", run.key),
        ("dataset", f"{run.spec['dataset']}, fingerprint {run.spec['fingerprint']}"),
        *_method(run.header.get("method") or {}),
        *_calibration(run.header.get("calibration")),
        ("cost of the sweep", f"{run.cost['name']}, in {run.cost['unit']}"),
        ("cost convention", str(run.header.get("cost_convention") or "not recorded")),
    ]
    return Origin(
        f"Provenance of seed {run.seed}, run {run.key[:8]}",
        facts,
        [(file.place, _provenance(file)) for file in run.files],
        json.dumps(run.spec, indent=1, sort_keys=True, ensure_ascii=False),
    )


def _method(method: Mapping[str, Any]) -> list[tuple[str, str]]:
    names = (("paper", "paper"), ("faithful", "as in the paper"), ("differs", "otherwise"))
    return [(label, str(method[name])) for name, label in names if method.get(name)]


def _calibration(calibration: Any) -> list[tuple[str, str]]:
    """How the exits do on identities held out of training, where there are some."""
    if not isinstance(calibration, Sequence) or isinstance(calibration, str):
        return []
    texts = []
    for entry in calibration:
        named = {str(name).replace("_", "-"): value for name, value in _mapping(entry).items()}
        scores = [(name, named[name]) for name in ("mAP", "rank-1") if isinstance(named.get(name), int | float)]
        if scores:
            shown = ", ".join(f"{name} {percent(value)} %" for name, value in scores)
            texts.append(f"{named.get('exit', 'exit')}: {shown}")
    return [("held-out identities", "; ".join(texts))] if texts else []


def _provenance(file: RecordsFile) -> list[tuple[str, str]]:
    provenance = file.header["provenance"]
    code = _mapping(provenance.get("code"))
    argv = provenance.get("argv")
    facts = [
        ("date (UTC)", provenance.get("at")),
        ("command", shlex.join(str(part) for part in argv) if isinstance(argv, list) else argv),
        ("code", f"{_code(code)}; package {code.get('package') or 'unknown'}"),
        ("versions", _listed(provenance.get("versions"))),
        ("device", f"{provenance.get('device')}, precision {provenance.get('precision')}"),
        ("processor", f"{provenance.get('processor')}; {count_of(provenance.get('threads') or 0, 'thread')}"),
        ("system", f"{provenance.get('system')}, Python {provenance.get('python')}"),
        ("packages", _listed(provenance.get("packages"))),
        ("sweep", _listed(file.header.get("sweep")) or "none: exits alone"),
    ]
    return [(name, str(value)) for name, value in facts if value]


def _code(code: Mapping[str, Any]) -> str:
    states = (("with changes that are not committed", True), ("clean", False))
    state = next((text for text, dirty in states if code.get("dirty") is dirty), "changes unknown")
    return f"commit {code.get('commit') or 'unknown'}, {state}"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _listed(values: Any) -> str:
    named = sorted(_mapping(values).items())
    return ", ".join(f"{name} {_plain(value)}" for name, value in named if value not in (None, []))


def _plain(value: Any) -> str:
    return " ".join(str(part) for part in value) if isinstance(value, list) else str(value)
