"""One HTML page that stands alone: figures and tables inside, nothing fetched from elsewhere, no scripts."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bench.report.artists import Drawn
from bench.report.figures.kinds import ENDINGS
from bench.report.origin import origin_html
from bench.report.pictures import Picture
from bench.report.reading import reading_html
from bench.report.sections import Section, Setup
from bench.report.stylesheet import STYLESHEET
from bench.report.tables.table import Table, is_number

TITLE = "Budgeted inference in person re-identification"
MOST_ROWS = 30
"""A table of more rows is folded up."""


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure that was drawn, under the name that its files got; ``origin`` says what from."""

    name: str
    drawn: Drawn
    origin: str


@dataclass(frozen=True, eq=False)
class SetupPart:
    """What the page shows on one setup."""

    setup: Setup
    figures: tuple[Figure, ...]
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, eq=False)
class SearchPart:
    """What the page shows of one search study."""

    title: str
    figure: Figure
    tables: tuple[Table, ...]


@dataclass(frozen=True, eq=False)
class SectionPart:
    """What the page shows on one dataset under one evaluation: ``tables`` are cut into the setups' rows.

    ``whole_tables`` have all setups side by side; the first, of methods, has the papers' numbers with them where there
    are any on the dataset.
    """

    section: Section
    figures: tuple[Figure, ...]
    setups: tuple[SetupPart, ...]
    tables: tuple[Table, ...]
    whole_tables: tuple[Table, ...]
    searches: tuple[SearchPart, ...] = ()


def page(overview: Table, parts: Sequence[SectionPart], remarks: Sequence[str]) -> str:
    """Write the page."""
    links = [(f"data-{at}", part.section.title) for at, part in enumerate(parts, 1)]
    links += [("runs", "Runs"), ("reading", "How to read the numbers")]
    body = [
        _remarks(remarks),
        *(_section(part, at) for at, part in enumerate(parts, 1)),
        '<section aria-labelledby="runs">',
        '<h2 id="runs">Runs</h2>',
        _table(overview.shown, overview.title, overview.note, overview.name),
        f"<p>{_table_files(overview)}</p>",
        "</section>",
        reading_html([part.section for part in parts]),
    ]
    rendered = any(part.section.rendered for part in parts)
    subtitle = "Accuracy against multiply-adds for networks with early exits: methods, exit policies, budgets."
    if rendered:
        subtitle += " Data marked as rendered are drawn by a program; they show no real people."
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{TITLE}: report</title>\n<style>\n{STYLESHEET}\n</style>\n</head>\n<body>\n"
        '<a class="skip" href="#main">Skip to the results</a>\n'
        f'<header>\n<h1>{TITLE}</h1>\n<p class="quiet">{subtitle}</p>\n'
        f"{_navigation('Contents', links)}\n</header>\n"
        f'<main id="main">\n{chr(10).join(filter(None, body))}\n</main>\n'
        "<footer>Drawn from the records of the runs alone; the files beside this page hold every figure as SVG, "
        "PNG and PDF, and every table in full as CSV and rounded as Markdown and LaTeX.</footer>\n</body>\n</html>\n"
    )


def _section(part: SectionPart, at: int) -> str:
    section = part.section
    counts = ", ".join(f"{value} {name}" for name, value in sorted(section.counts.items()))
    evaluated = section.evaluated[0].upper() + section.evaluated[1:]
    lines = [f'<section aria-labelledby="data-{at}">', f'<h2 id="data-{at}">{html.escape(section.title)}</h2>']
    if section.rendered:
        lines.append(
            '<p class="notice">This dataset is rendered. Numbers on it compare methods with one another; they do not '
            "say how accurate a method is on photographs of people.</p>"
        )
    lines.append(f"<p>{html.escape(counts)}. {html.escape(evaluated)}.</p>")
    if len(part.setups) > 1:
        anchors = [(f"setup-{at}-{place}", one.setup.label) for place, one in enumerate(part.setups, 1)]
        lines.append(_navigation(f"Setups on {section.title}", anchors))
    lines.append("<h3>Methods compared</h3>")
    lines += [_figure(figure) for figure in part.figures]
    lines += [_table(table.shown, table.title, table.note, table.name) for table in part.whole_tables]
    for search in part.searches:
        lines += [f"<h3>Codes and search: {html.escape(search.title)}</h3>", _figure(search.figure)]
        lines += [_table(table.shown, table.title, table.note, table.name) for table in search.tables]
    for place, setup_part in enumerate(part.setups, 1):
        setup, anchor = setup_part.setup, f"setup-{at}-{place}"
        lines.append(f'<section aria-labelledby="{anchor}">')
        lines.append(f'<h3 id="{anchor}">{html.escape(setup.label)} <span class="quiet">({setup.seeds})</span></h3>')
        summary = str((setup.runs[0].header.get("method") or {}).get("summary") or "")
        lines.append(f"<p>{html.escape(summary)}</p>" if summary else "")
        drawn = [_figure(figure) for figure in setup_part.figures]
        lines += drawn[:1]
        for table in part.tables:
            rows = table.of_setup(setup)
            if len(rows):
                lines.append(_table(rows, table.title_of_setup(setup), table.note, f"{anchor}-table-{table.name}"))
        lines += [*drawn[1:], *map(_picture, setup_part.pictures), origin_html(setup), "</section>"]
    searched = (table for search in part.searches for table in search.tables)
    files = [_table_files(table) for table in (*part.whole_tables, *searched, *part.tables) if len(table.full)]
    lines += [
        f"<p>Tables, in full as CSV, rounded as Markdown and LaTeX: {'; '.join(files)}. "
        "All records as one flat CSV: <code>bench export</code>.</p>",
        "</section>",
    ]
    return "\n".join(filter(None, lines))


