"""What the papers report: typed in here once more from the papers, and whether it agrees with itself."""

from decimal import Decimal

import pytest

from bench import registry
from bench.findings.reported import papers

EVERYTHING = (
    *papers.accuracies(),
    *papers.code_lengths(),
    *papers.budget_points(),
    *papers.exit_costs("dare"),
    *papers.exit_costs("hashreid"),
    *papers.query_sets(),
)


def numbers(row):
    return [None if value is None else float(value) for value in (*row.rank_1, row.mean_average_precision)]


def accuracy(dataset, printed):
    found = [row for row in papers.accuracies() if (row.dataset, row.printed) == (dataset, printed)]
    (row,) = [row for row in found if row.source.name in ("HashReID", "DaRe")]
    return row


@pytest.mark.parametrize(
    ("dataset", "printed", "method", "kind", "lengths", "expected"),
    [
        ("market1501", "OURS+HE", "hashreid", "B", (256, 256, 1024, 2048), [71.29, 79.93, 92.10, 92.10, 82.08]),
        ("market1501", "OURS-HE", "hashreid-noexit", "B", (2048,), [None, None, None, 94.18, 84.85]),
        ("market1501", "BranchyNet", "branchynet", "C", (14880, 13440, 2048), [38.81, 58.05, None, 80.05, 62.76]),
        ("market1501", "MSDNet", "msdnet", "C", (384, 384, 352, 204), [58.79, 61.67, 64.01, 63.51, 38.07]),
        ("market1501", "RANet", "ranet", "C", (576, 1088, 641, 897), [58.55, 59.47, 65.26, 65.05, 40.19]),
        ("market1501", "DaRE+RE(R)", "dare", "C", (128,) * 4, [62.47, 78.38, 87.05, 87.77, 74.34]),
        ("market1501", "DaRe(R)", "dare", "", (), [None, None, None, 86.4, 69.3]),
        ("market1501", "DaRe(De)+RE", "dare-densenet", "", (), [None, None, None, 89.0, 76.0]),
        ("market1501", "CtF", "ctf", "B", (2048,), [None, None, None, 93.7, 84.1]),
        ("market1501", "HaCNN", "", "C", (512,), [None, None, None, 90.9, 75.6]),
        ("msmt17", "OURS+HE", "hashreid", "B", (256, 256, 1024, 2048), [28.91, 47.74, 71.31, 71.52, 46.66]),
        ("msmt17", "MSDNet", "msdnet", "C", (384, 384, 352, 304), [15.56, 20.15, 20.98, 21.94, 8.53]),
        ("msmt17", "DaRE(R)", "dare", "C", (128,) * 4, [16.81, 19.56, 51.76, 52.11, 30.01]),
        ("msmt17", "ABC", "abc", "B", (2048,), [None] * 5),
        ("msmt17", "DGNet", "", "C", (2048,), [None, None, None, 77.2, 52.3]),
    ],
)
def test_rows_are_those_of_the_papers(dataset, printed, method, kind, lengths, expected):
    row = accuracy(dataset, printed)
    assert (row.method, row.kind, row.lengths, numbers(row)) == (method, kind, lengths, expected)


def test_all_methods_of_the_tables_are_there():
    listed = [(row.dataset, row.source.name, row.group) for row in papers.accuracies()]
    for dataset in ("market1501", "msmt17"):
        assert listed.count((dataset, "HashReID", "Dynamic Networks")) == 6
        # OURS-HE closes both columns and stands here once.
        assert listed.count((dataset, "HashReID", "Hash-based Methods")) == 8
        assert listed.count((dataset, "HashReID", "SOTA ReID")) == 7
    assert len({(row.source, row.where) for row in papers.accuracies()}) == len(listed)


def test_printed_digits_are_kept_and_misprints_are_noted():
    assert str(accuracy("market1501", "OSNet").rank_1[-1]) == "94.20"
    assert str(accuracy("market1501", "DaRe(R)").rank_1[-1]) == "86.4"
    assert "304" in accuracy("market1501", "MSDNet").notes


def test_gains_that_the_paper_states_follow_from_its_tables():
    """HashReID, section 4.3: over DaRE+RE(R) on Market-1501, over the best other at each stage on MSMT17."""
    ours, other = accuracy("market1501", "OURS+HE"), accuracy("market1501", "DaRE+RE(R)")
    gains = [mine - theirs for mine, theirs in zip(ours.rank_1, other.rank_1, strict=True)]
    assert [str(gain) for gain in gains] == ["8.82", "1.55", "5.05", "4.33"]
    ours = accuracy("msmt17", "OURS+HE")
    others = [row for row in papers.accuracies() if row.dataset == "msmt17" and row.group == "Dynamic Networks"]
    best = [max(row.rank_1[stage] or 0 for row in others if row is not ours) for stage in range(4)]
    gains = [mine - theirs for mine, theirs in zip(ours.rank_1, best, strict=True)]
    assert [str(gain) for gain in gains] == ["12.10", "26.47", "18.13", "16.75"]
    assert str(ours.mean_average_precision - Decimal("30.31")) == "16.35"


