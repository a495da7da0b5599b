"""``bench data verify``: whether a dataset is what it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from bench import registry
from bench.cli.data import open_dataset
from bench.cli.options import CacheOption, DataOption, DataRootOption, DatasetArgument, settings_of
from bench.cli.terminal import OUT, TerminalReporter, printable, show_table
from bench.errors import BenchError

if TYPE_CHECKING:
    from bench.data.verify import Finding

CASES_SHOWN = 10
"""Cases listed under a check; the others are counted."""


def verify_command(
    name: DatasetArgument,
    data_root: DataRootOption = None,
    data: DataOption = None,
    cache: CacheOption = None,
) -> None:
    """Read a dataset, decode every image, and report what is wrong; ends with status 1 where something is."""
    # Here, not at the top: help should not wait for numpy.
    from bench.data.inspection import inspect_images
    from bench.data.verify import verify

    reporter = TerminalReporter()
    dataset = open_dataset(name, data_root, data, cache, reporter)
    official = registry.dataset(name).official(settings_of(data))
    samples = (*dataset.train, *dataset.query, *dataset.gallery)
    findings = verify(dataset, official, inspect_images((sample.path for sample in samples), reporter))
    columns = ["check", "", "found"]
    show_table(
        f"{printable(dataset.name)} in {printable(dataset.root)}",
        columns,
        [[finding.check, finding.state, finding.found] for finding in findings],
        texts=columns[1:],
    )
    for finding in findings:
        _show_cases(finding)
    wrong = [finding for finding in findings if finding.state == "wrong"]
    if wrong:
        raise BenchError(
            f"{dataset.name}: {len(wrong)} of {len(findings)} checks came out wrong; "
            f"the first is {wrong[0].check}: {wrong[0].found}"
        )


def _show_cases(finding: Finding) -> None:
    if not finding.cases:
        return
    OUT.print(f"[bold]{escape(finding.check)}[/bold] ({finding.state}): {escape(finding.found)}", soft_wrap=True)
    for case in finding.cases[:CASES_SHOWN]:
        OUT.print(f"  {escape(printable(case))}", soft_wrap=True)
    more = len(finding.cases) - CASES_SHOWN
    if more > 0:
        OUT.print(f"  … and {more:,} more")
