"""Tables as LaTeX, for papers: rules of booktabs, numbers to the right."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bench.report.tables import Table, is_number

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "\N{MINUS SIGN}": "$-$",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{EM DASH}": "---",
    "\N{EN DASH}": "--",
    "\N{HORIZONTAL ELLIPSIS}": r"\ldots{}",
    "\N{NO-BREAK SPACE}": "~",
    "\N{GREEK SMALL LETTER LAMDA}": r"$\lambda$",
}
_TRANSLATION = str.maketrans(_SPECIAL)


def latex(table: Table) -> str:
    """Write a table to be put into a document that loads booktabs; a comment says what it was made of."""
    columns = [str(name) for name in table.shown.columns]
    lines = [
        f"% {_origin(table)}",
        r"% Needs \usepackage{booktabs}; a wide one also \resizebox{\linewidth}{!}{...} or a landscape page.",
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escaped(table.title)}. {escaped(table.note)}}}",
        rf"  \label{{tab:{re.sub(r'[^A-Za-z0-9-]+', '-', table.name)}}}",
        rf"  \begin{{tabular}}{{{''.join('r' if is_number(name) else 'l' for name in columns)}}}",
        r"    \toprule",
        f"    {_row(columns)}",
        r"    \midrule",
        *(f"    {_row(row)}" for row in table.shown.to_numpy().tolist()),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _origin(table: Table) -> str:
    """Which runs the numbers are from, where the table says so, and where all their digits are."""
    if not {"dataset", "run"} <= set(table.full.columns):
        return f"Made by bench report. In full: {table.name}.csv"
    measured = table.full[table.full["run"].fillna("") != ""]
    runs: dict[str, dict[str, None]] = {}
    for data, keys in zip(measured["dataset"], measured["run"], strict=True):
        runs.setdefault(str(data), {}).update(dict.fromkeys(key[:8] for key in str(keys).split()))
    listed = "; ".join(f"{data}, runs {' '.join(keys)}" for data, keys in runs.items())
    return _one_line(f"Made by bench report from the records of {listed}. In full: {table.name}.csv")


def escaped(text: str) -> str:
    """Write a text so that LaTeX sets it as it is."""
    return _one_line(text).translate(_TRANSLATION)


def _row(cells: Sequence[object]) -> str:
    # A cell that starts with a bracket would be taken for an option of the line end before it.
    texts = (escaped(str(cell)) for cell in cells)
    return " & ".join(f"{{[}}{text[1:]}" if text.startswith("[") else text for text in texts) + r" \\"


def _one_line(text: str) -> str:
    return re.sub(r"[\r\n]+", " ", text)
