import json

import pytest

from bench.provenance import as_utf8, collect, without_folders


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("--seeds", "--seeds"),
        ("0.5", "0.5"),
        ("results/mine", "results/mine"),
        ("/home/somebody/sets/market", "…/market"),
        ("--cache=/home/somebody/cache", "--cache=…/cache"),
        ("height=256", "height=256"),
        ("weights=/home/somebody/net.pt", "weights=…/net.pt"),
    ],
)
def test_folders_of_a_home_stay_out_of_records(typed, kept):
    assert without_folders(typed) == kept


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("résultats €", "résultats €"),
        # What Python makes of bytes where the locale is C: each is a lone surrogate.
        ("résultats €".encode().decode("ascii", "surrogateescape"), "résultats €"),
        ("résultats €".encode("cp1252").decode(errors="surrogateescape"), r"r\xe9sultats \x80"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_was_typed_is_read_as_utf_8(typed, kept):
    assert as_utf8(typed) == kept
    assert json.loads(json.dumps(kept, ensure_ascii=False).encode()) == kept


def test_what_was_typed_is_on_record(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/usr/local/bin/bench", "run", "--results", "/home/somebody/results"])
    assert collect(device="cpu", precision="float32", threads=1, versions={})["argv"] == [
        "bench",
        "run",
        "--results",
        "…/results",
    ]
