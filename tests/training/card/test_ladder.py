from __future__ import annotations

from app.release.manifest import LadderEntry
from app.training.card.ladder import describe_ladder
from tests.training.card.builders import read_binary_card


def make_entry(name: str, latency_ms: float | None, loss: float | None, *, chosen: bool = False) -> LadderEntry:
    return LadderEntry(
        name=name,
        kind="pruned",
        description=f"what {name} is",
        reason=f"why {name}",
        chosen=chosen,
        loss=loss,
        loss_low=loss,
        loss_high=loss,
        latency_ms=latency_ms,
    )


LADDER = (
    make_entry("full", 0.4, 0.0),
    make_entry("pruned", 0.1, 0.001, chosen=True),
    make_entry("refit", 0.2, 0.006),
    make_entry("single", 0.05, 0.02),
    make_entry("student", None, None),
)


def test_a_release_without_a_ladder_has_no_section_about_it() -> None:
    assert describe_ladder((), "log_loss") is None
    assert "ladder" not in [attributes["id"] for attributes in read_binary_card().find("section")]


def test_every_candidate_is_listed_with_what_it_loses_and_gains() -> None:
    _, *rows = read_binary_card(ladder=LADDER).tables["Candidates"]
    assert [row[0] for row in rows] == [f"{e.name}: {e.description}" for e in LADDER]
    assert rows[1][1:4] == ["+0.10 %", "+0.10 % to +0.10 %", "0.1 ms"]
    assert [row[-1] for row in rows] == [
        "why full",
        "Chosen: why pruned",
        "Another is faster and not worse: why refit",
        "why single",
        "why student",
    ]


def test_the_plot_joins_the_candidates_that_no_other_beats_and_marks_the_chosen_one() -> None:
    section = describe_ladder(LADDER, "log_loss")
    assert section is not None
    (figure,) = section.figures
    lines = {mark.name or mark.style: mark.path for mark in figure.chart.marks}
    assert lines["best trade-offs"].count("L") == 2
    assert lines["beaten"].count("h0") == lines["chosen"].count("h0") == 1
    assert lines["chosen"].removesuffix("h0") in lines["dots"]
    assert [word.text for word in figure.chart.words] == ["pruned", "single", "full"]


def test_a_ladder_of_which_nothing_was_measured_has_a_table_only() -> None:
    section = describe_ladder((make_entry("full", None, None), make_entry("single", 0.1, 0.0)), "log_loss")
    assert section is not None
    assert (len(section.tables), section.figures) == (1, ())


def test_equal_candidates_do_not_beat_the_first_of_them_twice() -> None:
    section = describe_ladder((make_entry("a", 0.1, 0.0), make_entry("b", 0.1, 0.0)), "log_loss")
    assert section is not None
    assert [row[-1].text for row in section.tables[0].rows] == ["why a", "Another is faster and not worse: why b"]
