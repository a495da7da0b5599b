"""Records of an earlier version of a policy are told from those of today, wherever they are read."""

import pytest
from kept import keep_run
from one_section import only_section

from bench.errors import BenchError
from bench.findings.sections import sections
from bench.findings.versions import version_remark
from bench.report.tables.areas import area_table
from bench.report.tables.comparisons import comparison_table
from bench.runs.comparable import comparable
from bench.runs.finding import find_run, read_run
from bench.runs.load import each_run, load, newest_rows

MATCHING = {"name": "matching", "unit": "multiply-adds", "gallery_images": 9}


def as_ets(version):
    """Records of gs by the name of ets, in a version; 0 for a file of before versions were told."""

    def change(header, records):
        for record in records:
            for name in ("policy", "other"):
                if record.get(name) == "gs":
                    record[name] = "ets"
        if version:
            header["policy_versions"] = {"ets": version}

    return change


def test_kept_records_of_an_earlier_version_are_told_in_the_notes(tmp_path):
    keep_run(tmp_path, change=as_ets(0))
    section = only_section(tmp_path)
    remark = version_remark(section)
    assert remark == (
        " Of an earlier version: ets is of its version 1, today's is 2: classes were weighted by the inverse of their "
        "frequency."
    )
    for table in (area_table(section), comparison_table(section)):
        assert table.note.endswith(remark)


def test_records_of_today_need_no_remark(tmp_path):
    keep_run(tmp_path, change=as_ets(2))
    assert version_remark(only_section(tmp_path)) == ""


def test_a_remark_names_the_runs_where_versions_differ(tmp_path):
    keep_run(tmp_path, seed=0, change=as_ets(0))
    keep_run(tmp_path, seed=1, change=as_ets(2))
    assert "version 1 in hashreid demo seed 0, today's is 2" in version_remark(only_section(tmp_path))


def test_a_cost_of_an_earlier_version_is_told_and_stands_apart(tmp_path):
    def over(seed, **told):
        return keep_run(tmp_path, seed=seed, change=lambda header, _: header.update(cost=MATCHING | told))

    over(0)
    (old,) = sections(load(tmp_path))
    remark = version_remark(old)
    assert remark.startswith(
        " Of an earlier version: cost matching is of its version 1, today's is 2: a query paid for"
    )
    assert area_table(old).note.endswith(remark)
    for seed, search in ((1, [1.0, 2.0, 2.0, 1.0]), (2, [1.0, 2.0, 2.0, 9.0])):
        over(seed, version=2, search=search)
    one, other = sections(load(tmp_path))
    assert {section.title: version_remark(section) for section in (one, other)} == {
        "invented (rendered) [cost matching]": remark,
        "invented (rendered) [cost matching, version 2]": "",
    }
    runs = [find_run(tmp_path, f"seed{seed}") for seed in range(3)]
    assert comparable(*map(read_run, runs[1:]))
    with pytest.raises(
        BenchError, match=r"budgets in matching and AP .* budgets in matching, version 2: their numbers"
    ):
        comparable(*map(read_run, runs[:2]))


def test_a_later_version_takes_the_place_of_an_earlier_one_at_every_budget(tmp_path):
    """Also at budgets that the later sweep did not visit: two versions make no one curve."""
    keep_run(tmp_path, change=as_ets(0), resamples=50, at="2026-01-01T00:00:00+00:00")
    keep_run(tmp_path, change=as_ets(2), resamples=40, thresholdings=("exact",), at="2026-02-01T00:00:00+00:00")
    (run,) = each_run(tmp_path, [])
    rows = newest_rows(run)
    kept = {(row["policy"], row["thresholding"]) for row in rows if row["kind"] == "policy"}
    assert kept == {("ets", "exact"), ("random", "exact"), ("random", "stream")}
    met = {(row["policy"], row["other"], row["thresholding"]) for row in rows if row["kind"] == "comparison"}
    assert not {one for one in met if "ets" in one and "stream" in one}


@pytest.mark.parametrize("versions", [["ets"], {"ets": "two"}])
def test_versions_of_another_form_cost_the_file_a_remark(tmp_path, versions):
    keep_run(tmp_path, seed=0)
    keep_run(tmp_path, seed=1, change=lambda header, _: header.update(policy_versions=versions))
    results = load(tmp_path)
    assert len(results.runs) == 1
    assert "no records file of this suite" in results.remarks[0]
