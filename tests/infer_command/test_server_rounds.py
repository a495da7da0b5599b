"""``bench infer --scenario server``: arrivals are drawn in every round, for all who answer."""

import json

from bench.inference.scenarios import Served


def test_each_round_of_a_server_has_arrivals_of_its_own(infer, tmp_path, monkeypatch):
    drawn: list[float] = []

    def found(asked, inputs, order, batch, bound, fastest, generator):
        assert len(order) == 4, "the server asks the queries that were chosen"
        drawn.append(generator.random())
        return Served(float(len(drawn)), bound, ((fastest, 1.0),))

    monkeypatch.setattr("bench.inference.measuring.highest_rate", found)
    kept = tmp_path / "record.json"
    status, out, err = infer("--scenario", "server", "--rounds", 3, "--queries", 4, "--json", kept)
    assert status == 0, err
    contestants = json.loads(kept.read_text())["contestants"]
    count = len(contestants)
    by_round = [drawn[first : first + count] for first in range(0, 3 * count, count)]
    assert [len(set(draws)) for draws in by_round] == [1, 1, 1], "everybody has the same arrivals"
    assert len(set(drawn)) == 3
    for one in contestants:
        assert one["rate_low"] <= count < one["rate"] <= 2 * count < one["rate_high"] <= 3 * count
        assert len(one["values"]["rates"]) == 3
    rates = [tuple(f"{one[name]:.1f}" for name in ("rate", "rate_low", "rate_high")) for one in contestants]
    assert all("{} ({} to {})".format(*of_one) in " ".join(out.split()) for of_one in rates)
