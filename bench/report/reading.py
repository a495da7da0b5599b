"""What the numbers of a report cover and what they do not: the text that every reader of the page is given."""

from __future__ import annotations

import html
from collections.abc import Sequence

from bench.report.sections import Section

STATEMENTS = (
    "Cost: multiply-adds (MACs) a query, counted in convolutions, linear layers, matrix products, attention and "
    "recurrent layers up to the exit at which the query leaves; one multiply-add counts once, not twice as in FLOPs. "
    "Element-wise work (normalisation, activations, pooling) and matching with the gallery are not in these numbers.",
    "Requested cost is what a budget asks for, realised cost what the queries spent; curves stand at realised cost.",
    "Intervals: 95 %, from a bootstrap over test identities{draws}, since queries of one person are not independent. "
    "They cover the choice of test people. They cover neither the training seed nor the order of the queries.",
    "Gain: a policy less the straight line between neighbouring exits at the same realised cost, which is what sending "
    "each query by lot to one of those two would score. Both are redrawn with the same people: the interval is that of "
    "the difference. The policy random leaves by lot too, but at all exits, and so may lie below the line.",
    "Over random: a policy less what random exits score on average with the shares that spend the same realised cost, "
    "again paired.",
    "Several seeds: lines and their intervals are means at the same budget, thin lines the single seeds; how far those "
    "lie apart is in no interval. Tables have a row for each seed.",
    "Modes. Stream: queries come one by one, thresholds follow what was seen so far; means over several orders. "
    "Calibrated: thresholds from identities held out of training. Exact: the asked-for share of the test set itself "
    "leaves at each exit, which no deployed system can do; a reference.",
    "Oracle: the best that any rule could do within the budget if it knew the labels; for each metric on its own.",
    "Equal distances (usual with binary codes) count as the expectation over random order, unless a column says so.",
    "Average precision: the variant is named with each dataset. Step is the mean of the precisions at the true "
    "matches; trapezoid is the older Matlab evaluation's. Numbers of the two are not comparable.",
)


def reading_html(sections: Sequence[Section]) -> str:
    """Write the part of the page that says how to read it."""
    runs = [run for section in sections for setup in section.setups for run in setup.runs]
    sweeps = [file.header.get("sweep") or {} for run in runs for file in run.files]
    resamples = sorted({sweep["resamples"] for sweep in sweeps if isinstance(sweep.get("resamples"), int)})
    draws = f" ({' or '.join(f'{count:,}' for count in resamples)} draws)" if resamples else ""
    items = "".join(f"<li>{html.escape(statement.replace('{draws}', draws))}</li>" for statement in STATEMENTS)
    return (
        '<section aria-labelledby="reading"><h2 id="reading">How to read the numbers</h2>'
        f'<ul class="text">{items}</ul></section>'
    )
