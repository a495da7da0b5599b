import pytest

from bench.provenance import collect, without_folders


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


def test_what_was_typed_is_on_record(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/usr/local/bin/bench", "run", "--results", "/home/somebody/results"])
    assert collect(device="cpu", precision="float32", threads=1, versions={})["argv"] == [
        "bench",
        "run",
        "--results",
        "…/results",
    ]
