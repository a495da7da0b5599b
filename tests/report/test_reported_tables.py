"""Tables of DaRe, HAN, CDNet and BiRe-ID: typed in once more, and held against what the papers say of them."""

from collections import Counter
from decimal import Decimal

import pytest

from bench.findings.reported import papers
from bench.findings.reported.values import Amount

FIVE = ("market1501", "mars", "cuhk03-labelled", "cuhk03-detected", "dukemtmc")
"""DaRe's Table 1, from left to right."""
DARE = {
    ("dare", ""): (86.4, 69.3, 83.0, 69.7, 58.1, 53.7, 55.1, 51.3, 75.2, 57.4),
    ("dare", "RE"): (88.5, 74.2, 82.6, 71.7, 64.5, 60.2, 61.6, 58.1, 79.1, 63.0),
    ("dare-densenet", ""): (86.0, 69.9, 84.2, 72.1, 56.4, 52.2, 54.3, 50.1, 74.5, 56.3),
    ("dare-densenet", "RE"): (89.0, 76.0, 85.5, 74.0, 66.1, 61.6, 63.3, 59.0, 80.2, 64.5),
    ("dare", "RR"): (88.3, 82.0, 83.0, 79.3, 66.0, 66.7, 62.8, 63.6, 80.4, 74.5),
    ("dare", "RE+RR"): (90.8, 85.9, 83.9, 80.6, 72.9, 73.7, 69.8, 71.2, 84.4, 79.6),
    ("dare-densenet", "RR"): (88.6, 82.2, 84.8, 80.3, 63.4, 64.1, 60.2, 61.6, 79.7, 73.3),
    ("dare-densenet", "RE+RR"): (90.9, 86.7, 85.1, 81.9, 73.8, 74.7, 70.6, 71.6, 84.4, 80.0),
}
HAN = {
    ("market1501", "", "Small"): (89.4, 73.2),
    ("market1501", "", "Medium"): (90.7, 74.5),
    ("market1501", "", "Large"): (91.6, 76.7),
    ("market1501", "RR", "Large"): (92.0, 87.5),
    ("market1501", "RE", "Medium"): (90.9, 77.9),
    ("market1501", "RE+RR", "Small"): (92.3, 87.5),
    ("dukemtmc", "", "Small"): (78.9, 61.9),
    ("dukemtmc", "RE+RR", "Large"): (84.6, 81.3),
    ("msmt17", "", "Large"): (60.1, 32.6),
    ("msmt17", "RR", "Medium"): (63.8, 42.9),
    ("cuhk03-labelled", "", "Large"): (46.5, 46.1),
    ("cuhk03-detected", "RR", "Small"): (46.9, 51.6),
}
CDNET = {
    ("market1501", "CNet", "from scratch"): (93.6, 83.5, "1.44"),
    ("market1501", "CDNet", "from scratch"): (93.7, 83.7, "1.8"),
    ("market1501", "CDNet", "ImageNet"): (95.1, 86.0, "1.8"),
    ("dukemtmc", "CDNet", "ImageNet"): (88.6, 76.8, "1.8"),
    ("msmt17", "CDNet", "ImageNet"): (78.9, 54.7, "1.8"),
    ("msmt17", "OSNet", "from scratch"): (71.0, 43.3, "2.2"),
    ("market1501", "SCSN", "ImageNet"): (95.7, 88.5, "26"),
}
ROWS = {"HashReID": 42, "DaRe": 73, "HAN": 228, "CDNet": 61, "BiRe-ID": 1, "BiRe-ID (book)": 5}


def rows(source, **wanted):
    found = [row for row in papers.accuracies() if row.source.name == source]
    return [row for row in found if all(getattr(row, name) == value for name, value in wanted.items())]


def score(row):
    return [float(row.rank_1[-1]), float(row.mean_average_precision)]


def only(source, **wanted):
    (row,) = rows(source, **wanted)
    return row


def test_all_rows_are_there():
    assert Counter(row.source.name for row in papers.accuracies()) == ROWS


@pytest.mark.parametrize(("method", "recipe"), DARE)
def test_dare_on_all_datasets(method, recipe):
    found = [only("DaRe", dataset=dataset, method=method, recipe=recipe) for dataset in FIVE]
    assert [value for row in found for value in score(row)] == list(DARE[method, recipe])


@pytest.mark.parametrize(("dataset", "recipe", "size"), HAN)
def test_han(dataset, recipe, size):
    found = rows("HAN", dataset=dataset, recipe=recipe, printed=f"HAN ({size})", queries="")
    assert {tuple(score(row)) for row in found} == {HAN[dataset, recipe, size]}
    assert {row.cost.value for row in found} == {
        Decimal({"Small": "3.68e8", "Medium": "5.33e8", "Large": "7.01e8"}[size])
    }


