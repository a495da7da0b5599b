import pytest

from bench.search.study import SearchRequest

SMOKE = ("--preset", "smoke", "--data", "size=smoke", "--device", "cpu")


def test_code_lengths_side_by_side(bench, smoke_request, trained, tmp_path):
    pytest.importorskip("faiss")
    of_lengths = SearchRequest(smoke_request(method="hashreid-noexit", results=tmp_path), lengths=(16, 48))
    for request in of_lengths.requests():
        trained(request)
    arguments = ("search", "-m", "hashreid-noexit", "--lengths", "16,48", "--gallery", 100, "--seconds", 0, *SMOKE)
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-m", "hashreid-noexit", "--lengths", "12,many"), "found 'many'"),
        (("-m", "hashreid-noexit", "--lengths", "0"), "whole numbers from 1"),
        (("-m", "dare", "--lengths", "64"), "codes of fixed length"),
        (("-m", "hashreid", "--index", "tree"), "known: flat, hnsw, ivf"),
        (("-m", "hashried"), "did you mean 'hashreid'"),
    ],
)
def test_what_cannot_be_studied(bench, tmp_path, arguments, message):
    status, _, err = bench("search", *arguments, *SMOKE, "--results", tmp_path)
    assert status == 1
    assert message in err
    assert "Traceback" not in err
