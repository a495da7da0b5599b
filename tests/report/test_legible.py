"""Every kind of figure of setups and sections: no text hides another, and none is cut off at the paper's edge."""

from dataclasses import replace
from itertools import combinations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from measured import accuracy, inference, scale, study
from test_auc_and_outcome_tables import with_auc
from test_latency_report import SIZE, latency

from bench.findings.sections import sections
from bench.report.figures.drawing import canvas
from bench.report.figures.style import logarithmic
from bench.report.kinds import FIGURES
from bench.runs.load import load


def texts(figure):
    """Texts that are seen, with their outlines in pixels; the figure has been laid out."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    parts = [part for part in (figure._suptitle, figure._supxlabel, figure._supylabel) if part]
    parts += [text for legend in figure.legends for text in legend.get_texts()]
    for axes in figure.axes:
        parts += [axes.title, *axes.texts]
        for axis in (axes.xaxis, axes.yaxis) if axes.axison else ():
            parts += [axis.label, *(tick.label1 for tick in axis._update_ticks())]
    seen = [part for part in parts if part.get_visible() and part.get_text().strip()]
    # Of a name with a leader, the name alone: the leader may pass under another.
    return [(part.get_text(), Text.get_window_extent(part, renderer)) for part in seen]


def off(figure):
    """What is wrong with the texts of a figure, where they stand once it is drawn."""
    figure.draw_without_rendering()
    found, paper = texts(figure), figure.bbox
    cut = [text for text, box in found if min(*box.min, paper.x1 - box.x1, paper.y1 - box.y1) < -1]
    pairs = combinations([(text, box.padded(-0.6)) for text, box in found], 2)
    return cut + [(one, other) for (one, first), (other, second) in pairs if first.overlaps(second)]


@pytest.mark.parametrize("powers", [1, 3, 7, 12])
def test_ticks_of_a_logarithmic_axis_lie_apart_however_far_it_reaches(powers):
    with canvas(4.6, 2.5) as figure:
        axes = figure.subplots()
        axes.plot([0, 1], [20, 20 / 10**powers])
        logarithmic(axes, "y")
    assert len(axes.get_yticks()) > 3
    assert off(figure) == []


LONG_NAME = "a-method-with-a-name-of-some-length"


def coarse_to_fine():
    """Rows of a search from coarse to fine: every way of searching, at the code lengths of CtF."""
    rows = []
    for length in (32, 128, 512, 2048):
        rows.append(("one code", f"{length} bits", length * 3000.0, 0.2 + length**0.2 / 10))
    rows += [("coarse to fine", f"β {beta}", 4e5 * beta**0.8, 0.55 + beta / 100) for beta in (0.5, 1, 2, 4, 8)]
    rows += [
        ("queries leave", f"{budget} %", 1e5 + 6e4 * budget, 0.4 + budget / 500) for budget in (0, 25, 50, 75, 100)
    ]
    metrics = {"rank-1": 0.15, "mAP": 0.0}
    return [
        {"way": way, "name": name, "bits": bits, "run": "abab", "seed": 0}
        | {metric: value + more for metric, more in metrics.items()}
        | {f"{metric}_low": value + more - 0.02 for metric, more in metrics.items()}
        | {f"{metric}_high": value + more + 0.02 for metric, more in metrics.items()}
        for way, name, bits, value in rows
    ]


def large_galleries(name):
    """Four exits in galleries of up to ten million images, with every index."""
    record = {**scale(), "name": name}
    exits = [f"exit {number}" for number in (1, 2, 3, 4)]
    record["exact"] = [
        {
            **record["exact"][0],
            "exit": exit_,
            "images": 10**power,
            "batched_ms": 10.0 ** (power - 6),
            "mean_ap": 3 / power,
        }
        for exit_ in exits
        for power in (4, 5, 6, 7)
    ]
    kinds = {"flat": 1.0, "ivf": 0.98, "hnsw": 0.93, "ctf": 0.9}
    record["indexes"] = [
        {**record["indexes"][0], "exit": exit_, "index": kind, "recall": recall, "batched_ms": recall**40}
        for exit_ in exits
        for kind, recall in kinds.items()
    ]
    return record


@pytest.fixture(scope="module", params=["dare", LONG_NAME])
def section(writer, tmp_path_factory, request):
    """Setups with one, three and four exits, with one seed and two, all with short names or one with a long one."""
    write_run = writer(tmp_path_factory.mktemp("legible"))

    def whole(header, records):
        header["spec"]["recipe"]["input_size"] = SIZE
        about = {"kind": "outcome", "thresholding": "", "a": None, "exit": 0, "threshold_from": "calibration"}
        counts = {"left": 30.0, "correct": 24.0, "incorrect": 6.0, "possible": 40.0, "queries": 60, "threshold": 1.0}
        records += [{**about, **counts, "policy": policy} for policy in ("gs", "random")]
        pair = {"kind": "roc", "policy": "", "thresholding": "", "a": None}
        records += [
            {
                **pair,
                "exit": exit_,
                "false_accept_rate": 10.0**power,
                "true_accept_rate": 1 + (power - 0.1) / (9 + exit_),
            }
            for exit_ in range(len(header["exits"]))
            for power in range(-5, 1)
        ]
        with_auc(header, records)

    for seed in (0, 1):
        write_run(seed=seed, change=whole)
    write_run(method="msdnet", exits=3)
    write_run(method="hashreid-noexit", exits=1, swept=False)
    write_run(method=request.param, change=whole)
    (found,) = sections(load(write_run.results), [latency()])
    run = found.setups[0].runs[0].key
    engines = [inference(run, backend=backend, joules=0.2) for backend in ("torch", "onnxruntime", "openvino")]
    found = replace(found, inferences=(*engines, inference(run, "server", batch=32)))
    searched = {**study([accuracy(128), accuracy(512), accuracy(2048)]), "coarse_to_fine": coarse_to_fine()}
    return replace(found, studies=(("one", searched),), scales=(("one", large_galleries(request.param)),))


@pytest.mark.parametrize("kind", [kind for kind in FIGURES if kind.of != "report"], ids=lambda kind: kind.name)
def test_no_text_hides_another_or_is_cut_off(section, kind):
    # Of the setups under long names, the others look as under short ones.
    long = [setup for setup in section.setups if setup.method == LONG_NAME]
    about = [(section,)] if kind.of == "section" else [(section, setup) for setup in long or section.setups]
    drawings = [drawing for one in about for drawing in kind(*one)]
    assert drawings
    for drawing in drawings:
        assert off(drawing.figure) == []
