"""What every table of a report must keep: numbers in full as CSV, texts for people, and the same again."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from bench.findings.sections import Section
from bench.findings.table import Table
from bench.testing.invented_report import check_kind, invented_sections, kind_of, subjects

__all__ = [
    "invented_sections",
    "made",
    "test_columns_are_for_people",
    "test_files_have_names_of_their_own",
    "test_table_is_made_the_same_again",
    "test_table_says_what_it_is",
    "test_the_csv_holds_every_row",
]


@pytest.fixture(scope="module")
def made(table_name: str, invented_sections: tuple[Section, ...]) -> list[Table]:
    """Make a table of every subject that it has."""
    kind = kind_of("table", table_name)
    found = [table for about in subjects("table", kind, invented_sections) for table in kind(*about)]
    if not any(map(len, found)):
        pytest.skip("has no rows on exits and sweeps alone")
    return found


def test_table_says_what_it_is(table_name: str) -> None:
    """Name, where it stands, and a function that is there."""
    check_kind("table", table_name)


def test_files_have_names_of_their_own(table_name: str, made: list[Table]) -> None:
    """Each has a title, a note and another name; of a section, the name begins with the section's."""
    names = [table.name for table in made]
    assert len(set(names)) == len(names)
    assert all(table.title and table.note for table in made)
    if kind_of("table", table_name).of == "setup":
        assert all("setup" in table.rows for table in made if len(table)), "the page shows the rows of each setup"


def test_columns_are_for_people(made: list[Table]) -> None:
    """Headings differ, and every cell has a text that is not NaN."""
    for table in made:
        headings = [column.heading for column in table.columns]
        assert len(set(headings)) == len(headings)
        cells = table.shown.to_numpy().ravel()
        assert not {cell for cell in cells if cell.strip() in ("", "nan", "None")}, table.title


def test_the_csv_holds_every_row(made: list[Table]) -> None:
    """It reads back, a row for each."""
    for table in made:
        if len(table):
            read = pd.read_csv(io.StringIO(table.csv()))
            assert (len(read), list(read)) == (len(table), list(table.full))


def test_table_is_made_the_same_again(
    table_name: str, made: list[Table], invented_sections: tuple[Section, ...]
) -> None:
    """The same records give the same files."""
    kind = kind_of("table", table_name)
    again = [table for about in subjects("table", kind, invented_sections) for table in kind(*about)]
    assert [table.markdown() for table in again if len(table)] == [table.markdown() for table in made if len(table)]
