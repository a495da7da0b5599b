"""OpenMP's threads wait passively from the command line on, unless the user said otherwise."""

import os
import subprocess
import sys

import pytest

SEEN = """
import os, sys
from bench.cli import main
sys.argv = ["bench", "--version"]
assert "torch" not in sys.modules
try: main()
except SystemExit: pass
import torch  # OpenMP reads its settings now
print(os.environ["OMP_WAIT_POLICY"])
"""


@pytest.mark.parametrize(("own", "expected"), [(None, "passive"), ("active", "active")])
def test_threads_wait_passively_unless_the_user_says_otherwise(own, expected):
    plain = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment = plain | ({} if own is None else {"OMP_WAIT_POLICY": own}) | {"OMP_DISPLAY_ENV": "true"}
    answer = subprocess.run(
        [sys.executable, "-c", SEEN], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    assert answer.stdout.split()[-1] == expected
    if "OMP_WAIT_POLICY" in answer.stderr:  # as libgomp prints what it read; other runtimes print nothing
        assert f"OMP_WAIT_POLICY = '{expected.upper()}'" in answer.stderr
