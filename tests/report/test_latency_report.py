from dataclasses import replace

import numpy as np
import pytest

from bench.cost.profiles import LATENCIES, machine, network_key, write_latency
from bench.findings.sections import sections
from bench.findings.timed import timed_setups
from bench.report.figures.latency import latency_figures
from bench.report.tables.latency import latency_table
from bench.runs.load import load

SIZE = [128, 64]
PROVENANCE = {"processor": "a processor", "device": "cpu", "precision": "float32", "threads": 2}


def latency(method="hashreid", exits=4, batch=2, network=(), **provenance):
    milliseconds = [batch * (index + 1.0) for index in range(exits)]
    return {
        "network": network_key(method, dict(network), SIZE),
        "method": method,
        "preset": "demo",
        "exits": [f"exit {index + 1}" for index in range(exits)],
        "batch": batch,
        "runs": 10,
        "milliseconds": milliseconds,
        "low": [0.9 * value for value in milliseconds],
        "high": [1.2 * value for value in milliseconds],
        "provenance": {**PROVENANCE, **provenance},
    }


@pytest.fixture
def section(write_run):
    def sized(header, records):
        header["spec"]["recipe"]["input_size"] = SIZE

    for seed in (0, 1):
        write_run(seed=seed, change=sized)
    write_run(method="dare", exits=3, change=sized)
    write_run(method="ranet", change=sized)
    (found,) = sections(load(write_run.results))
    return found


def test_latencies_are_kept_and_read_back(tmp_path):
    first, second = latency(), latency(batch=8)
    paths = {write_latency(tmp_path, record) for record in (first, second, first)}
    assert len(paths) == 2, "one file a network, machine and batch"
    (tmp_path / "latency" / "broken.json").write_text("{")
    (tmp_path / "latency" / "other.json").write_text('{"schema": 1}')
    records, remarks = LATENCIES.records(tmp_path)
    assert sorted(record["batch"] for record in records) == [2, 8]
    assert len(remarks) == 2
    assert "latency/broken.json" in remarks[0]


def test_weights_take_no_time_and_options_do():
    plain = network_key("dare", {"backbone": "resnet50", "weights": "none"}, (256, 128))
    assert plain == network_key("dare", {"weights": "imagenet", "backbone": "resnet50"}, [256, 128])
    assert plain != network_key("dare", {"backbone": "resnet18"}, (256, 128))
    assert plain != network_key("dare", {"backbone": "resnet50"}, (128, 64))


def test_an_option_that_is_added_with_its_default_leaves_kept_latencies_valid(added_option):
    kept = network_key("dare", {"bits": 256}, SIZE)
    added_option("dare", strips=4)
    assert network_key("dare", {"bits": 256, "strips": 4}, SIZE) == kept
    assert network_key("dare", {"bits": 256, "strips": 2}, SIZE) != kept
    assert network_key("ranet", {"strips": 4}, SIZE) != network_key("ranet", {}, SIZE), "an option of dare alone"


def test_machines_are_told_apart():
    assert machine(latency()) == "a processor, 2 threads, float32"
    assert machine(latency(device="an accelerator", precision="bfloat16")) == "an accelerator, bfloat16"


def test_a_policy_takes_the_time_of_its_exits(section):
    records = [
        latency(),
        latency(device="gpu"),
        latency("dare", exits=3),
        latency("ranet", network={"scales": 3}.items()),
    ]
    section = replace(section, latencies=tuple(records))
    timed = timed_setups(section)
    assert {key: [one.setup.label for one in group] for key, group in timed.items()} == {
        ("a processor, 2 threads, float32", 2): ["dare demo", "hashreid demo"],
        ("gpu, float32", 2): ["hashreid demo"],
    }
    (group, *_) = timed.values()
    drawing, other = latency_figures(section)
    assert (drawing.part, other.part) == ("", "2")
    axes = drawing.figure.axes[0]
    dare, hashreid = group
    assert hashreid.milliseconds.tolist() == [1, 2, 3, 4]
    rows = hashreid.setup.rows("policy")
    rows = rows[(rows["policy"] == "gs") & (rows["thresholding"] == "stream")]
    shares = [f"exit_fraction_{number}" for number in range(1, 5)]
    means = rows.groupby(rows["a"].round(9))[[*shares, "mAP"]].mean().sort_index()
    expected = means[shares].to_numpy() @ np.array([1, 2, 3, 4])
    lines = [line.get_xydata() for line in axes.lines]
    (drawn,) = [line for line in lines if len(line) == len(means) and np.allclose(line[:, 1], 100 * means["mAP"])]
    assert drawn[:, 0] == pytest.approx(expected)
    assert "batches of 2" in drawing.caption
    assert "lines: the policy, each exit at its own time; means" in drawing.caption
    assert drawing.caption.endswith("Not timed so: ranet demo.")
    assert other.caption.endswith("Not timed so: dare demo, ranet demo.")

    table = latency_table(section)
    assert len(table.full) == 4 + 3 + 4
    assert table.full["milliseconds"].tolist()[:3] == [1, 2, 3]
    assert set(table.of_setup(dare.setup, 9)[0]["exit"]) == {"exit 1", "exit 2", "exit 3"}


def test_no_line_is_told_of_where_nothing_was_swept(write_run):
    def unswept(header, records):
        header["spec"]["recipe"]["input_size"] = SIZE
        records[:] = [record for record in records if record["kind"] == "exit"]

    write_run(change=unswept)
    (section,) = sections(load(write_run.results))
    (drawing,) = latency_figures(replace(section, latencies=(latency(),)))
    assert drawing.caption.endswith("Points: everybody at one exit; means over seeds.")


def test_an_image_takes_the_time_of_all_its_views(write_run):
    def ten_crops(header, records):
        header["spec"]["recipe"]["input_size"] = SIZE
        header["evaluation"]["views"] = "ten-crop"

    write_run(change=ten_crops)
    (section,) = sections(load(write_run.results))
    section = replace(section, latencies=(latency(batch=2),))
    ((one,),) = timed_setups(section).values()
    assert one.milliseconds.tolist() == [10, 20, 30, 40], "a profile of one view, as --cost milliseconds reads it"
    (drawing,) = latency_figures(section)
    told = "The network runs 10 times for an image, once a view: its time is that of all."
    assert told in drawing.caption
    points = [line.get_xdata().tolist() for line in drawing.figure.axes[0].lines if line.get_linestyle() == "None"]
    assert points == [[10, 20, 30, 40]]
    table = latency_table(section)
    assert table.full["milliseconds"].tolist() == [10, 20, 30, 40]
    assert table.full["milliseconds_high"].tolist() == pytest.approx([12, 24, 36, 48])
    assert told in table.note
