"""The comparison: methods of one exit by their names, however many there are."""

from bench.findings.sections import sections
from bench.report.figures.comparison import MOST_POINTS, comparison_figure
from bench.report.figures.style import method_styles
from bench.runs.load import load


def test_many_methods_of_one_exit_have_their_names_beside_their_points(write_run):
    methods = [f"static-{number}" for number in range(MOST_POINTS + 1)]
    for number, method in enumerate(methods):

        def change(_, records, number=number):
            for record in records:
                record["requested_cost"] = record["realised_cost"] = 1e6 * (20 + 9 * number)
                record |= {"mAP": 0.1 + 0.1 * number, "mAP_low": 0.08 + 0.1 * number, "mAP_high": 0.12 + 0.1 * number}

        write_run(method=method, exits=1, swept=False, change=change)
    write_run(method="hashreid")
    (section,) = sections(load(write_run.results))
    figure = comparison_figure(section).figure
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["hashreid demo"]
    for axes in figure.axes:
        assert {text.get_text() for text in axes.texts} == {f"{method} demo" for method in methods}


def test_more_methods_than_colours_look_different():
    styles = method_styles({f"setup {number}": f"method {number}" for number in range(40)}).values()
    assert len({(style.colour, style.marker, style.fill) for style in styles}) == 40
    assert len({(style.colour, style.marker, str(style.dash)) for style in styles}) == 40