@pytest.mark.parametrize(("dataset", "printed", "recipe"), CDNET)
def test_cdnet(dataset, printed, recipe):
    row = only("CDNet", place="Table 3", dataset=dataset, printed=printed, recipe=recipe)
    assert (*score(row), str(row.parameters.value)) == CDNET[dataset, printed, recipe]


def test_a_system_that_a_paper_prints_twice_has_the_same_numbers():
    """HAN's Tables 3 to 6 against 7; its ablations and CDNet's end in the whole system of the main tables."""
    for row in rows("HAN", place="Table 7"):
        others = rows("HAN", dataset=row.dataset, printed=row.printed, queries=row.queries)
        assert {tuple(score(other)) for other in others if not other.recipe} == {tuple(score(row))}
    whole = {"Table 8": "Global + Local", "Table 9": "HAN (All)", "Table 11": "Cross-Entropy", "Table 12": "Depthwise"}
    for place, printed in {**whole, "Table 10": "Global+Local (w/ CAIL)"}.items():
        for dataset in ("market1501", "dukemtmc"):
            large = only("HAN", dataset=dataset, place="Table 7", printed="HAN (Large)", queries="")
            assert score(only("HAN", dataset=dataset, place=place, printed=printed)) == score(large)
    for place, printed in {
        "Table 1": "CDNet top-2",
        "Table 5": "CDNet, 2 partitions",
        "Table 6": "CDNet +FBLNeck",
        "Table 7": "CDNet",
    }.items():
        assert score(only("CDNet", place=place, printed=printed)) == [93.7, 83.7]


def test_what_the_papers_say_of_their_tables():
    """HAN, section 4: gains of joint features, 7 times cheaper than MLFN, 18 % of ResNet-50, over 10 times GCS's cost.

    CDNet, section 4: gains over Auto-ReID and BNNeck.
    """

    def gain(source, one, other):
        pairs = [only(source, **{"dataset": "market1501", "queries": "", **about}) for about in (one, other)]
        return [round(a - b, 1) for a, b in zip(*map(score, pairs), strict=True)]

    joint, single = ({"place": "Table 8", "printed": name} for name in ("Global + Local", "Global"))
    assert gain("HAN", joint, single) == [2.7, 4.5]
    size = {
        name: only("HAN", dataset="msmt17", place="Table 7", printed=f"HAN ({name})").cost
        for name in ("Small", "Large")
    }
    mlfn = only("HAN", dataset="market1501", queries="", printed="MLFN (Chang et al. 2018b)").cost
    resnet = rows("HAN", printed="ResNet50 (He et al. 2016)")[0].cost
    assert round(mlfn.value / size["Small"].value) == 7
    assert round(100 * size["Large"].value / resnet.value) == 18
    assert rows("HAN", printed="GCS (Chen et al. 2018a)")[0].cost.value > 10 * size["Small"].value
    assert size["Large"].value - size["Small"].value == Decimal("3.33e8")
    table_3 = {"place": "Table 3", "recipe": "from scratch"}
    assert gain("CDNet", {**table_3, "printed": "CNet"}, {**table_3, "printed": "Auto-ReID"}) == [3.9, 10.8]
    necks = ({"place": "Table 6", "printed": f"CDNet +{neck}"} for neck in ("BLNeck", "BNNeck"))
    assert gain("CDNet", *necks) == [2.1, 3.5]


SAME = [
    ("market1501", ("HashReID", "SVDNet"), ("DaRe", "SVDNet(R)"), ("HAN", "SVDNet (Sun et al. 2017)")),
    ("market1501", ("HashReID", "OSNet"), ("CDNet", "OSNet")),
    ("market1501", ("HashReID", "BOT"), ("CDNet", "BagofTricks")),
    ("market1501", ("HashReID", "MLFN"), ("HAN", "MLFN (Chang et al. 2018b)")),
    ("market1501", ("HashReID", "HaCNN"), ("CDNet", "HA-CNN")),
    ("market1501", ("HashReID", "TriNet"), ("DaRe", "TriNet(R)")),
    ("market1501", ("HashReID", "CtF"), ("CDNet", "CtF")),
    ("market1501", ("HashReID", "PNGAN"), ("HAN", "PoseNorm (Qian et al. 2018)")),
    ("market1501", ("HashReID", "DaRE(R)"), ("DaRe", "DaRe(R)")),
    ("market1501", ("HashReID", "DaRE+RE(R)"), ("DaRe", "DaRe(R)+RE")),
    ("market1501", ("DaRe", "DaRe(De)"), ("HAN", "DaRe-D201 (Wang et al. 2018e)")),
    ("msmt17", ("HashReID", "PCB"), ("CDNet", "PCB(+RPP)")),
    ("msmt17", ("HashReID", "GLAD"), ("HAN", "GLAD (Wei et al. 2017)")),
    ("msmt17", ("HashReID", "IANet"), ("CDNet", "IANet")),
    ("msmt17", ("HashReID", "OSNet"), ("CDNet", "OSNet")),
    ("dukemtmc", ("DaRe", "DaRe(R)"), ("HAN", "DaRe-R50 (Wang et al. 2018e)")),
    ("dukemtmc", ("DaRe", "SVDNet(R)"), ("HAN", "SVDNet-R50 (Sun et al. 2017)")),
]


