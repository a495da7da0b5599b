"""``bench show``: one run, from what its folder keeps."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from bench.cli.options import ResultsOption
from bench.cli.outcome import data_name, of_kind, show_exits, show_policies, show_verification
from bench.cli.terminal import ERR, OUT, printable, show_table, show_values
from bench.counts import NOTHING, count_of

COMMIT_DIGITS = 12
RunArgument = Annotated[
    str, typer.Argument(help="A run: any part of its folder's name, first digits of its key, or a path to its folder.")
]


def show_command(
    run: RunArgument,
    results: ResultsOption = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
) -> None:
    """Show a run: what was run and where, how training went, its results, and which files are kept."""
    # Here, not at the top: help should not wait for pandas.
    from bench.runs.finding import find_run, read_run
    from bench.runs.summary import summarise_run

    kept = read_run(find_run(results, run))
    summary = summarise_run(kept)
    if as_json:
        typer.echo(json.dumps(summary, indent=1, allow_nan=False))
        return
    _show_what_was_run(summary)
    _show_provenance(summary["provenance"])
    _show_training(summary)
    if kept.scored:
        found = kept.scored[0].shown
        OUT.print()
        show_exits(f"Exits on {data_name(found)}", found)
        if of_kind(found, "policy"):
            OUT.print()
            show_policies(found)
        show_verification(found)
    _show_files(summary)
    for remark in summary["remarks"]:
        ERR.print(f"[yellow]remark:[/yellow] {escape(printable(remark))}", soft_wrap=True)


def worded(value: Any) -> str:
    """Write a value of a spec: lists with commas, hashes short, and a dash where there is none."""
    from bench.spec import shortened  # not at the top: help should not wait for it

    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(map(worded, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else printable(shortened(value)) or "none"


def counted(value: Any) -> str:
    """Write a number of things with commas, and what is none as it is."""
    return f"{value:,}" if isinstance(value, int | float) else worded(value)


def described_code(code: Mapping[str, Any]) -> str:
    """Name the version of the code: the commit and whether files had been changed, or else the package's version."""
    if not code.get("commit"):
        return f"version {worded(code.get('package'))}, no checkout"
    dirty = code.get("dirty")
    state = "changes unknown" if dirty is None else "with changes" if dirty else "clean"
    return f"{str(code['commit'])[:COMMIT_DIGITS]}, {state}"


def _show_what_was_run(summary: Mapping[str, Any]) -> None:
    spec = summary["spec"]
    OUT.print(f"[bold]{escape(summary['name'])}[/bold]")
    OUT.print(f"[dim]{escape(printable(summary['folder']))}[/dim]", soft_wrap=True)
    about = {name: summary["about"][name] for name in ("summary", "paper") if summary["about"].get(name)}
    _show_group("Method", {**about, **spec["method"]})
    data = {name: value for name, value in spec["data"].items() if name != "counts"}
    counts = spec["data"].get("counts") or {}
    data |= {"counts": ", ".join(f"{counted(count)} {what}" for what, count in counts.items())} if counts else {}
    _show_group("Data", data)
    _show_group("Recipe", spec["recipe"])
    _show_group("Evaluation", {name: value for name, value in spec["evaluation"].items() if name != "sweep"})
    _show_group("Sweep", spec["evaluation"]["sweep"])


def _show_provenance(provenance: Mapping[str, Mapping[str, Any]]) -> None:
    trained, scored = (_provenance_lines(provenance[part]) for part in ("training", "results"))
    _show_group("Trained", trained)
    # What is as it was in training need not be read twice.
    changed = {name: value for name, value in scored.items() if trained.get(name) != value}
    _show_group("Scored" if not trained else "Scored (what was not as in training)", changed)


def _provenance_lines(provenance: Mapping[str, Any]) -> dict[str, str]:
    if not provenance:
        return {}
    packages = provenance.get("packages") or {}
    machine = [provenance.get(name) for name in ("processor", "system")]
    lines = {
        "date": _date(str(provenance.get("at", ""))),
        "commit": described_code(provenance.get("code") or {}),
        "device": _joined([provenance.get("device"), provenance.get("precision")]),
        "machine": _joined(machine)
        + (f", {count_of(provenance['threads'], 'thread')}" if "threads" in provenance else ""),
        "packages": ", ".join(f"{name} {version}" for name, version in packages.items() if version),
        "python": worded(provenance.get("python")),
        "command": shlex.join(map(str, provenance.get("argv") or ())),
    }
    return {name: line for name, line in lines.items() if line and line != NOTHING}


def _show_training(summary: Mapping[str, Any]) -> None:
    training = summary["training"]
    lines: dict[str, str] = {}
    if training:
        wanted = summary["spec"]["recipe"].get("epochs")
        lines["epochs"] = f"{worded(training.get('epochs'))} of {worded(wanted)}"
        seconds = training.get("seconds")
        lines["time"] = str(timedelta(seconds=round(seconds))) if isinstance(seconds, int | float) else NOTHING
        if "images" in training:
            lines["images"] = f"{counted(training['images'])} of {counted(training.get('identities'))} identities"
        losses = training["last_losses"]
        lines["last losses"] = ", ".join(f"{name} {worded(value)}" for name, value in losses.items()) or NOTHING
    for policy, learned in summary["learned"].items():
        if learned:
            counts = ", ".join(f"{counted(value)} {what}" for what, value in learned.items())
            lines[f"{policy} learned from"] = counts
    _show_group("Training", lines)


def _show_files(summary: Mapping[str, Any]) -> None:
    sweeps = {sweep["file"]: sweep for sweep in summary["sweeps"]}
    rows = []
    for file in summary["files"]:
        what = file["what"]
        if file["name"] in sweeps:
            sweep = sweeps[file["name"]]
            swept = (
                f"{count_of(len(sweep['policies']), 'policy')} in {', '.join(sweep['thresholdings'])}"
                if sweep["policies"]
                else "exits"
            )
            what = f"{what}: {swept}" + (", shown above" if file["name"] == summary["shown"] else "")
        rows.append([printable(file["name"]), size_text(file["bytes"]), what])
    total = sum(file["bytes"] for file in summary["files"])
    OUT.print()
    show_table(f"Files, {size_text(total)}", ["file", "size", "what it is"], rows, texts=["what it is"])
    if summary["missing"]:
        OUT.print("[bold]Missing[/bold]")
    for line in summary["missing"]:
        OUT.print(f"  {escape(line)}", soft_wrap=True)


def _show_group(title: str, values: Mapping[str, Any]) -> None:
    if values:
        OUT.print()
        show_values(title, {name: worded(value) for name, value in values.items()})


def _joined(values: Iterable[Any]) -> str:
    return ", ".join(str(value) for value in values if value)


def _date(at: str) -> str:
    try:
        return f"{datetime.fromisoformat(at):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return at


def size_text(count: int) -> str:
    """Write a number of bytes: ``12.3 MB``."""
    for size, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"
