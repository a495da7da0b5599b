"""How figures look: one look for every policy and method wherever it appears, legible without colour.

Colours are seaborn's colour-blind palette and its crest; each goes with a marker and a dash of its own. Names that the
tables below do not know take what is left over, in the order of their names, so that a plug-in needs no entry here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal, get_args

import seaborn
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from bench.findings.costs import CostScale

MOST_DECADES = 3e3
"""A logarithmic axis over more than this factor has ticks at powers of ten alone."""
COLUMN_INCHES = 3.5
PAGE_INCHES = 7.0
REFERENCE_COLOUR = "#6b6b6b"
"""Interpolation, hull and oracle: what is no policy is grey."""
DASHED = (0, (4, 2))
"""How lines of reference are dashed."""
OUTLINE = (withStroke(linewidth=2, foreground="white"),)
"""Of names beside points: legible over lines."""
WIDE = 10
"""Values that differ by more than this factor stand on a logarithmic axis, where that is allowed."""
LOOKS: dict[str, Any] = {
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "text.color": "black",
    "axes.labelcolor": "black",
    "xtick.color": "black",
    "ytick.color": "black",
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "figure.titlesize": 9,
    "figure.labelsize": 8,
    "axes.edgecolor": "black",
    "axes.spines.top": False,
    "axes.spines.right": False,
    # Nothing stands above a panel that its title would have to make way for: no search for the height of a title.
    "axes.titley": 1.0,
    "axes.linewidth": 0.7,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.3,
    "lines.markersize": 4,
    "lines.markeredgewidth": 0.6,
    "legend.frameon": False,
    "legend.handlelength": 2.8,
    "hatch.linewidth": 1.0,
    # Names may hold dollars: they are no formulas.
    "text.parse_math": False,
    "svg.fonttype": "none",
    # TrueType: publishers turn Type 3 fonts away.
    "pdf.fonttype": 42,
    # Without it the ids in an SVG are random, and the same records would give other bytes.
    "svg.hashsalt": "reid-budget-bench",
}


@cache
def settings() -> dict[Any, Any]:
    """Settings of matplotlib under which everything is drawn and saved: seaborn's white grid and the report's sizes."""
    return {**seaborn.axes_style("whitegrid"), **LOOKS}


Fill = Literal["full", "none", "left", "bottom", "right", "top"]
FILLS = get_args(Fill)


@dataclass(frozen=True)
class LineStyle:
    """Colour, marker and dash of one name; how markers are filled tells lines of one colour apart."""

    colour: str
    marker: str
    dash: Any
    fill: Fill = "full"
    """Of the marker: all, nothing, or one half."""

    def line(self) -> dict[str, Any]:
        """Arguments for a line without markers."""
        return {"color": self.colour, "linestyle": self.dash}

    def points(self) -> dict[str, Any]:
        """Arguments for markers, set off from what they lie on by a white rim, or white inside."""
        face, edge = {"full": (self.colour, "white"), "none": ("white", self.colour)}.get(self.fill, (self.colour,) * 2)
        half = {} if self.fill in ("full", "none") else {"fillstyle": self.fill, "markerfacecoloralt": "white"}
        return {"marker": self.marker, "markerfacecolor": face, "markeredgecolor": edge, **half}


COLOURS = tuple(seaborn.color_palette("colorblind").as_hex())
_PALETTE = list(COLOURS)
# Pink and yellow are too pale for lines on white: indigo and olive of Tol's muted scheme, made for the same purpose.
_PALETTE[6], _PALETTE[8] = "#332288", "#999933"
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (3, 1.2, 1, 1.2)), (0, (1.2, 1)), (0, (7, 1.5, 1, 1.5, 1, 1.5)))
# Grey comes last: it is the references'.
_ORDER = (0, 1, 2, 3, 4, 5, 9, 6, 8, 7)
_MARKERS = ("o", "s", "^", "D", "<", "v", ">", "p", "X", "P")
_SLOTS = tuple(
    LineStyle(_PALETTE[colour], _MARKERS[index], _DASHES[index % len(_DASHES)]) for index, colour in enumerate(_ORDER)
)
_POLICY_SLOTS = {
    "gs": 0,
    "qs": 1,
    "ets": 2,
    "ets+gs": 3,
    "entropy": 4,
    "random": 5,
    "learned": 7,
    "agreement": 6,
    "stability": 8,
}
_METHOD_SLOTS = {"hashreid": 0, "dare": 1, "branchynet": 2, "msdnet": 3, "ranet": 4, "hashreid-noexit": 6}


def policy_styles(names: Iterable[str]) -> dict[str, LineStyle]:
    """Give each policy its look."""
    return _assign({name: name for name in names}, _POLICY_SLOTS)


def method_styles(methods: Mapping[str, str]) -> dict[str, LineStyle]:
    """Give each setup its look, for a mapping of setup to method: a colour and a marker for each method.

    A method's further setups have other dashes, and markers that are empty or half filled.
    """
    of_method = _assign({method: method for method in methods.values()}, _METHOD_SLOTS)
    styles: dict[str, LineStyle] = {}
    for setup, method in sorted(methods.items()):
        earlier = sum(methods[other] == method for other in styles)
        styles[setup] = _further(of_method[method], earlier)
    return styles


def line_styles(names: Iterable[str]) -> dict[str, LineStyle]:
    """Give names that have no look of their own one each, in their order."""
    return {name: _SLOTS[index % len(_SLOTS)] for index, name in enumerate(names)}


def exit_colours(count: int) -> list[str]:
    """Colours of exits, first to last: dark to light, since exits have an order."""
    return list(seaborn.color_palette("crest_r", count).as_hex())


def _assign(names: Mapping[str, str], reserved: Mapping[str, int]) -> dict[str, LineStyle]:
    taken: dict[str, int] = {}
    for name, known_as in sorted(names.items()):
        slot = reserved.get(known_as)
        if slot is not None and slot not in taken.values():
            taken[name] = slot
    left = [slot for slot in range(len(_SLOTS)) if slot not in taken.values() and slot not in reserved.values()]
    left += [slot for slot in range(len(_SLOTS)) if slot not in taken.values() and slot not in left]
    left = left or list(range(len(_SLOTS)))
    styles = {name: _SLOTS[slot] for name, slot in taken.items()}
    for index, name in enumerate(sorted(set(names) - set(taken))):
        times, slot = divmod(index, len(left))
        styles[name] = _further(_SLOTS[left[slot]], times)
    return styles


def _further(style: LineStyle, times: int) -> LineStyle:
    """Give a further look in the same colour: another dash, and a marker that is filled otherwise."""
    dash = _DASHES[(_DASHES.index(style.dash) + times) % len(_DASHES)]
    return replace(style, dash=dash, fill=FILLS[(FILLS.index(style.fill) + times) % len(FILLS)])


class _Decades(LogLocator):
    """Ticks at 1, 2 and 5 in every power of ten; over many powers, for which that is too crowded, at 1 alone."""

    def tick_values(self, vmin: float, vmax: float) -> Any:
        """Give the ticks between two limits."""
        self.set_params(subs=(1.0,) if 0 < vmin * MOST_DECADES < vmax else (1.0, 2.0, 5.0))
        return super().tick_values(vmin, vmax)


def logarithmic(axes: Axes, which: Literal["x", "y"] = "x") -> None:
    """Make an axis logarithmic, and say so behind its label."""
    axes.set(**{f"{which}scale": "log"})
    axis: Axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(_Decades())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
    axis.set_minor_locator(NullLocator())
    axis.set_label_text(f"{axis.get_label_text()}, logarithmic")


def logarithmic_where_wide(
    axes: Axes, low: float, high: float, which: Literal["x", "y"] = "x", wide: float = WIDE
) -> bool:
    """Make an axis :func:`logarithmic` where values from ``low`` to ``high`` ask for it; gives whether they do."""
    if low > 0 and high > wide * low:
        logarithmic(axes, which)
        return True
    return False


def cost_axis(
    axes: Axes, low: float, high: float, scale: CostScale, *, what: str = "a query", may_be_logarithmic: bool = False
) -> None:
    """Set up the horizontal axis for costs, given in the scale; if it may, logarithmic where they are :data:`WIDE`."""
    axes.set_xlabel(scale.label(what))
    if may_be_logarithmic and logarithmic_where_wide(axes, low, high):
        axes.set_xlim(low / 1.15, high * 1.15)
        return
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    margin = 0.05 * (high - low) or 0.1 * high or 1.0
    axes.set_xlim(low - margin, high + margin)
