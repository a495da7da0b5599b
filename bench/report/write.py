"""Write the whole report: figures, tables and the page, from the records under a results folder."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.cost.profiles import LATENCIES
from bench.counts import count_of
from bench.digests import without_digest
from bench.errors import BenchError
from bench.files import writing
from bench.findings.chosen import MOST_SETUPS, best_setups, left_out
from bench.findings.origin import origin_of_runs, run_origin
from bench.findings.sections import Section, sections, without_records
from bench.findings.setups import Setup
from bench.findings.table import Table
from bench.findings.text import file_name
from bench.inference.records import INFERENCES
from bench.progress import SILENT, Reporter
from bench.report.draw import Drawn, Job, drawing_jobs
from bench.report.kinds import (
    FIGURE_FORMATS,
    FORMATS,
    MAKING,
    Kind,
    broken_kinds,
    figures,
    leaving_out,
    tables,
    tables_of,
)
from bench.report.page import FigurePart, SectionPart, SetupPart, TablePart, page
from bench.report.pictures import Picture, picture_files, read_picture
from bench.report.studies import SCALES, STUDIES
from bench.report.tables.overview import overview
from bench.runs.few_people import few_people, few_resamples
from bench.runs.finished import Run
from bench.runs.held_out import few_held_out
from bench.runs.load import require_records
from bench.runs.load_filed import load_filed
from bench.temporary import folder_in

OF_MANY = ("svg",)
"""Formats of the figures of single setups where a section has more setups than are drawn and no format is asked for.

The page has them all the same. Most of the time that a report of hundreds of setups takes would go into files that
nobody opens.
"""
PARTS = ("section", "setup")
"""What the tables of a section's part of the page are of."""
MEASURED = (LATENCIES, STUDIES, INFERENCES, SCALES)
"""Kinds of measurements that are no runs."""


@dataclass(frozen=True)
class Report:
    """What was written: ``files`` in ``folder``, what was reported on, and remarks on records that were left out.

    ``sections`` tell of their setups and runs, without the records.
    """

    folder: Path
    files: tuple[Path, ...]
    sections: tuple[Section, ...]
    remarks: tuple[str, ...]

    @property
    def page(self) -> Path:
        """The page, to be opened in a browser."""
        return self.folder / "index.html"


def write_report(
    results: Path,
    out: Path,
    reporter: Reporter = SILENT,
    *,
    workers: int = 1,
    formats: Sequence[str] | None = None,
    pictures: bool = True,
    setups: int = MOST_SETUPS,
) -> Report:
    """Draw up the report on all runs under ``results`` and put it into ``out``; ``pictures`` of queries go into it too.

    Of a section with more than so many ``setups``, the best alone are drawn; its tables have all. Without ``formats``
    all are written, but for figures of single setups of such a section: these are SVG. The same records give the same
    bytes. A file takes its place only once all are made; files that the report did not make are left alone,
    and so are those of an earlier report that this one has no successor for. Raises BenchError where there are no
    records, and where ``out`` cannot be written.
    """
    latencies, broken_latencies = LATENCIES.records(results)
    studies, broken_studies = STUDIES.by_folder(results)
    inferences, broken_inferences = INFERENCES.records(results)
    scales, broken_scales = SCALES.by_folder(results)
    require_records(results)
    with writing(f"the report under {out}", "choose another --out"):
        out.mkdir(parents=True, exist_ok=True)
        with folder_in(out, MAKING) as temporary, load_filed(results, temporary, workers) as found:
            all_sections = sections(found, latencies, studies, inferences, scales)
            made = _Making(temporary, all_sections, formats, setups)
            made.remarks += [*found.remarks, *broken_latencies, *broken_studies, *broken_inferences, *broken_scales]
            made.remarks += [*_few(found.runs), *broken_kinds()]
            if remark := without_digest(path for kind in MEASURED for path in kind.paths(results)):
                made.remarks.append(f"latencies, searches and early exits: {remark}")
            with _set_aside(), drawing_jobs(made.drawn, made.jobs, workers) as figures_done:
                # Other processes draw by now.
                made.write_tables()
                made.take(figures_done, reporter)
            made.write_page(results if pictures else None)
            files = tuple(_move(made.folder, out, name) for name in sorted(made.names))
    return Report(out, files, tuple(map(without_records, all_sections)), tuple(made.remarks))


