"""What a user may get wrong ends in one message, without a traceback."""

import os
import signal
import subprocess
import sys
import time
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from bench import registry
from bench.cli.ending import Terminated, unwinding
from bench.data.dataset import DatasetReader, DatasetRequest, ImageSample, ReidDataset
from bench.errors import BenchError
from bench.inert import shortened
from bench.search.timing import check_gallery


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("optimiser.learning_rate=inf", "expected a finite number"),
        ("margin=nan", "expected a finite number"),
        ("bits=0", "from 1 to 65,536"),
        ("bits=-8", "from 1 to 65,536"),
        ("bits=999999999999", "from 1 to 65,536"),
        ("strips=0", "from 1 to 256"),
        ("hidden=-1", "from 0 to 65,536"),
    ],
)
def test_settings_out_of_range_are_refused_with_their_range(bench, setting, message):
    status, _, err = bench("cost", "--method", "hashreid", "--set", setting)
    assert (status, message in err) == (1, True)


def test_a_sweep_of_a_billion_budgets_is_refused(bench):
    status, _, err = bench("run", "--method", "hashreid", "--budget-sweep", "--budgets", "1000000000")
    assert (status, "from 2 to 10,000 budgets" in err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("run", "-m", "hashreid", "--policies", "gs", "--budgets", "5"),
            "--policies, --budgets: of a budget sweep alone",
        ),
        (("run", "-m", "hashreid", "--cost", "$x^2$"), "unknown cost"),
        (("run", "-m", "hashreid", "--budget-sweep", "--shuffles", "1000000000"), "from 1 to 10,000 shuffles"),
        (("run", "-m", "hashreid", "--budget-sweep", "--resamples", "1000000000"), "from 2 to 100,000 resamples"),
        (("infer", "any", "--rounds", "1000000000"), "at most 10,000 rounds"),
        (("infer", "any", "--batch", "1000000000"), "at most 65,536 images"),
        (("infer", "any", "--latency-bound", "nan"), "milliseconds above 0"),
        (("latency", "-m", "hashreid", "--preset", "smoke", "--batch", "1000000000"), "GB of memory"),
    ],
)
def test_absurd_sizes_are_refused_before_anything_is_allocated(bench, tmp_path, arguments, message):
    status, _, err = bench(*arguments, "--results", tmp_path)
    assert (status, message in " ".join(err.split())) == (1, True)


def test_a_gallery_that_memory_cannot_hold_is_refused():
    with pytest.raises(BenchError, match=r"at least 257,000\.0 GB of memory"):
        check_gallery(250_000_000_000)


@pytest.mark.parametrize("words", ["can't allocate memory", "not enough memory"])  # on Linux and on Windows
def test_running_out_of_memory_is_no_defect(bench, monkeypatch, words):
    def full(kind):
        raise RuntimeError(f"DefaultCPUAllocator: {words}: you tried to allocate 9 bytes\nmore")

    monkeypatch.setattr(registry, "names", full)
    status, _, err = bench("list", "costs")
    assert (status, "there is not enough memory" in err, "more" in err.splitlines()[-1]) == (1, True, False)


@pytest.mark.parametrize(("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)])
def test_a_signal_that_comes_while_an_object_is_taken_down_is_not_lost(number, raised):
    # Tests that are started in the background ignore Ctrl-C.
    earlier = signal.signal(number, signal.default_int_handler)

    class Taken:
        def __del__(self):
            os.kill(os.getpid(), number)
            time.sleep(0.01)

    def work():
        Taken()
        time.sleep(10)

    try:
        with pytest.raises(raised), unwinding():
            work()
    finally:
        signal.signal(number, earlier)


def test_files_do_not_take_the_place_of_closed_streams(tmp_path):
    close = "import os; os.close(1); os.close(2)"
    check = "from bench.cli.ending import guarded\nwith guarded(): assert os.open('kept', os.O_CREAT) > 2"
    done = subprocess.run([sys.executable, "-c", f"{close}\n{check}"], cwd=tmp_path, timeout=60, check=False)
    assert done.returncode == 0


def test_a_gallery_of_thirty_digits_is_refused(bench):
    assert bench("cost", "--method", "hashreid", "--gallery", "1" * 30)[0] == 2


@pytest.mark.parametrize("value", ["nowhere_at_all:METHOD", "os.path:sep", "collections:OrderedDict", "antigravity_:x"])
def test_a_broken_plug_in_is_named_and_the_others_are_listed(bench, monkeypatch, value):
    known = dict(registry._registered("method"))
    broken = EntryPoint("broken", value, "bench.methods")
    monkeypatch.setattr(registry, "_registered", lambda kind: {**known, "broken": broken})
    status, out, err = bench("list", "methods")
    assert (status, "hashreid" in out) == (0, True)
    assert "'broken'" in err
    assert value in err
    with pytest.raises(BenchError, match="broken"):
        registry.method("broken")


def test_a_strange_dataset_with_people_on_both_sides_is_refused():
    samples = tuple(ImageSample(Path(f"{camera}.jpg"), pid=1, camid=camera) for camera in (1, 2))
    reader = DatasetReader(
        "strange",
        "",
        lambda request, reporter: ReidDataset("strange", Path(), samples, samples[:1], samples[1:]),
        needs_root=False,
    )
    with pytest.raises(BenchError, match="must be different people"):
        reader.open(DatasetRequest())


def command(*arguments):
    return [sys.executable, "-c", "from bench.cli import main; main()", *arguments]


def rendering(cache):
    make = command("data", "make", "synthped", "--size", "demo", "--cache", str(cache))
    return subprocess.Popen(make, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("data", "make", "synthped", "--size", "smoke", "--cache", "/tmp/{}"),
        ("show", "any", "--results", "{}"),
        ("report", "--formats", "{}"),
        ("list", "--{}"),
        ("{}",),
    ],
)
def test_a_value_that_is_too_long_is_quoted_in_short(bench, arguments):
    status, out, err = bench(*(argument.format("x" * 6000) for argument in arguments))
    assert status in (1, 2)
    assert "…" in out + err
    assert len(out + err) < 1500


def test_what_is_not_too_long_is_quoted_whole():
    path = f"/{'data/' * 50}set"
    assert shortened(f"{path}: expected 1, found 2\nknown: {'name, ' * 100}") == (
        f"{path}: expected 1, found 2\nknown: {'name, ' * 100}"
    )
    cut = shortened(f"found {'1 ' * 9000}")
    assert len(cut) == 3999
    assert cut.startswith("found 1 1")
    assert "…" in cut


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_output_gets_one_message():
    # Output that is held back fails twice: where it is written, and where the interpreter ends.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("list", "costs"), stdout=full, stderr=subprocess.PIPE, text=True, timeout=100, env=environment
        )
    assert (done.returncode, done.stderr.count("error:"), "Traceback" in done.stderr) == (1, 1, False)
    assert "cannot write the output" in done.stderr


def test_an_ascii_output_is_written():
    done = subprocess.run(
        command("list", "costs"),
        capture_output=True,
        timeout=100,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.isascii()


def test_sigterm_ends_with_a_word(tmp_path):
    process = subprocess.Popen(
        command("data", "make", "synthped", "--size", "demo", "--cache", str(tmp_path)),
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not any(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "terminated" in err, "Traceback" in err) == (143, True, False)


def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    process = subprocess.Popen(
        command("data", "make", "synthped", "--size", "demo", "--cache", str(tmp_path)),
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not any(tmp_path.rglob("*.jpg")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    # The pipe closes only when the last process that holds it has ended.
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
