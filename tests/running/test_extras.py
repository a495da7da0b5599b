"""Embeddings that are no exits: scored on request, beside the exits, without training again."""

from dataclasses import replace

import numpy as np
import pytest
from all_rows import all_rows

from bench.retrieval.metrics import score_rankings
from bench.running.run import run
from bench.runs.load import load
from bench.runs.records import read_records
from bench.spec import SweepSpec


@pytest.fixture(scope="module")
def scored(module_request, trained):
    request = trained(module_request(method="dare"))
    return replace(request, extras=True), run(request), run(replace(request, extras=True))


def extra_of(result):
    (found,) = [record for record in result.records if record["kind"] == "extra"]
    return found


def test_the_exits_are_what_they_were(scored):
    _, plain, with_extras = scored
    assert plain.folder == with_extras.folder
    exits = [[row for row in result.records if row["kind"] == "exit"] for result in (plain, with_extras)]
    assert exits[0] == exits[1]
    others = [row for row in with_extras.records if row["kind"] != "extra"]
    assert others == plain.records
    assert len(with_extras.records) == len(others) + 1


def test_the_last_stage_is_scored_by_its_own_embedding(scored):
    """Against the public evaluator, on embeddings that are computed here."""
    import torch

    from bench.data.augmentation import normalise
    from bench.device import DeviceImages
    from bench.progress import SILENT
    from bench.retrieval.labels import labels_of
    from bench.running.run import Opened
    from bench.running.stages import obtain_network

    request, _, result = scored
    context = Opened.of(request, SILENT).workbench(SILENT)
    network = obtain_network(context).eval()
    embedded, labels = [], []
    for store in (context.stores.query, context.stores.gallery):
        images = DeviceImages(store, context.fabric, context.spec.recipe.input_size)
        with torch.inference_mode(), context.fabric.autocast():
            (view,) = images.views(torch.arange(len(store.samples)))
            batch = normalise(view).contiguous(memory_format=torch.channels_last)
            embedded.append(network.outputs(batch)[-1].extras["stage 4"].float().numpy())
        labels.append(labels_of(store.samples))
    distances = np.linalg.norm(embedded[0][:, None] - embedded[1][None], axis=2)
    scores = score_rankings(distances, labels[0][0], labels[1][0], labels[0][1], labels[1][1])
    record = extra_of(result)
    assert record["other"] == "stage 4"
    assert record["mAP"] == pytest.approx(scores.mean_ap, abs=1e-4)
    assert record["rank-1"] == pytest.approx(scores.rank(1), abs=1e-4)
    assert record["mAP_low"] <= record["mAP"] <= record["mAP_high"]
    assert record["realised_cost"] == result.header["exits"][-1]["cumulative_macs"]


def test_it_is_found_again_and_reported_beside_the_exits(scored):
    request, _, result = scored
    assert run(request).cached
    newest = max(result.folder.path.glob("records-*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
    header, records = read_records(newest)
    assert header["sweep"]["extras"] is True
    assert [record for record in records if record["kind"] == "extra"] == [extra_of(result)]
    table = all_rows(load(request.results).runs)
    assert set(table.loc[table["kind"] == "extra", "other"]) == {"stage 4"}


def test_a_network_without_any_records_none(smoke_request, trained):
    request = trained(smoke_request(method="hashreid", calibration_share=0.3))
    assert not [record for record in run(replace(request, extras=True)).records if record["kind"] == "extra"]


def test_kept_sweeps_keep_their_keys():
    """What was swept before extras could be asked for is found under the same key."""
    sweep = SweepSpec(("gs",))
    assert sweep.key == replace(sweep, extras=False).key != replace(sweep, extras=True).key
