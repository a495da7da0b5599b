"""Runs in one file: what goes in comes out, nothing else does, and nothing is replaced."""

import gzip
import io
import json
import shutil
import tarfile

import pytest
import xxhash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kept import keep_run

from bench.errors import BenchError
from bench.files import read_json, write_json
from bench.integrity.runs import verify_results
from bench.runs.archive import BrokenArchive, pack_runs
from bench.runs.export import write_export
from bench.runs.finding import every_run
from bench.runs.merging import merge_archive


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """Two runs, and the archive of both."""
    folder = tmp_path_factory.mktemp("packed")
    for method in ("hashreid", "dare"):
        keep_run(folder / "one", method)
    pack_runs(every_run(folder / "one"), folder / "runs.tar")
    return folder


def content(results):
    """Every file under a folder but locks, with its bytes and the time of its last change."""
    paths = sorted(path for path in results.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(results).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


def bytes_of(results):
    return {name: data for name, (data, _) in content(results).items()}


def test_what_is_packed_comes_out_and_merging_again_changes_nothing(packed, tmp_path):
    merged = merge_archive(packed / "runs.tar", tmp_path)
    assert bytes_of(tmp_path) == bytes_of(packed / "one")
    assert [len(run.added) for run in merged] == [6, 6]
    before = content(tmp_path)
    again = merge_archive(packed / "runs.tar", tmp_path)
    assert [(run.added, len(run.same), run.conflicts) for run in again] == [((), 6, ())] * 2
    assert content(tmp_path) == before
    assert not verify_results(tmp_path).wrong


def test_the_same_runs_give_the_same_bytes_compressed_too(packed, tmp_path):
    folders = every_run(packed / "one")
    for name in ("a.tar.gz", "b.tar.gz"):
        pack_runs(list(reversed(folders)), tmp_path / name)
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.tar.gz").read_bytes()) == (packed / "runs.tar").read_bytes()
    merge_archive(tmp_path / "a.tar.gz", tmp_path / "results")
    assert bytes_of(tmp_path / "results") == bytes_of(packed / "one")


def test_weights_and_embeddings_stay_behind_where_they_are_not_wanted(packed, tmp_path):
    (folder,) = [folder for folder in every_run(packed / "one") if "dare" in folder.path.name]
    whole = {one.place.rpartition("/")[2] for one in pack_runs([folder], tmp_path / "whole.tar")}
    light = {one.place.rpartition("/")[2] for one in pack_runs([folder], tmp_path / "light.tar", weights=False)}
    assert whole - light == {"weights.safetensors"}
    # What is missing is filled in by an archive that has it.
    merge_archive(tmp_path / "light.tar", tmp_path / "results")
    (run,) = merge_archive(tmp_path / "whole.tar", tmp_path / "results")
    assert run.added == ("weights.safetensors",)


def test_a_conflict_is_named_and_its_run_left_as_it_is(packed, tmp_path):
    merge_archive(packed / "runs.tar", tmp_path)
    (folder,) = [folder for folder in every_run(tmp_path) if "dare" in folder.path.name]
    write_json(folder.training, {**read_json(folder.training), "seconds": 1})
    folder.weights.unlink()
    before = content(tmp_path)
    merged = {run.folder.name.partition("-")[0]: run for run in merge_archive(packed / "runs.tar", tmp_path)}
    assert merged["dare"].conflicts == ("training.json",)
    assert merged["hashreid"].conflicts == ()
    assert content(tmp_path) == before


def test_a_training_that_has_ended_takes_the_place_of_one_in_its_middle(packed, tmp_path):
    (folder,) = [folder for folder in every_run(packed / "one") if "dare" in folder.path.name]
    here = tmp_path / "runs" / "invented" / folder.path.name
    here.mkdir(parents=True)
    (here / "checkpoint.pt").write_bytes(b"half")
    pack_runs([folder], tmp_path / "run.tar")
    merge_archive(tmp_path / "run.tar", tmp_path)
    assert bytes_of(here) == bytes_of(folder.path)


def test_specs_that_name_other_places_of_one_file_are_the_same(packed, tmp_path):
    merge_archive(packed / "runs.tar", tmp_path)
    for folder in every_run(tmp_path):
        spec = read_json(folder.spec)
        write_json(folder.spec, {**spec, "network": {**spec["network"], "weights": "/elsewhere"}})
    assert not any(run.conflicts or run.added for run in merge_archive(packed / "runs.tar", tmp_path))


def test_a_run_at_work_and_a_damaged_file_are_refused(packed, tmp_path):
    merge_archive(packed / "runs.tar", tmp_path)
    folder = every_run(tmp_path)[0]
    folder.weights.unlink()
    with folder.alone(), pytest.raises(BenchError, match="another process is at work"):
        merge_archive(packed / "runs.tar", tmp_path)
    path = next(folder.path.glob("records-*"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(BenchError, match=r"records-.*is damaged"):
        pack_runs([folder], tmp_path / "runs.tar")
    assert not list(tmp_path.glob("*.tar*"))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.floats(0, 1), st.sampled_from(["cut", "flipped", "doubled"]))
def test_a_damaged_archive_leaves_nothing_behind(packed, tmp_path, where, how):
    whole = (packed / "runs.tar").read_bytes()
    # What follows the last file is padding, which may be anything.
    at = int(where * (len(whole.rstrip(b"\0")) - 1))
    damaged = {
        "cut": whole[:at],
        "flipped": whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :],
        "doubled": whole[:at] + whole[at : at + 512] + whole[at:],
    }[how]
    (tmp_path / "damaged.tar").write_bytes(damaged)
    results = tmp_path / "results"
    try:
        merge_archive(tmp_path / "damaged.tar", results)
    except BrokenArchive:
        assert not list(results.iterdir())
    else:
        # Padding between two members, and fields of tar that are never read, may differ.
        assert bytes_of(results) == bytes_of(packed / "one")
        shutil.rmtree(results)


def forged(path, files, kinds=None):
    """Write an archive by hand: places with their bytes, whatever they are."""
    listed = [
        {"place": place, "bytes": len(data), "xxh3_128": xxhash.xxh3_128(data).hexdigest()} for place, data in files
    ]
    manifest = json.dumps({"form": "runs of reid-budget-bench", "schema": 1, "files": listed}).encode()
    with tarfile.open(path, "w") as archive:
        for place, data in (("manifest.json", manifest), *files):
            member = tarfile.TarInfo(place)
            member.size = len(data)
            member.type = (kinds or {}).get(place, tarfile.REGTYPE)
            member.linkname = "/etc/passwd"
            archive.addfile(member, io.BytesIO(data))
    return path


PLACE = "runs/invented/x-demo-seed0-00000000/spec.json"


@pytest.mark.parametrize(
    "place",
    [
        "../spec.json",
        "/tmp/spec.json",
        "runs/../../spec.json/spec.json",
        "runs/a/../spec.json",
        "runs/a/b/../spec.json",
        "runs/a/b/c/spec.json",
        "runs/a/.b/spec.json",
        "runs/a\\..\\b/c/spec.json",
        "runs/C:/b/spec.json",
        "runs/a/b\n/spec.json",
        "runs/a/b/.lock",
        "runs/a/b/evil.py",
        "spec.json",
        "",
    ],
)
def test_nothing_is_written_anywhere_else(tmp_path, place):
    archive = forged(tmp_path / "evil.tar", [(place, b"{}")])
    with pytest.raises(BrokenArchive, match="no place of a run's file"):
        merge_archive(archive, tmp_path / "results")
    assert {path.name for path in tmp_path.iterdir()} == {"evil.tar", "results"}
    assert not list((tmp_path / "results").iterdir())


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    archive = forged(tmp_path / "evil.tar", [(PLACE, b"")], {PLACE: kind})
    with pytest.raises(BrokenArchive, match="not as announced"):
        merge_archive(archive, tmp_path / "results")
    assert not list((tmp_path / "results").iterdir())


def test_what_is_not_of_this_form_is_refused(tmp_path):
    results = tmp_path / "results"
    for files, says in (
        ([(PLACE, b"{}")], "is not what this suite writes"),
        ([(PLACE, b"{}"), (PLACE.replace("invented", "Invented"), b"{}")], "names a file twice"),
    ):
        with pytest.raises(BrokenArchive, match=says):
            merge_archive(forged(tmp_path / "a.tar", files), results)
    for data in (b"", b"no archive", gzip.compress(b"nor this")):
        (tmp_path / "a.tar").write_bytes(data)
        with pytest.raises(BrokenArchive):
            merge_archive(tmp_path / "a.tar", results)
    with pytest.raises(BenchError, match="cannot read"):
        merge_archive(tmp_path / "nowhere.tar", results)
    # An archive that announces more than the disk holds is refused before anything is written.
    huge = {"form": "runs of reid-budget-bench", "schema": 1}
    huge["files"] = [{"place": PLACE, "bytes": 10**18, "xxh3_128": "0" * 32}]
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        member = tarfile.TarInfo("manifest.json")
        member.size = len(json.dumps(huge))
        archive.addfile(member, io.BytesIO(json.dumps(huge).encode()))
    with pytest.raises(BrokenArchive, match="bytes"):
        merge_archive(tmp_path / "a.tar", results)
    assert not list(results.iterdir())


def test_the_commands_say_what_they_did(bench, packed, tmp_path):
    status, out, _ = bench("pack", "all", "-o", tmp_path / "runs.tar", "--results", packed / "one", "--no-weights")
    assert (status, "10 files of 2 runs" in out, "without weights" in out) == (0, True, True)
    for says in ("5 files added", "nothing new"):
        status, out, _ = bench("merge", tmp_path / "runs.tar", "--results", tmp_path / "results")
        assert (status, out.count(says)) == (0, 2)
    for folder in every_run(tmp_path / "results"):
        write_json(folder.training, {**read_json(folder.training), "seconds": 1})
    status, out, err = bench("merge", tmp_path / "runs.tar", "--results", tmp_path / "results")
    assert (status, out.count("conflict, nothing added: training.json differ"), "2 runs" in err) == (1, 2, True)
    status, _, err = bench("pack", "nothing", "-o", tmp_path / "x.tar", "--results", packed / "one")
    assert (status, "no run 'nothing'" in err, (tmp_path / "x.tar").exists()) == (1, True, False)


@pytest.mark.parametrize("content", [b"a paper\n", b"\x1f\x8bnot gzip"])
def test_a_file_of_another_kind_is_not_written_over(tmp_path, content):
    other = tmp_path / "other"
    other.write_bytes(content)
    with pytest.raises(BenchError, match="is no archive"):
        pack_runs([], other)
    with pytest.raises(BenchError, match="is no export"):
        write_export(tmp_path, other)
    assert other.read_bytes() == content


@pytest.mark.parametrize("name", ["all.csv", "all.csv.gz"])
def test_an_export_is_written_over_by_the_next(tmp_path, name):
    keep_run(tmp_path, policies=())
    first = write_export(tmp_path, tmp_path / name)
    content = (tmp_path / name).read_bytes()
    assert write_export(tmp_path, tmp_path / name) == first
    assert (tmp_path / name).read_bytes() == content
