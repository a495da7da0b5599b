import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import BenchError
from bench.search.chain import Code, search_chain
from bench.search.timing import LengthTimes


def times(**searches):
    """Search milliseconds (bits, floats) by length."""
    found = {}
    for name, (binary, continuous) in searches.items():
        length = int(name.removeprefix("of"))
        found[length] = LengthTimes(length, 1, 1, 1, 1, binary, continuous)
    return found


CODES = [Code("binary", 256), Code("binary", 256), Code("binary", 1024), Code("binary", 2048)]
TIMES = times(of256=(1.0, 7.0), of1024=(4.0, 20.0), of2048=(8.0, 40.0))


def test_the_papers_chain_by_hand():
    floats, codes, leaving, whole = search_chain(CODES, [0.7, 0.1, 0.1, 0.1], TIMES)
    assert floats.milliseconds == 40
    assert codes.milliseconds == 8
    assert leaving.milliseconds == pytest.approx(0.7 + 0.1 + 0.4 + 0.8)
    # 30 % go on to exit 2, 20 % to exit 3, 10 % to exit 4.
    assert whole.milliseconds == pytest.approx(1 + 0.3 * 1 + 0.2 * 4 + 0.1 * 8)


def test_continuous_exits_are_searched_as_floats():
    chain = search_chain([Code("continuous", 256), Code("continuous", 2048)], [0.5, 0.5], TIMES)
    assert [step.milliseconds for step in chain] == [40, 40, pytest.approx(23.5), pytest.approx(27)]


@given(st.lists(st.floats(0.01, 1), min_size=4, max_size=4))
def test_searching_on_the_way_never_takes_less(weights):
    shares = [weight / sum(weights) for weight in weights]
    _, _, leaving, whole = search_chain(CODES, shares, TIMES)
    assert whole.milliseconds >= leaving.milliseconds
    assert TIMES[256].binary_search_ms <= leaving.milliseconds <= TIMES[2048].binary_search_ms + 1e-9


@pytest.mark.parametrize("shares", [[1.0], [0.5, 0.5, 0.5, 0.5], [2, -1, 0, 0]])
def test_shares_are_one_an_exit_and_add_up(shares):
    with pytest.raises(BenchError, match="add up to 1"):
        search_chain(CODES, shares, TIMES)
