"""The cost ledger: columns that add up, columns that are never added, and the way to JSON and back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from torch import nn

from bench.cost.ledger import CostLedger, ExitCost
from bench.cost.macs import CONVENTION, exit_macs
from bench.errors import BenchError
from bench.networks import ExitSpec, MultiExitNetwork, sign

GALLERY_IMAGES = 1000


class TwoExits(MultiExitNetwork):
    def __init__(self):
        super().__init__()
        self.stages = nn.ModuleList([nn.Conv2d(3, 8, 1), nn.Conv2d(8, 16, 1)])
        self.heads = nn.ModuleList([nn.Linear(8, 70), nn.Linear(16, 5)])
        self.exits = (ExitSpec("bits", 70, "binary"), ExitSpec("floats", 5, "continuous"))

    def start(self, images):
        return images

    def step(self, state, exit_index):
        state = self.stages[exit_index](state)
        code = self.heads[exit_index](state.mean((2, 3)))
        return state, sign(code) if exit_index == 0 else code

    def outputs(self, images):
        raise NotImplementedError


@pytest.fixture(scope="module")
def ledger():
    return CostLedger.of(TwoExits(), (8, 4), GALLERY_IMAGES)


def test_network_costs_are_those_counted(ledger):
    np.testing.assert_array_equal(ledger.cumulative_macs, exit_macs(TwoExits(), (8, 4)))
    assert ledger.cumulative_macs.dtype == np.int64
    assert [cost.trunk_macs for cost in ledger.exits] == [32 * 3 * 8, 32 * 8 * 16]
    assert [cost.head_macs for cost in ledger.exits] == [8 * 70, 16 * 5]
    assert ledger.input_size == (8, 4)
    assert ledger.convention == CONVENTION


def test_matching_is_paid_in_its_own_units(ledger):
    np.testing.assert_array_equal(ledger.matching_bit_operations, [GALLERY_IMAGES * 70, 0])
    np.testing.assert_array_equal(ledger.matching_word_operations, [GALLERY_IMAGES * 2, 0])
    np.testing.assert_array_equal(ledger.matching_macs, [0, GALLERY_IMAGES * 5])
    without_gallery = CostLedger.of(TwoExits(), (8, 4), 0)
    np.testing.assert_array_equal(ledger.cumulative_macs, without_gallery.cumulative_macs)


def test_codes_and_parameters(ledger):
    np.testing.assert_array_equal(ledger.code_bytes, [9, 20])
    np.testing.assert_array_equal(ledger.parameters, [4 * 8 + 9 * 70, 9 * 16 + 17 * 5])


def test_hashreid_codes_take_448_bytes():
    exits = tuple(ExitCost(str(dim), "binary", dim, 1, 1, 0, 0, 0, 0) for dim in (256, 256, 1024, 2048))
    assert CostLedger((256, 128), 1, exits).code_bytes.sum() == 448


def test_a_policy_is_booked_at_its_exit(ledger):
    booked = ledger.with_policy([1_000_000, 0])
    np.testing.assert_array_equal(booked.cumulative_macs - ledger.cumulative_macs, [1_000_000, 1_000_000])
    np.testing.assert_array_equal(booked.with_policy(np.zeros(2, dtype=np.int64)).macs, ledger.macs)
    assert ledger.exits[0].policy_macs == 0


def test_what_a_policy_keeps_of_a_gallery_image_is_booked_at_the_first_exit(ledger):
    np.testing.assert_array_equal(ledger.gallery_bytes, ledger.code_bytes)
    booked = ledger.with_policy([10, 0], gallery_bytes=2048)
    np.testing.assert_array_equal(booked.gallery_bytes, [9 + 2048, 20])
    np.testing.assert_array_equal(booked.code_bytes, ledger.code_bytes)
    assert booked.rows()[1]["cumulative_gallery_bytes"] == 9 + 2048 + 20


def test_a_policy_prices_every_exit(ledger):
    with pytest.raises(BenchError, match=r"each of 2 exits and found 1"):
        ledger.with_policy([1])


def test_rows_hold_each_visit_and_what_has_added_up(ledger):
    first, second = ledger.with_policy([10, 0]).rows()
    assert first["name"] == "bits"
    assert first["macs"] == first["trunk_macs"] + first["head_macs"] + first["policy_macs"]
    assert second["cumulative_macs"] == first["macs"] + second["macs"]
    assert second["matching_bit_operations"] == 0
    assert second["cumulative_matching_bit_operations"] == GALLERY_IMAGES * 70
    assert second["cumulative_matching_macs"] == GALLERY_IMAGES * 5
    assert second["cumulative_code_bytes"] == 29
    assert all(type(value) in (int, str) for row in (first, second) for value in row.values())
    json.dumps([first, second])


def test_json_and_back(ledger):
    booked = ledger.with_policy([10, 0])
    text = json.dumps(booked.to_json())
    assert CostLedger.from_json(json.loads(text)) == booked
    assert json.loads(text) == booked.to_json()


def test_a_ledger_that_does_not_say_what_policies_keep_is_read(ledger):
    values = ledger.to_json()
    for exit_ in values["exits"]:
        del exit_["policy_bytes"]
    assert CostLedger.from_json(values) == ledger


def test_json_of_another_make_is_an_error(ledger):
    values = ledger.to_json()
    del values["gallery_images"]
    with pytest.raises(BenchError, match="missing: \\['gallery_images'\\]"):
        CostLedger.from_json(values)
    values = ledger.to_json()
    values["exits"][0]["joules"] = 1
    with pytest.raises(BenchError, match="unknown: \\['joules'\\]"):
        CostLedger.from_json(values)
