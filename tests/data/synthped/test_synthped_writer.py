from __future__ import annotations

import errno
import io
import json
import re
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import pytest
from notes import Notes

from bench.data.synthped import RENDERER_VERSION, SIZES, SynthPedSpec, writer
from bench.data.synthped.folder import MARKER, making_folder, only_maker
from bench.data.synthped.process import CANNOT_WRITE, serve
from bench.data.synthped.shots import GALLERY, QUERY, TRAIN
from bench.data.synthped.writer import make
from bench.errors import BenchError
from bench.progress import SILENT, Reporter

SPEC = SIZES["smoke"]
TINY = SynthPedSpec(
    height=64,
    width=32,
    train_identities=2,
    test_identities=2,
    distractors=2,
    junk=2,
    train_images_per_camera=(1, 1),
    test_images_per_camera=(1, 1),
    cameras_per_identity=(2, 2),
)


@pytest.fixture(scope="module")
def tiny_set(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Files of a tiny set that one worker process rendered, undisturbed."""
    return _files(make(TINY, tmp_path_factory.mktemp("synthped") / "alone", workers=1))


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _labels(folder: Path) -> list[tuple[int, int]]:
    names = [path.name for path in sorted(folder.iterdir())]
    found = [re.fullmatch(r"(-1|\d{4})_c([1-6])s([1-6])_\d{6}_\d{2}\.jpg", name) for name in names]
    assert all(found), names
    return [(int(match[1]), int(match[2])) for match in found if match]


def test_layout_is_that_of_market_1501(smoke_set):
    assert sorted(path.name for path in smoke_set.iterdir()) == sorted([TRAIN, QUERY, GALLERY, MARKER])
    train, query, gallery = (_labels(smoke_set / name) for name in (TRAIN, QUERY, GALLERY))
    assert {pid for pid, _ in train} == set(range(1, 25))
    assert {pid for pid, _ in query} == set(range(25, 41))
    assert {pid for pid, _ in gallery} == {-1, 0} | set(range(25, 41))
    assert sum(pid == 0 for pid, _ in gallery) == SPEC.distractors
    assert sum(pid == -1 for pid, _ in gallery) == SPEC.junk
    assert len(query) == len(set(query)), "one query for each person and camera"
    for person in range(25, 41):
        cameras = {camera for pid, camera in gallery if pid == person}
        assert len(cameras) >= 2
        assert cameras == {camera for pid, camera in query if pid == person}


def test_the_marker_says_what_the_set_is(smoke_set):
    meta = json.loads((smoke_set / MARKER).read_text())
    assert meta["renderer_version"] == RENDERER_VERSION
    assert meta["spec"] == SPEC.as_json()
    assert meta["images"] == {name: len(list((smoke_set / name).iterdir())) for name in (TRAIN, QUERY, GALLERY)}
    assert "rendered" in meta["set"]
    assert sum(meta["queries_by_difficulty"].values()) == meta["images"][QUERY]


def test_worker_processes_change_no_byte(tiny_set, tmp_path):
    assert tiny_set == _files(make(TINY, tmp_path / "apart", workers=2))


def test_the_bytes_do_not_hang_on_units_for_wide_vectors():
    code = "import json, numpy; print(json.dumps(numpy.show_config(mode='dicts')['SIMD Extensions']))"
    command = [sys.executable, "-c", code]
    environment = {**writer.rendering_environment(), "PYTHONWARNINGS": "error"}
    used = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)
    assert used.get("found", []) == []


def test_a_finished_set_is_left_alone(smoke_set, monkeypatch):
    monkeypatch.setattr(writer, "_start_worker", lambda: pytest.fail("rendered again"))
    assert make(SPEC, smoke_set, workers=1) == smoke_set


def test_a_stopped_run_is_gone_on_with(tiny_set, tmp_path, monkeypatch):
    ask = writer._ask
    rendered: list[str] = []

    def stopped_after_three(process, line):
        if len(rendered) == 3:
            raise KeyboardInterrupt
        rendered.append(line.splitlines()[-1])
        return ask(process, line)

    folder = tmp_path / "set"
    monkeypatch.setattr(writer, "_ask", stopped_after_three)
    with pytest.raises(KeyboardInterrupt):
        make(TINY, folder, workers=1)
    assert not folder.exists()
    # What a killed process may leave besides: a file half written.
    (making_folder(TINY, folder) / TRAIN / "0001_c1s1_000000_01.jpg.1.new").write_bytes(b"half")
    again: list[str] = []
    monkeypatch.setattr(writer, "_ask", lambda process, line: again.append(line.splitlines()[-1]) or ask(process, line))
    listener = Notes()
    make(TINY, folder, listener, workers=1)
    assert again
    assert not set(again) & set(rendered)
    assert "going on" in listener.said[0]
    assert _files(folder) == tiny_set
    assert {path.name for path in tmp_path.iterdir()} <= {"set", ".set.lock"}


def test_a_failing_worker_process_is_an_error(tmp_path, monkeypatch):
    def broken() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", "import sys; sys.stdin.readline()"]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    monkeypatch.setattr(writer, "_start_worker", broken)
    with pytest.raises(BenchError, match="ended from outside"):
        make(TINY, tmp_path / "set", workers=2)
    assert not (tmp_path / "set").exists()


def test_a_worker_process_that_cannot_write_says_why(tmp_path):
    making = tmp_path / "making"
    head = json.dumps({"spec": asdict(TINY), "making": str(making)})
    replies = io.StringIO()
    serve(io.StringIO(f"{head}\n0\n"), replies)
    assert replies.getvalue().startswith(f"{CANNOT_WRITE}{errno.ENOENT} {making}")
    echo = [sys.executable, "-c", f"input(); print({replies.getvalue().strip()!r})"]
    process = subprocess.Popen(echo, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with pytest.raises(FileNotFoundError, match=str(making)):
        writer._ask(process, "0")
    process.communicate()


def test_two_makers_at_once_leave_one_sound_set(tiny_set, tmp_path):
    code = (
        "import sys; sys.path[:0] = sys.argv[2:]; from pathlib import Path; import test_synthped_writer as tests;"
        "from bench.data.synthped.writer import make; make(tests.TINY, Path(sys.argv[1]), workers=1)"
    )
    here = Path(__file__).parent
    folders = [str(here), str(here.parents[1] / "support")]
    command = [sys.executable, "-c", code, str(tmp_path / "both"), *folders]
    both = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert _files(tmp_path / "both") == tiny_set


def test_a_folder_with_something_else_is_not_touched(tmp_path):
    (tmp_path / "photographs").mkdir()
    (tmp_path / "photographs" / "holiday.jpg").write_bytes(b"")
    with pytest.raises(BenchError, match="no finished synthped set"):
        make(TINY, tmp_path / "photographs", workers=1)


def test_a_folder_with_another_set_is_not_touched(smoke_set):
    with pytest.raises(BenchError, match="another synthped set"):
        make(TINY, smoke_set, workers=1)


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "empty").mkdir()
    assert (make(TINY, tmp_path / "empty", workers=1) / MARKER).is_file()


def test_a_set_is_rendered_by_one_process(tmp_path):
    told, began, order = threading.Event(), threading.Event(), []

    class Told(Reporter):
        def note(self, text):
            order.append(text)
            told.set()

    def second():
        began.wait(10)
        with only_maker(tmp_path / "set", Told()):
            order.append("second")

    other = threading.Thread(target=second)
    other.start()
    with only_maker(tmp_path / "set", SILENT):
        began.set()
        assert told.wait(10)
        order.append("first")
    other.join(10)
    assert "waiting for it" in order[0]
    assert order[1:] == ["first", "second"]