@pytest.mark.parametrize("systems", SAME, ids=lambda systems: f"{systems[1][1]} on {systems[0]}")
def test_a_quotation_that_differs_says_so(systems):
    dataset, (source, printed), *others = systems
    quoting = only(source, dataset=dataset, printed=printed)
    for other_source, other_printed in others:
        found = rows(other_source, dataset=dataset, printed=other_printed, queries="")
        # The pretrained or not re-ranked row is the one that is quoted.
        other = [row for row in found if row.recipe not in ("from scratch", "RR")] or found
        if [*map(float, score(quoting))] != score(other[0]):
            assert str(other[0].rank_1[-1]) in quoting.notes
            assert str(other[0].mean_average_precision) in quoting.notes


def test_printed_signs_of_costs_are_kept():
    assert [row.cost.sign for row in rows("HAN", dataset="msmt17")[:3]] == ["", "≫", "≫"]
    assert Amount.parse("≈2.60e9").millions() == "≈2,600"
    assert Amount.parse("3.68e8").millions() == "368"
    assert rows("HAN", printed="CRAFT (Chen et al. 2017c)")[0].cost is None


def block(inside, outside, kernels, places):
    """Multiply-adds of CDNet's block: reduce, two branches of light 3×3 convolutions, a gate for each, expand."""
    width = outside // 4
    light = sum(kernel // 2 for kernel in kernels) * places * (width * width + 9 * width)
    gates = 2 * 2 * width * (width // 4)
    shortcut = places * inside * outside if inside != outside else 0
    return places * width * (inside + outside) + light + gates + shortcut


def searched(blocks):
    """Multiply-adds of CNet or CDNet at 256×128: stem, three stages of two blocks, and the squeeze of the fine part."""
    total, width, (height, across) = 128 * 64 * 3 * 49 * 64, 64, (64, 32)
    for place, (kernels, times) in enumerate(blocks):
        outside = (256, 384, 512)[place // 2]
        for _ in range(times):
            total += block(width, outside, kernels, height * across)
            width = outside
        if place in (1, 3):
            total += height * across * width * width
            height, across = height // 2, across // 2
    return total + height * across * 384 * 128


def test_costs_that_no_paper_prints_are_counted():
    """CDNet's Table 2 gives its kernels; BiRe-ID's abstract how many times cheaper it is than ResNet-18."""
    by_label = {point.label: point for point in papers.static_points() if point.accuracy.dataset == "market1501"}
    cnet = [((5, 7), 1), ((7, 9), 1), ((7, 9), 1), ((7, 9), 1), ((7, 9), 1), ((3, 5), 1)]
    cdnet = [((3, 5), 1), ((3, 7), 2), ((5, 7), 2), ((5, 9), 1), ((5, 7), 2), ((5, 7), 1)]
    assert by_label["CNet"].macs == searched(cnet)
    assert by_label["CDNet"].macs == searched(cdnet)
    resnet_18 = 1_184_366_592 + 512 * 751
    assert round(resnet_18 / by_label["BiRe-ID"].macs, 2) == 12.51
    assert by_label["HAN-S"].macs == 368_000_000
    assert by_label["HAN-S"].counted == "HAN, Table 3"
    # Trunk and heads: two FC layers at exits 1 and 2.
    trunk, heads = (513_277_952, 1_184_366_592, 2_140_667_904, 2_669_150_208), (1024 * 512 + 512 * 256, 768 * 512)
    spent = [heads[0], *[sum(heads)] * 3]
    counted = [cost.macs for cost in papers.exit_costs("hashreid")]
    assert counted == [a + b for a, b in zip(trunk, spent, strict=True)]


def test_points_of_a_figure_have_a_number_and_no_lower_bound():
    points = papers.static_points()
    for point in points:
        assert point.accuracy.mean_average_precision
        assert point.accuracy.rank_1[-1]
        assert point.macs > 0
        assert not (point.accuracy.cost and point.accuracy.cost.sign in (">", "≫"))
    places = [(point.accuracy.dataset, point.label) for point in points]
    assert len(set(places)) == len(places)
    assert {dataset for dataset, _ in places} == {row.dataset for row in papers.query_sets()}
