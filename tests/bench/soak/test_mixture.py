from __future__ import annotations

from tests.bench.soak.mixture import Mixture, find_category

ROWS = [
    {"name": f"n{n}", "gender": "MF"[n % 2], "contract": "abc"[n % 3], "charges": 20.5 + n, "tenure": n}
    for n in range(7)
]


def test_requests_differ_and_are_the_same_again_when_they_are_asked_for_again() -> None:
    mixture = Mixture(ROWS, key="k")
    without_keys = [n for n in range(200) if n % 50 != 24]
    assert len({mixture[n] for n in range(150)}) == 150
    assert [mixture[n] for n in without_keys] == [mixture[n] for n in without_keys]


def test_a_mixture_goes_on_where_an_earlier_one_ended() -> None:
    mixture = Mixture(ROWS, key="k")
    assert mixture.starting_at(60)[0] == mixture[60]
    assert mixture.count_statuses(60) + mixture.starting_at(60).count_statuses(40) == mixture.count_statuses(100)


def test_one_of_ten_requests_is_to_be_refused_or_names_something_new() -> None:
    assert Mixture(ROWS, key="k").count_statuses(100) == {200: 92, 422: 2, 401: 2, 400: 2, 404: 2}


def test_what_is_never_seen_is_a_category() -> None:
    assert find_category(ROWS) == "contract"
    assert b'"contract":"never seen 9"' in Mixture(ROWS, key="k")[9]
