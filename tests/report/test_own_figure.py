"""A figure and a table of another package: the example of the docs is in the report, with one line of metadata each."""

import re
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

from bench.report.write import write_report

PAGE = Path(__file__).parents[2] / "docs" / "report.md"


def test_the_example_of_the_docs_is_drawn_and_written(write_run, figures_drawn, tmp_path, monkeypatch):
    text = PAGE.read_text(encoding="utf-8")
    (source,) = re.findall(r"```python\n(import pandas.*?)```", text, re.DOTALL)
    (metadata,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    package = tmp_path / "package"
    package.mkdir()
    (package / "own.py").write_text(source, encoding="utf-8")
    groups = tomllib.loads(metadata)["project"]["entry-points"]
    found = {
        group: [EntryPoint(name, value, group) for name, value in lines.items()] for group, lines in groups.items()
    }
    monkeypatch.syspath_prepend(package)
    monkeypatch.setattr("bench.report.kinds.entry_points", lambda group: found.get(group, []))
    figures_drawn()
    write_run()
    report = write_report(write_run.results, tmp_path / "report", formats=("svg",))
    names = {path.relative_to(report.folder).as_posix() for path in report.files}
    assert "figures/invented-code-lengths.svg" in names
    written = (report.folder / "tables" / "invented-code-lengths.csv").read_text()
    assert written.splitlines()[:2] == ["setup,exit,values", "hashreid demo,exit 1,256"]
    assert "Code lengths, invented (rendered)" in report.page.read_text()