def _figure(figure: Figure) -> str:
    drawn = figure.drawn
    files = ", ".join(_link(f"figures/{figure.name}.{ending}", ending.upper()) for ending in ENDINGS)
    return (
        f'<figure><div class="scroll" role="group" tabindex="0" aria-label="{html.escape(drawn.title)}">'
        f"{drawn.element}</div><figcaption>{html.escape(drawn.caption)} ({files})"
        f"<details><summary>Provenance</summary><p>{html.escape(figure.origin)}</p></details></figcaption></figure>"
    )


def _picture(picture: Picture) -> str:
    return (
        f'<figure><div class="scroll" role="group" tabindex="0" aria-label="{html.escape(picture.title)}">'
        f'<img src="{picture.address}" alt="{html.escape(picture.description)}" width="{picture.width}"></div>'
        f"<figcaption>{html.escape(picture.caption)}</figcaption></figure>"
    )


def _table_files(table: Table) -> str:
    formats = (("CSV", "csv"), ("Markdown", "md"), ("LaTeX", "tex"))
    files = ", ".join(_link(f"tables/{table.name}.{ending}", name) for name, ending in formats)
    return f"{html.escape(table.title)} ({files})"


def _table(rows: pd.DataFrame, title: str, note: str, name: str) -> str:
    columns = [str(column) for column in rows.columns]
    kinds = [' class="number"' if is_number(column) else "" for column in columns]
    head = "".join(
        f'<th scope="col"{kind}>{html.escape(column)}</th>' for column, kind in zip(columns, kinds, strict=True)
    )
    lines = []
    for row in rows.to_numpy().tolist():
        first, *rest = (html.escape(str(value)) for value in row)
        cells = "".join(f"<td{kind}>{value}</td>" for value, kind in zip(rest, kinds[1:], strict=True))
        lines.append(f'<tr><th scope="row"{kinds[0]}>{first}</th>{cells}</tr>')
    anchor = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)
    table = (
        f'<div class="table"><div class="scroll" role="region" tabindex="0" aria-labelledby="{anchor}-caption"><table>'
        f'<caption id="{anchor}-caption">{html.escape(title)}</caption><thead><tr>{head}</tr></thead>\n<tbody>\n'
        + "\n".join(lines)
        + f'\n</tbody></table></div><p class="note">{html.escape(note)}</p></div>'
    )
    if len(lines) <= MOST_ROWS:
        return table
    return f"<details><summary>{html.escape(title)}: {len(lines)} rows</summary>{table}</details>"


def _navigation(label: str, links: Sequence[tuple[str, str]]) -> str:
    """List links to places on the page, each an anchor and a text."""
    items = "".join(f'<li><a href="#{anchor}">{html.escape(text)}</a></li>' for anchor, text in links)
    return f'<nav aria-label="{html.escape(label)}"><ul>{items}</ul></nav>'


def _remarks(remarks: Sequence[str]) -> str:
    if not remarks:
        return ""
    items = "".join(f"<li>{html.escape(remark)}</li>" for remark in remarks)
    return f'<div class="notice"><p><strong>Not everything was used.</strong></p><ul class="text">{items}</ul></div>'


def _link(target: str, text: str) -> str:
    return f'<a href="{html.escape(target)}">{html.escape(text)}</a>'
