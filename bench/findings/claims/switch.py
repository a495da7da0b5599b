"""Claims that something helps: the same method with and without it, tested at one exit over people and seeds."""

from __future__ import annotations

from bench.findings.claims.contract import Answer, Evidence, NotMeasured
from bench.findings.leads import LEVEL, exit_lead
from bench.findings.rounding import percent
from bench.findings.setups import Setup, settings_of


def switched(evidence: Evidence, method: str, option: str, on: object, off: object, exit_index: int) -> Answer:
    """Compare the two setups of a method that differ in one option of the network alone.

    Raises :class:`~bench.findings.claims.contract.NotMeasured` where there are no such two.
    """
    settings = [(setup, settings_of(setup.runs[0])) for setup in evidence.setups(method)]
    # A run of before there was the option is one with it on.
    switched_at = [(setup, own.pop(f"network.{option}", on), own) for setup, own in settings]
    without = [(setup, own) for setup, at, own in switched_at if at == off]
    for one, at, own in switched_at:
        for other, others in without:
            if at == on and own == others:
                return _answer(evidence, one, other, option, exit_index)
    raise NotMeasured


def _answer(evidence: Evidence, one: Setup, other: Setup, option: str, exit_index: int) -> Answer:
    name = one.exit_names[exit_index]
    found = exit_lead(evidence.section, one, other, exit_index, "mAP")
    if found is None:
        raise NotMeasured
    cells = [
        evidence.over_seeds("exits", "mAP", setup, exit=setup.exit_names[exit_index]).cells for setup in (one, other)
    ]
    interval = f"[{percent(found.low, signed=True)}, {percent(found.high, signed=True)}]"
    over = "people and seeds" if found.over_seeds else "people alone"
    verdict = "not told apart" if found.p >= LEVEL else "yes" if found.value > 0 else "no: it hurts"
    return Answer(
        "",
        f"{percent(found.value, signed=True)} points of mAP {interval} at {name} with it ({one.label} less "
        f"{other.label}, over {over})",
        f"{verdict} (p {'<' if found.p < LEVEL else '≥'} {LEVEL}, one test)",
        (*cells[0], *cells[1]),
    )
