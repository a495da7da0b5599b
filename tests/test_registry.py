import subprocess
import sys
import textwrap

import pytest

from bench import registry
from bench.errors import BenchError


def test_what_is_there():
    assert {"hashreid", "hashreid-noexit"} <= set(registry.names("method"))
    assert {"synthped", "market1501", "manifest"} <= set(registry.names("dataset"))
    assert {"random", "qs", "gs"} <= set(registry.names("policy"))


@pytest.mark.parametrize("kind", ["method", "dataset", "policy"])
def test_every_entry_loads_under_its_own_name(kind):
    for name in registry.names(kind):
        value = registry.load(kind, name)
        assert value.name == name
        assert value.summary


@pytest.mark.parametrize(
    ("kind", "typo", "meant"), [("method", "hashried", "hashreid"), ("policy", "randon", "random")]
)
def test_did_you_mean(kind, typo, meant):
    with pytest.raises(BenchError, match=f"did you mean '{meant}'"):
        registry.load(kind, typo)


def test_a_name_like_nothing_gets_the_list():
    with pytest.raises(BenchError, match=r"known: manifest, market1501, synthped"):
        registry.load("dataset", "zzzzzz")


def test_a_plug_in_is_one_file_and_one_line(tmp_path):
    """A package that this suite has never heard of: its policy is listed and swept."""
    (tmp_path / "coin.py").write_text(
        textwrap.dedent(
            """
            from bench.budget.policy import Policy

            COIN = Policy("coin", "heads leave", "nobody", lambda signals, generator: signals.identity_margin * 0)
            """
        )
    )
    information = tmp_path / "coin-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: coin\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[bench.policies]\ncoin = coin:COIN\n")
    code = "from bench import registry; print(registry.names('policy'), registry.policy('coin').summary)"
    answer = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "['coin', 'gs', 'qs', 'random'] heads leave"
