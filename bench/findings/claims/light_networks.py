"""Claims of light networks without exits, HAN and CDNet: held to the numbers of their own tables."""

from __future__ import annotations

from bench.findings.claims.contract import NOT_MEASURED, Answer, Claim, Evidence, NotMeasured
from bench.findings.reported.papers import accuracies
from bench.findings.reported.values import Accuracy
from bench.findings.rounding import number

ROUNDED = 0.05
"""How far a ratio may be from one that is printed with one or two digits, as a share of it."""


def on_par_with_mlfn(evidence: Evidence) -> Answer:
    """Set HAN (Small) beside MLFN in HAN's Table 3."""
    small, mlfn = _row("HAN", "Table 3", "HAN (Small)"), _row("HAN", "Table 3", "MLFN (Chang et al. 2018b)")
    return _beside("HAN (Small)", small, "MLFN", mlfn, claimed=7)


def matches_resnet(evidence: Evidence) -> Answer:
    """Set HAN (Large) beside ResNet-50 in HAN's Table 6."""
    large = _row("HAN", "Table 6", "HAN (Large)", "msmt17")
    resnet = _row("HAN", "Table 6", "ResNet50 (He et al. 2016)", "msmt17")
    return _beside("HAN (Large)", large, "ResNet-50", resnet, claimed=1 / 0.18)


def fewer_parameters(evidence: Evidence) -> Answer:
    """Set CNet beside Auto-ReID in CDNet's Table 3, both trained from scratch."""
    cnet, auto = (_row("CDNet", "Table 3", name, recipe="from scratch") for name in ("CNet", "Auto-ReID"))
    if cnet.parameters is None or auto.parameters is None:
        raise NotMeasured
    fewer = float(auto.parameters.value / cnet.parameters.value)
    told = f"its own table: {number(fewer, 1)} times fewer parameters"
    return Answer(f"{told}; {_scores('CNet', cnet, 'Auto-ReID', auto)}", verdict=_verdict(fewer, 5))


def _beside(name: str, one: Accuracy, other_name: str, other: Accuracy, claimed: float) -> Answer:
    if one.cost is None or other.cost is None:
        raise NotMeasured
    cheaper = float(other.cost.value / one.cost.value)
    told = f"its own table: {number(100 / cheaper, 1)} % of the cost, {number(cheaper, 1)} times cheaper"
    return Answer(f"{told}; {_scores(name, one, other_name, other)}", verdict=_verdict(cheaper, claimed))


def _verdict(found: float, claimed: float) -> str:
    """Say whether a ratio comes to the claimed one, to the digits that the sentence gives."""
    agrees = abs(found - claimed) <= ROUNDED * claimed
    return f"{NOT_MEASURED}; its own table {'agrees' if agrees else 'says otherwise'}"


def _scores(name: str, one: Accuracy, other_name: str, other: Accuracy) -> str:
    told = [f"{who} {row.rank_1[-1]} / {row.mean_average_precision}" for who, row in ((name, one), (other_name, other))]
    return f"rank-1 / mAP {', '.join(told)} %"


def _row(source: str, place: str, printed: str, dataset: str = "market1501", recipe: str = "") -> Accuracy:
    """Find a printed row of single queries."""
    for row in accuracies():
        where = (row.source.name, row.place, row.printed, row.dataset, row.recipe, row.queries)
        if where == (source, place, printed, dataset, recipe, ""):
            return row
    raise NotMeasured


CLAIMS = (
    Claim(
        "han-mlfn",
        "HAN",
        "section 4.1",
        "HAN (Small) is on par with the recent art MLFN in re-id matching accuracy whilst simultaneously achieving an "
        "efficiency advantage of 7× cheaper inference",
        on_par_with_mlfn,
    ),
    Claim(
        "han-resnet",
        "HAN",
        "section 4.1",
        "HAN (Large) matches the accuracy performance of ResNet50 with merely 18% inference cost",
        matches_resnet,
    ),
    Claim(
        "cdnet-auto-reid",
        "CDNet",
        "section 4.2",
        "the rank-1 accuracy and mAP of CNet are better by 3.9% and 10.8%, respectively, on Market1501 with ∼5× fewer "
        "parameters",
        fewer_parameters,
    ),
)