def test_code_lengths():
    rows = papers.code_lengths()
    assert [row.length for row in rows] == [128, 256, 512, 1024, 2048]
    assert [str(row.rank_1) for row in rows] == ["84.26", "89.99", "91.12", "91.80", "94.18"]
    assert [str(row.mean_average_precision) for row in rows] == ["67.22", "75.54", "79.06", "80.63", "84.85"]
    assert [str(row.hamming_microseconds) for row in rows] == ["2.8", "3.3", "4.4", "7.1", "17"]
    for row in rows:
        assert int(row.euclidean_microseconds / row.hamming_microseconds) == row.ratio
    assert numbers(rows[-1].accuracy()) == numbers(accuracy("market1501", "OURS-HE"))


def test_budget_points_are_those_of_the_logs():
    points = {(point.printed_policy, point.case): point for point in papers.budget_points()}
    assert len(points) == len(papers.budget_points()) == 3 * 14
    assert {(point.printed_policy, point.policy) for point in points.values()} == {
        ("distance", "qs"),
        ("margin", "gs"),
        ("random", "random"),
    }
    half = points["margin", 25]
    assert [str(share) for share in half.expected_shares] == ["25.679", "25.221", "24.771", "24.329"]
    assert [str(share) for share in half.resulted_shares] == ["28.830", "26.811", "24.852", "19.507"]
    assert (str(half.resulted_million_macs), str(half.rank_1)) == ("1467.40", "88.213")
    assert str(half.mean_average_precision) == "66.908"
    assert str(points["distance", 12].rank_1) == "76.722"
    last = points["random", 49]
    assert (str(last.resulted_million_macs), str(last.mean_average_precision)) == ("2542.30", "74.280")


def test_budgets_follow_from_shares_and_costs():
    costs = [cost.macs for cost in papers.exit_costs("dare")]
    assert costs == [523_568_640, 1_150_094_336, 2_060_915_200, 2_542_295_040]
    for point in papers.budget_points():
        # Budgets are evenly spaced over 50 cases; shares are rounded to a thousandth of a per cent.
        asked = costs[0] + point.case * (costs[-1] - costs[0]) / 49
        assert float(point.expected_million_macs) == pytest.approx(asked / 1e6, abs=0.006)
        for shares, budget in (
            (point.expected_shares, point.expected_million_macs),
            (point.resulted_shares, point.resulted_million_macs),
        ):
            assert float(sum(shares)) == pytest.approx(100, abs=0.0021)
            spent = sum(float(share) / 100 * cost for share, cost in zip(shares, costs, strict=True))
            assert spent / 1e6 == pytest.approx(float(budget), abs=0.04)


@pytest.mark.parametrize("policy", ["qs", "gs", "random"])
def test_budgets_and_costs_rise(policy):
    points = [point for point in papers.budget_points() if point.policy == policy]
    for name in ("case", "expected_million_macs", "resulted_million_macs"):
        values = [getattr(point, name) for point in points]
        assert values == sorted(set(values))


DATASETS = ("market1501", "msmt17", "dukemtmc", "mars", "cuhk03-labelled", "cuhk03-detected")


def test_every_row_has_its_source():
    for row in EVERYTHING:
        assert row.dataset in DATASETS
        assert row.place
        assert row.source.citation
        assert row.source.address.startswith("https://")
        assert row.source.notes
    assert {row.source for row in EVERYTHING} == set(papers.sources().values())


@pytest.mark.parametrize(
    ("source", "dataset", "method", "expected"),
    [
        ("HAN", "market1501", "han-s", {"HAN (Small)": (89.4, 73.2), "HAN (Small), RE": (90.0, 75.3)}),
        ("HAN", "market1501", "han-l", {"HAN (Large)": (91.6, 76.7), "HAN (Large), RE+RR": (93.1, 89.6)}),
        ("HAN", "msmt17", "han-m", {"HAN (Medium)": (57.1, 30.3)}),
        ("HAN", "dukemtmc", "mlfn", {"MLFN (Chang et al. 2018b)": (81.0, 62.8)}),
        ("CDNet", "market1501", "cnet", {"CNet, from scratch": (93.6, 83.5)}),
        ("CDNet", "msmt17", "cdnet", {"CDNet, from scratch": (73.7, 48.5), "CDNet, ImageNet": (78.9, 54.7)}),
        ("CDNet", "dukemtmc", "osnet", {"OSNet, from scratch": (84.7, 68.6), "OSNet, ImageNet": (88.6, 73.5)}),
        ("BiRe-ID (book)", "market1501", "bire-id", {"BiRe-ID": (84.1, 64.0)}),
    ],
)
def test_rows_of_the_light_networks_have_the_name_of_their_method(source, dataset, method, expected):
    rows = [row for row in papers.accuracies() if (row.source.name, row.dataset) == (source, dataset)]
    named = {row.named: tuple(numbers(row)[-2:]) for row in rows if row.method == method and not row.queries}
    assert expected.items() <= named.items()


def test_a_method_has_each_printed_row_once():
    rows = [row for row in papers.accuracies() if row.method and not row.queries]
    assert len({(row.source, row.dataset, row.method, row.named) for row in rows}) == len(rows)


def test_methods_of_reported_rows_are_registered():
    assert {row.method for row in papers.accuracies()} - {""} <= set(registry.names("method"))
