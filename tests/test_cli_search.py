import json

import pytest

from bench.search.study import SearchRequest

SMOKE = ("--preset", "smoke", "--data", "size=smoke", "--device", "cpu")


def test_code_lengths_side_by_side(bench, smoke_request, trained, tmp_path):
    pytest.importorskip("faiss")
    of_lengths = SearchRequest(smoke_request(method="hashreid-noexit", results=tmp_path), lengths=(16, 48))
    for request in of_lengths.requests():
        trained(request)
    arguments = ("search", "-m", "hashreid-noexit", "--lengths", "16,48", "--seconds", 0, *SMOKE)
    status, out, err = bench(*arguments, "--index", "flat", "--results", tmp_path)
    assert status == 0
    assert "Index flat beside exact search" in out
    assert "16 bits" in out
    assert "48 bits" in out
    assert "reported" in out
    assert "timing" in err
    (folder,) = (tmp_path / "search" / "synthped-smoke").iterdir()
    names = {path.name for path in folder.iterdir()}
    assert {"study.json", "code-lengths.csv", "search-times.md", "code-length.svg", "code-length.png"} <= names


def test_codes_of_a_run_are_searched_from_coarse_to_fine(bench, smoke_request, trained, tmp_path):
    """The last exit has 128 bits; exit 3 is shorter."""
    trained(smoke_request(calibration_share=0.3, results=tmp_path))
    arguments = ("search", "-m", "hashreid", "--calibration", 0.3, "--gallery", 100, "--seconds", 0, *SMOKE)
    status, out, _ = bench(*arguments, "--coarse-to-fine", "--results", tmp_path)
    assert status == 0
    assert "codes of 64/128 bits" in out
    assert "coarse to fine, β 2" in out
    (folder,) = (tmp_path / "search" / "synthped-smoke").iterdir()
    assert {"coarse-to-fine.csv", "coarse-to-fine.png"} <= {path.name for path in folder.iterdir()}


def test_a_gallery_is_filled_up_and_searched_by_indexes(bench, smoke_request, trained, cache, tmp_path):
    pytest.importorskip("faiss")
    trained(smoke_request(calibration_share=0.3, results=tmp_path))
    arguments = ("search", "-m", "hashreid", "--calibration", 0.3, *SMOKE, "--results", tmp_path)
    status, out, err = bench(*arguments, "--gallery", "2e2,300", "--index", "flat,ctf")
    assert status == 0, err
    assert "Indexes in large galleries, hashreid on synthped-smoke" in out
    (kept,) = tmp_path.glob("scale/synthped-smoke/hashreid-*/scale.json")
    rows = json.loads(kept.read_text())["indexes"]
    assert {(row["index"], row["exit"]) for row in rows} >= {("flat", "exit 1"), ("ctf", "exit 4")}
    assert {row["recall"] for row in rows if row["index"] == "flat"} == {1.0}


def test_short_codes_that_are_no_exits_search_a_gallery_of_fewer_images_than_are_listed(
    bench, smoke_request, trained, cache, tmp_path
):
    """Method ctf has one exit, and its shorter codes beside it. Lists of 80 images hold all of them."""
    pytest.importorskip("faiss")
    trained(smoke_request(method="ctf", results=tmp_path))
    arguments = ("search", "-m", "ctf", *SMOKE, "--results", tmp_path)
    status, _, err = bench(*arguments, "--gallery", 80, "--index", "flat,ivf,ctf")
    assert status == 0, err
    (kept,) = tmp_path.glob("scale/synthped-smoke/ctf-*/scale.json")
    rows = {row["index"]: row for row in json.loads(kept.read_text())["indexes"]}
    assert {name: row["recall"] for name, row in rows.items()}.items() >= {"flat": 1.0, "ivf": 1.0}.items()
    assert rows["ctf"]["image_bytes"] == (128 + 32 + 16) / 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-m", "hashreid", "--index", "ctf"), "add --gallery 1e6"),
        (("-m", "hashreid", "--index", "flat,hnsw"), "takes several values only where"),
        (("-m", "hashreid", "--index", "flat", "--gallery", "200", "--re-rank"), "leave out --index or --gallery"),
        (("-m", "hashreid", "--gallery", "many"), "as 1e6; found 'many'"),
        (("-m", "hashreid-noexit", "--lengths", "12,many"), "found 'many'"),
        (("-m", "hashreid-noexit", "--lengths", "0"), "whole numbers from 1"),
        (("-m", "dare", "--lengths", "64"), "codes of fixed length"),
        (("-m", "hashreid", "--index", "tree"), "known: flat, hnsw, ivf"),
        (("-m", "hashreid", "--coarse-to-fine", "--calibration", "0"), "leave out --calibration 0"),
        (("-m", "bot", "--coarse-to-fine"), "bot has no binary codes that are shorter"),
        (("-m", "hashried"), "did you mean 'hashreid'"),
    ],
)
def test_what_cannot_be_studied(bench, tmp_path, arguments, message):
    status, _, err = bench("search", *arguments, *SMOKE, "--results", tmp_path)
    assert status == 1
    assert message in err
    assert "Traceback" not in err
