"""Whether intervals over test people stand on enough of them, and on enough resamples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FEW = 30
"""Of fewer test identities, intervals are too narrow by more than a point and a half of what they should hold."""
FEW_RESAMPLES = 39
"""Between the least and the greatest of R resamples lie R − 1 of R + 1 further ones: of fewer, less than 95 %."""


def few_resamples(header: Mapping[str, Any]) -> str:
    """Say so where a sweep resampled people a few times; nothing where often."""
    resamples = (header.get("sweep") or {}).get("resamples")
    if not isinstance(resamples, int) or resamples >= FEW_RESAMPLES:
        return ""
    return f"only {resamples} resamples of the test people: brackets of so few cannot hold 95 %; the default is 1,000"


def few_people(header: Mapping[str, Any]) -> str:
    """Say so where recorded intervals resample few test identities, and what they are worth; nothing where many.

    The share is that of a normal mean and its bootstrap's quantiles; scores that lie skew are held less often.
    """
    counts = header["dataset"]["counts"]
    people = counts.get("scored identities", counts.get("query identities"))
    if not isinstance(people, int) or not 0 < people < FEW:
        return ""
    if people == 1:
        return "only one test identity: brackets over people, resampled from one, say nothing of others"
    # Here, not at the top: most have many people, and should not wait for scipy.
    from scipy.special import stdtr

    from bench.budget.crossed import NORMAL
    from bench.budget.significance import widened

    held = 100 * (2 * stdtr(people - 1, NORMAL / widened(people)) - 1)
    return (
        f"only {people} test identities: 95 % brackets that resample so few hold the true value {held:.0f} % of the "
        "time at best; tests of who is ahead account for it"
    )
