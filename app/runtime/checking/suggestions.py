"""Which known name was probably meant: found by look-ups, so that a hostile name costs no more than its own length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

# A slip or a few of them are worth the look; a thousand unknown names are no slips.
MOST_SUGGESTIONS = 20
_LONGEST_NAME = 100
_SHORT_NAME = 2


class NameSuggestions:
    """Names that differ from a known one in case, punctuation and one letter more, less, other or out of place.

    The known names are kept under all texts that leave out one letter of them, as in symmetric-delete spelling
    correction (Wolf Garbe, 2012): two names are close when they have such a text in common.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._by_text: dict[str, str] = {}
        known = [name for name in names if len(name) <= _LONGEST_NAME]
        for name in known:
            self._by_text.setdefault(_simplify(name), name)
        for name in known:
            for text in _leave_out_one(_simplify(name)):
                self._by_text.setdefault(text, name)

    def find(self, name: str) -> str | None:
        """The closest known name; None when none is close or the name is too long to be a slip."""
        if len(name) > _LONGEST_NAME:
            return None
        simple = _simplify(name)
        for text in (simple, *_leave_out_one(simple)):
            if text and text in self._by_text:
                return self._by_text[text]
        return None


def _simplify(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))


def _leave_out_one(text: str) -> Iterator[str]:
    """Nothing for names so short that any two of them would have something in common."""
    if len(text) > _SHORT_NAME:
        for position in range(len(text)):
            yield text[:position] + text[position + 1 :]
