"""Finding runs: what is read, what is passed over, which sweep wins, what may stand together."""

import math

import pandas as pd
import pytest
from all_rows import all_rows

from bench.errors import BenchError
from bench.findings.sections import sections
from bench.report.figures.style import method_styles
from bench.runs.load import load
from bench.runs.load_filed import load_filed
from bench.spec import digest


def test_an_empty_folder_says_what_to_type(tmp_path):
    with pytest.raises(BenchError, match=r"bench run --method hashreid --budget-sweep") as problem:
        load(tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in str(problem.value)


def test_counts_that_differ_by_seed_are_told_from_the_least_to_the_greatest(write_run):
    """Each seed holds out other identities: the counts of one run are not those of the section."""
    for seed, images in enumerate((3020, 2985, 3004)):
        write_run(
            seed=seed, change=lambda header, _, n=images: header["dataset"]["counts"].update({"training images": n})
        )
    (section,) = sections(load(write_run.results))
    assert section.counted == {"query images": "60", "training images": "2985 to 3020"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1]\n",
        '{"type": "header"}\n',
        '{"type": "header", "schema": 1}\n',
        '{"type": "header", "schema": 99}\n',
    ],
)
def test_foreign_files_cost_a_remark(write_run, text):
    _, records, path = write_run()
    path.with_name("records-ffffffff.jsonl").write_text(text)
    found = load(write_run.results)
    assert len(all_rows(found.runs)) == len(records)
    assert len(found.remarks) == 1
    assert "records-ffffffff.jsonl" in found.remarks[0]
    assert str(write_run.results) not in found.remarks[0]


def test_a_file_cut_short_is_left_out(write_run):
    _, _, path = write_run()
    write_run(method="dare")
    path.write_text(path.read_text()[:-200])
    found = load(write_run.results)
    assert [run.spec["method"] for run in found.runs] == ["dare"]
    assert len(found.remarks) == 1


def _unnamed_history(header, records):
    header["training"]["history"] = [1, 2]


def _missing_exit(header, records):
    del records[0]


def _unknown_kind(header, records):
    records[3]["kind"] = "guess"


def _text_for_number(header, records):
    records[3]["mAP"] = "high"


@pytest.mark.parametrize("change", [_unnamed_history, _missing_exit, _unknown_kind, _text_for_number])
def test_records_that_make_no_sense_are_left_out(write_run, change):
    write_run(method="dare")
    write_run(change=change)
    found = load(write_run.results)
    assert [run.spec["method"] for run in found.runs] == ["dare"]
    assert len(found.remarks) == 1


def test_only_unusable_files_are_an_error_that_names_them(write_run):
    _, _, path = write_run()
    path.write_text("{")
    with pytest.raises(BenchError, match="records-00000000"):
        load(write_run.results)


def test_the_newest_sweep_wins_and_the_older_fills_in(write_run):
    def mark(header, records):
        for record in records:
            record["mINP" if "mINP" in record else "mAP" if "mAP" in record else "rank-1"] = 0.125

    write_run(file="records-a.jsonl", budgets=9)
    _, new, _ = write_run(file="records-0.jsonl", at="2026-02-01T00:00:00+00:00", change=mark)
    found = load(write_run.results)
    assert len(found.runs) == 1
    assert [file.place.rpartition("/")[2] for file in found.runs[0].files] == ["records-0.jsonl", "records-a.jsonl"]
    table = all_rows(found.runs)
    policies = table[(table["kind"] == "policy") & (table["thresholding"] == "stream")]
    # 9 budgets hold the 5, up to the last digits of their roots.
    assert len(policies) == 2 * 9
    assert (policies["mINP"] == 0.125).sum() == 2 * 5
    assert (table["kind"] == "exit").sum() == 4
    assert (table.loc[table["kind"] == "exit", "mINP"] == 0.125).all()
    curves = table[(table["kind"] == "oracle") & (table["thresholding"] == "constrained")]
    assert len(curves) == sum(record["thresholding"] == "constrained" for record in new)


def test_sweeps_of_an_older_version_are_not_mixed_in(write_run):
    def older(header, records):
        header["sweep"]["sweep_version"] = 0

    write_run(file="records-a.jsonl", budgets=9, change=older)
    write_run(file="records-b.jsonl")
    found = load(write_run.results)
    table = all_rows(found.runs)
    assert ((table["kind"] == "policy") & (table["thresholding"] == "stream")).sum() == 2 * 5
    assert "older version" in found.remarks[0]


