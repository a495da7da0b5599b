import re

from kept import keep_run


def test_claims_name_run_table_row_and_column(bench, tmp_path):
    folder = keep_run(tmp_path)
    status, out, err = bench("claims", "hashreid-saving", "--results", tmp_path)
    assert (status, err) == (0, "")
    text = " ".join(out.split())
    for words in (
        "invented (rendered)",
        "hashreid-saving",
        "80% of the networks",
        "at most",
        "verdict",
        "invented-areas",
    ):
        assert words in text, words
    assert folder.path.name.rpartition("-")[2] in text
    assert "hashreid-strips" not in text
    assert not re.search(r"\de\+\d", text), "multiply-adds are written in millions"


def test_what_has_no_claims_is_said(bench, tmp_path):
    keep_run(tmp_path, "mine")
    status, _, err = bench("claims", "--results", tmp_path)
    assert status == 1
    assert "of a method whose paper's claims are tested" in " ".join(err.split())
    status, _, err = bench("claims", "hashreid-savings", "--results", tmp_path)
    assert status == 1
    assert "hashreid-saving" in err
