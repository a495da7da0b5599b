"""The runs of a grid and those who do them: who is lost is replaced, and whatever fails, the rest is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from bench.running.request import RunRequest
from bench.running.shard import grid_key
from bench.running.workers.events import Ended, Event, Lost, Outcome, Workers

RETRIES = 1
"""How often a run is begun again whose worker was lost: twice is hardly chance."""


def run_grid(
    requests: Sequence[RunRequest], workers: Workers, saw: Callable[[Event], None] = lambda event: None
) -> list[Outcome]:
    """Have every run done once, and give what became of each, in order; ``saw`` is told what is heard meanwhile.

    A run that is there twice is done once. Raises what the workers raise where none of them can go on.
    """
    numbers = {grid_key(request): number for number, request in reversed(list(enumerate(requests)))}
    wanted = sorted(numbers.values())
    outcomes: dict[int, Outcome] = {}
    lost: Counter[int] = Counter()
    workers.submit([(number, requests[number]) for number in wanted])
    while len(outcomes) < len(wanted):
        for event in workers.events():
            if event.run in outcomes:
                continue  # a worker that was given up, and had a last word
            if isinstance(event, Ended):
                outcomes[event.run] = event.outcome
            if isinstance(event, Lost):
                lost[event.run] += 1
                event = Lost(event.run, event.reason, again=lost[event.run] <= workers.retries)
                if event.again:
                    workers.submit([(event.run, requests[event.run])])
                else:
                    outcomes[event.run] = Outcome("", failed=f"its worker was lost: {event.reason}")
            saw(event)
    return [outcomes[numbers[grid_key(request)]] for request in requests]