def test_what_differs_in_data_or_evaluation_is_kept_apart(write_run):
    write_run()
    write_run(dataset="other")
    write_run(fingerprint="cd" * 32)
    write_run(ap="trapezoid", file="records-1.jsonl")
    found = sections(load(write_run.results))
    assert len(found) == 4
    assert len({section.slug for section in found}) == 4
    assert len({section.title for section in found}) == 4
    assert all(
        len(section.setups) == 1 and len(all_rows(section.setups[0].runs)["run"].unique()) == 1 for section in found
    )
    assert {section.dataset for section in found if section.rendered} == {"invented"}


def test_seeds_are_one_setup_and_settings_are_two(write_run):
    for seed in (1, 0):
        write_run(seed=seed, network={"ranking_weight": 100.0, "bits": 256})
    write_run(seed=0, network={"ranking_weight": 0.0, "bits": 256})
    (section,) = sections(load(write_run.results))
    assert [(setup.label, setup.seeds) for setup in section.setups] == [
        ("hashreid demo (ranking weight 0)", "seed 0"),
        ("hashreid demo (ranking weight 100)", "seeds 0, 1"),
    ]
    assert len({setup.file_name for setup in section.setups}) == 2


def test_an_option_that_is_added_with_its_default_splits_no_setup(write_run, added_option):
    def trained(**network):
        def change(header, records):
            header["spec"]["network"] = {"bits": 256, **network}
            header["run"] = digest(header["spec"])

        return change

    added_option("hashreid", strips=4)
    write_run(seed=0, change=trained())
    write_run(seed=1, change=trained(strips=4))
    write_run(seed=2, change=trained(strips=2))
    (section,) = sections(load(write_run.results))
    assert [(setup.label, setup.seeds) for setup in section.setups] == [
        ("hashreid demo (strips 2)", "seed 2"),
        ("hashreid demo (strips 4)", "seeds 0, 1"),
    ]


def test_the_recipe_tells_setups_apart_by_its_name(write_run):
    """All constants of a recipe differ with it: its name says so in one word, and other settings are still shown."""

    def trained(name, epochs):
        def change(header, records):
            header["spec"]["recipe_name"] = name
            header["spec"]["recipe"] = {"epochs": epochs, "input_size": [128, 64]}
            header["run"] = digest(header["spec"])

        return change

    write_run(method="dare", change=trained("own", 14))
    write_run(method="dare", change=trained("shared", 12), file="records-1.jsonl")
    write_run(method="hashreid", change=trained("own", 14))
    (section,) = sections(load(write_run.results))
    assert [setup.label for setup in section.setups] == [
        "dare demo, own recipe",
        "dare demo, shared recipe",
        "hashreid demo",
    ]


def test_ten_crops_are_a_section_of_their_own(write_run):
    def averaged(header, records):
        header["evaluation"]["views"] = "ten-crop"

    write_run()
    write_run(change=averaged, file="records-1.jsonl")
    titles = sorted(section.title for section in sections(load(write_run.results)))
    assert titles == ["invented (rendered) [ten crops]", "invented (rendered) [the middle]"]


def test_a_methods_setups_share_a_colour_and_a_marker():
    styles = method_styles({"dare demo, own recipe": "dare", "dare demo, shared recipe": "dare", "new demo": "new"})
    own, shared, new = styles.values()
    assert (own.colour, own.marker) == (shared.colour, shared.marker)
    assert (own.fill, shared.fill) == ("full", "none")
    assert own.dash != shared.dash
    assert new.colour != own.colour
    many = method_styles({f"method {number}": f"method {number}" for number in range(10)})
    assert len({(style.colour, style.marker) for style in many.values()}) == 10


def test_numbers_that_are_not_there_leave_the_others_in_their_places(write_run, tmp_path):
    """Fields differ from record to record, and some hold nothing: every other number stands in its own row."""

    def change(header, records):
        points = [record for record in records if record["kind"] == "policy"]
        points[1]["mAP_gain"] = None
        del points[2]["mAP_gain"]
        points[3]["young"] = 7

    _, records, _ = write_run(change=change)
    points = [record for record in records if record["kind"] == "policy"]
    (run,) = load(write_run.results).runs
    found = run.frames["policy"]
    for name in ("mAP", "rank-1", "realised_cost", "policy", "thresholding"):
        assert found[name].tolist() == [record[name] for record in points]
    for index in range(4):
        assert found[f"exit_fraction_{index + 1}"].tolist() == [record["exit_fractions"][index] for record in points]
    gains = found["mAP_gain"].tolist()
    assert gains[0] == points[0]["mAP_gain"]
    assert all(map(math.isnan, gains[1:3]))
    assert gains[3:] == [record["mAP_gain"] for record in points[3:]]
    assert found["young"].dropna().to_dict() == {3: 7.0}
    with load_filed(write_run.results, tmp_path) as results:
        (filed,) = results.runs
        for kind, frame in run.frames.items():
            pd.testing.assert_frame_equal(filed.frames[kind], frame)