@contextmanager
def _set_aside() -> Iterator[None]:
    """Hide what is loaded from the cyclic collector: it would look through all runs again with every figure."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _few(runs: Sequence[Run]) -> list[str]:
    """Say which runs stand on few held-out queries, test people or resamples, those of one number together."""
    found = Counter(
        remark for told in (few_held_out, few_people, few_resamples) for run in runs if (remark := told(run.header))
    )
    return [f"{count_of(count, 'run')}: {remark}" for remark, count in found.items()]


def _move(source: Path, target: Path, name: str) -> Path:
    (target / name).parent.mkdir(parents=True, exist_ok=True)
    return (source / name).replace(target / name)


class _Making:
    """A report that is being made in a temporary folder: names of its files, its figures and tables, and remarks.

    ``drawn`` are the sections with those setups alone that are drawn, ``jobs`` the figures in the order of the page.
    Tables are by section and kind of what they are about.
    """

    def __init__(
        self, folder: Path, all_sections: Sequence[Section], formats: Sequence[str] | None, setups: int
    ) -> None:
        self.folder, self.sections = folder, all_sections
        self.drawn = [best_setups(section, setups) for section in all_sections]
        self.chosen = formats
        self.latex = formats is None or "tex" in formats
        self.names: list[str] = []
        self.remarks: list[str] = []
        self.figures: dict[tuple[int | None, int | None], list[FigurePart]] = {}
        self.tables: dict[tuple[int | None, str], list[TablePart]] = {}
        for part in ("figures", "tables", "drawn"):
            (folder / part).mkdir()
        stem, kinds = folder / "drawn", figures()
        self.jobs = [Job(kind, None, None, stem / kind.name, self._formats()) for kind in kinds if kind.of == "report"]
        self.jobs += [
            Job(kind, at, setup, stem / f"{at}-{setup}-{kind.name}", self._formats(at, setup))
            for at, section in enumerate(self.drawn)
            for setup in (None, *range(len(section.setups)))
            for kind in kinds
            if kind.of == ("section" if setup is None else "setup")
        ]

    def write_tables(self) -> None:
        """Write all tables."""
        kinds = tables()
        for at, section in ((None, None), *enumerate(self.sections)):
            for kind in kinds:
                if (kind.of == "report") == (section is None):
                    self.tables.setdefault((at, kind.of), []).extend(self._tables(kind, section))

    def take(self, figures_done: Iterable[tuple[int, list[Drawn], list[str]]], reporter: Reporter) -> None:
        """Take the figures as they are done; they are named in the order of the page, whichever is first."""
        done: list[list[Drawn]] = [[] for _ in self.jobs]
        with reporter.task("figures", len(self.jobs), unit="figures") as task:
            for index, of_job, remarks in figures_done:
                done[index] = of_job
                section, setup = self._about(self.jobs[index])
                about = setup.label if setup else section.title if section else "all data"
                self.remarks += [f"{about}: {remark}" for remark in remarks]
                task.advance(status=f"{self.jobs[index].kind.name}, {about}")
        for job, of_job in zip(self.jobs, done, strict=True):
            self.figures.setdefault((job.section, job.setup), []).extend(self._figure(job, one) for one in of_job)

    def write_page(self, results: Path | None) -> None:
        """Write the page; pictures are looked for under ``results``."""
        parts = []
        for at, (section, shown) in enumerate(zip(self.sections, self.drawn, strict=True)):
            setups = [
                SetupPart(
                    setup,
                    self.figures.get((at, which), ()),
                    self._pictures(results, setup),
                    [run_origin(run) for run in setup.runs],
                )
                for which, setup in enumerate(shown.setups)
            ]
            own, remark = self.figures.get((at, None), ()), self._few_are_drawn(at)
            if remark and self.chosen is None:
                written = ", ".join(OF_MANY).upper()
                remark += f" Figures of single setups are written as {written} alone, unless --formats names more."
            parts.append(SectionPart(section, remark, own, setups, *(self.tables.get((at, of), ()) for of in PARTS)))
        runs = self._table(overview(self.sections))
        across = self.figures.get((None, None), ()), self.tables.get((None, "report"), ())
        self._text("index.html", page(runs, parts, self.remarks, *across))

    def _formats(self, section: int | None = None, setup: int | None = None) -> list[str]:
        """Formats of a figure's files."""
        many = section is not None and setup is not None and bool(self._few_are_drawn(section))
        chosen = (OF_MANY if many else FORMATS) if self.chosen is None else self.chosen
        return [name for name in FIGURE_FORMATS if name in chosen]

    def _few_are_drawn(self, section: int) -> str:
        """Say that not all setups of a section are drawn, where it is so."""
        return left_out(self.sections[section], self.drawn[section])

    def _about(self, job: Job) -> tuple[Section | None, Setup | None]:
        if job.section is None:
            return None, None
        section = self.drawn[job.section]
        return section, None if job.setup is None else section.setups[job.setup]

    def _figure(self, job: Job, drawn: Drawn) -> FigurePart:
        section, setup = self._about(job)
        if setup is None and (remark := self._left_out(job)):
            drawn = replace(drawn, caption=f"{drawn.caption} {remark}")
        about = (section.slug, setup.file_name if setup else "") if section else ()
        stem = file_name(*about, ending=job.kind.name) if about else job.kind.name
        if drawn.part:
            stem = file_name(stem, drawn.part)
        # Names are made of names that may hold hyphens themselves: two figures must not become one file.
        taken = (stem, *(f"{stem}-{copy}" for copy in range(1, len(self.names) + 1)))
        free = next(one for one in taken if f"figures/{one}.{next(iter(drawn.files), '')}" not in self.names)
        links = {ending: f"figures/{free}.{ending}" for ending in drawn.files}
        for ending, path in drawn.files.items():
            path.rename(self.folder / links[ending])
        self.names += links.values()
        setups = [setup] if setup else section.setups if section else ()
        runs = [run for one in setups for run in one.runs]
        # A figure of the whole report says itself which of the runs it shows.
        return FigurePart(drawn, links, f"{drawn.origin} {origin_of_runs(runs) if section else ''}".strip())

    def _left_out(self, job: Job) -> str:
        """Say which setups a figure of a section, or of all, does not show."""
        if job.section is not None:
            return self._few_are_drawn(job.section)
        pairs = zip(self.sections, self.drawn, strict=True)
        return " ".join(f"{whole.title}: {said}" for whole, shown in pairs if (said := left_out(whole, shown)))

    def _tables(self, kind: Kind, section: Section | None) -> list[TablePart]:
        """Write the tables of a kind, on a section or on all; one that cannot be made costs a remark."""
        parts: list[TablePart] = []
        with leaving_out(f"table {kind.name} of {section.title if section else 'all data'}", self.remarks):
            for table in kind(self.sections) if section is None else tables_of(kind, section):
                parts.append(self._table(table, latex=kind.latex))
        return parts

    def _table(self, table: Table, *, latex: bool = False) -> TablePart:
        if not len(table):
            return TablePart(table, ())
        self._text(f"tables/{table.name}.csv", table.csv_parts())
        self._text(f"tables/{table.name}.md", table.markdown())
        if latex and self.latex:
            self._text(f"tables/{table.name}.tex", table.latex())
        return TablePart(table, ("csv", "md", *["tex"] * (latex and self.latex)))

    def _pictures(self, results: Path | None, setup: Setup) -> list[Picture]:
        """Read pictures; those that cannot be read cost a remark."""
        found = []
        for run, path in picture_files(results, setup) if results else ():
            try:
                found.append(read_picture(run, path))
            except BenchError as problem:
                self.remarks.append(f"left out: {problem}")
        return found

    def _text(self, name: str, parts: str | Iterable[str]) -> None:
        with (self.folder / name).open("w", encoding="utf-8", newline="\n") as file:
            file.writelines([parts] if isinstance(parts, str) else parts)
        self.names.append(name)
