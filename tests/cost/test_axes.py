"""Each cost by hand, and which profile is read."""

from dataclasses import replace

import numpy as np
import pytest
from profiled import GALLERY, LEDGER, MILLISECONDS, NETWORK, keep_profile

from bench import registry
from bench.cost.axes.contract import Cost, Prices
from bench.errors import BenchError


def priced(name, network):
    cost = registry.cost(name)
    prices = cost.prices(LEDGER, cost.measurement(network))
    return prices, cost.header(prices)


def test_multiply_adds_are_those_of_the_network(tmp_path):
    prices, header = priced("macs", NETWORK(tmp_path))
    assert prices.ladder.tolist() == [1010, 3020, 6030, 10040]
    # As records of before there was a choice have it: their runs and those of today are one.
    assert header == {"name": "macs", "unit": "multiply-adds"}


def test_matching_is_paid_where_a_query_leaves_and_told_of_every_exit(tmp_path):
    prices, header = priced("matching", NETWORK(tmp_path))
    # 256 bits are 4 words, 100 are 2, 512 floats are 512 multiply-adds, 2048 bits are 32 words.
    matched = [words * GALLERY for words in (4, 2, 512, 32)]
    assert prices.search.tolist() == matched
    assert prices.ladder.tolist() == np.add(matched, [1010, 3020, 6030, 10040]).tolist()
    assert (header["version"], header["search"]) == (2, matched)
    assert header["gallery_images"] == GALLERY
    assert "64 bits" in header["conversion"]
    assert prices.policy_mac == 1.0


def test_an_exit_that_is_dearer_to_search_than_a_later_one_to_reach_leaves_no_budget_between():
    larger = replace(LEDGER, gallery_images=50)
    with pytest.raises(BenchError, match="exit 4 does not rise over what comes before it: take another --cost"):
        registry.cost("matching").prices(larger, None)


def test_searches_are_priced_at_every_exit():
    fewer = Cost("some", "", "searches", "", lambda ledger, measurement: Prices(np.arange(1, 5), search=np.ones(3)))
    with pytest.raises(BenchError, match="cost some prices 3 searches where the network has 4 exits"):
        fewer.prices(LEDGER, None)


def test_milliseconds_are_those_of_an_image_of_the_batch(tmp_path):
    keep_profile(tmp_path, batch=4)
    prices, header = priced("milliseconds", NETWORK(tmp_path))
    assert prices.ladder.tolist() == [time / 4 for time in MILLISECONDS]
    assert prices.policy_mac == 2.0 / 10040
    about = {name: header[name] for name in ("machine", "precision", "backend", "batch", "views")}
    machine = "Small CPU, 2 threads, float32"
    assert about == {"machine": machine, "precision": "float32", "backend": "torch", "batch": 4, "views": 1}


def test_every_view_of_an_image_takes_its_time(tmp_path):
    keep_profile(tmp_path)
    prices, header = priced("milliseconds", NETWORK(tmp_path, views=10))
    assert prices.ladder.tolist() == [10 * time for time in MILLISECONDS]
    assert header["views"] == 10


def test_of_one_machine_the_smallest_batch_is_read(tmp_path):
    keep_profile(tmp_path, batch=16, times=[16.0, 32.0, 48.0, 64.0])
    keep_profile(tmp_path, batch=2)
    assert priced("milliseconds", NETWORK(tmp_path))[1]["batch"] == 2
    assert priced("milliseconds", NETWORK(tmp_path, which="batch 16"))[0].ladder.tolist() == [1, 2, 3, 4]


def test_of_several_machines_one_is_named(tmp_path):
    for processor, precision in (("Small CPU", "float32"), ("Small CPU", "bfloat16"), ("Big CPU", "float32")):
        keep_profile(tmp_path, processor, precision)
    with pytest.raises(BenchError, match=r"(?s)found 3 profiles.*--cost 'milliseconds:.*Big CPU, 2 threads, float32"):
        priced("milliseconds", NETWORK(tmp_path))
    with pytest.raises(BenchError, match="found 2 profiles with 'small'"):
        priced("milliseconds", NETWORK(tmp_path, which="small"))
    with pytest.raises(BenchError, match="found no profile with 'H100'"):
        priced("milliseconds", NETWORK(tmp_path, which="H100"))
    assert priced("milliseconds", NETWORK(tmp_path, which="big"))[1]["machine"].startswith("Big CPU")


@pytest.mark.parametrize("which", ["batch 1", "batch 6", "6 threads"])
def test_a_number_is_named_whole(tmp_path, which):
    """Batch 1 was not measured, and neither was a machine of 6 threads: nothing else stands in for it."""
    keep_profile(tmp_path, processor="CPU of 16 threads", batch=16)
    with pytest.raises(BenchError, match=f"found no profile with '{which}'"):
        priced("milliseconds", NETWORK(tmp_path, which=which))
    assert priced("milliseconds", NETWORK(tmp_path, which="16"))[1]["batch"] == 16


def test_a_profile_of_another_network_is_not_read(tmp_path):
    keep_profile(tmp_path)
    with pytest.raises(BenchError, match="none of this network"):
        priced("milliseconds", replace(NETWORK(tmp_path), options={"bits": 512}))


def test_a_damaged_profile_is_named(tmp_path):
    keep_profile(tmp_path).write_text("{}")
    with pytest.raises(BenchError, match="left out: latency/hashreid-smoke"):
        priced("milliseconds", NETWORK(tmp_path))


def test_times_that_do_not_rise_are_measured_again(tmp_path):
    keep_profile(tmp_path, times=[1.0, 3.0, 3.0, 4.0])
    with pytest.raises(BenchError, match=r"rise from exit to exit.*1, 3, 3, 4; measure again.*--seconds 30"):
        priced("milliseconds", NETWORK(tmp_path))


def test_joules_need_a_counter(tmp_path):
    keep_profile(tmp_path)
    with pytest.raises(BenchError, match="no kept profile of hashreid has joules"):
        priced("joules", NETWORK(tmp_path))
    keep_profile(tmp_path, joules=[0.25, 0.5, 1.0, 2.0])
    assert priced("joules", NETWORK(tmp_path))[0].ladder.tolist() == [0.25, 0.5, 1.0, 2.0]


@pytest.mark.parametrize("ladder", [[1.0, 2.0], [1.0, 2.0, 2.0, 3.0], [0.0, 1.0, 2.0, 3.0], [1.0, 2.0, 3.0, np.inf]])
def test_no_budget_is_in_costs_that_do_not_rise(ladder):
    cost = Cost("coins", "coins", "coins", "nobody", lambda ledger, measurement: Prices(np.array(ladder)))
    with pytest.raises(BenchError, match=r"rise from exit to exit|2 values where the network has 4"):
        cost.prices(LEDGER, None)
