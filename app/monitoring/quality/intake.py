"""What is done with outcomes when they arrive: compared with what the published versions answer, then kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.errors import MOST_FAULTS, FieldFault, InvalidRows, ReleaseUnusable, TooLarge
from app.monitoring.quality.feedback import FeedbackStore, Receipt, ToldOutcome
from app.monitoring.quality.labels import AnswerForm, describe_forms, find_form
from app.release.store import ReleaseStore


class FeedbackIntake:
    """Takes the true outcomes of predictions.

    Whose prediction it is that an identifier names is not known here: that is in the prediction log, which the watcher
    reads. So an outcome has to fit one of the versions that are published.
    """

    def __init__(self, store: ReleaseStore, feedback: FeedbackStore, *, most_outcomes: int) -> None:
        self._store = store
        self._feedback = feedback
        self._most_outcomes = most_outcomes
        self._forms: Mapping[str, AnswerForm | None] = {}

    def take(self, told: Sequence[ToldOutcome], *, key: str) -> Receipt:
        """Keep outcomes, all of them or none.

        Raises:
            TooLarge: for more than one request may hold.
            InvalidRows: with every outcome that no published version could have answered.
            Unavailable: when the database does not answer.
        """
        if len(told) > self._most_outcomes:
            raise TooLarge(
                f"One request may hold {self._most_outcomes} outcomes, this one holds {len(told)}.",
                code="too_many_rows",
            )
        self._check_answers(told)
        return self._feedback.add(told, key=key)

    def _check_answers(self, told: Sequence[ToldOutcome]) -> None:
        forms = set(self._read_forms())
        if not forms:
            return
        fitting = {outcome: any(form.fits(outcome) for form in forms) for outcome in {item.outcome for item in told}}
        misfits = [item for item in told if not fitting[item.outcome]]
        if misfits:
            expected = describe_forms(forms)
            faults = [FieldFault(item.row, "outcome", expected) for item in misfits[:MOST_FAULTS]]
            raise InvalidRows(faults, is_complete=len(misfits) <= MOST_FAULTS)

    def _read_forms(self) -> Sequence[AnswerForm]:
        """What the versions of the store answer. Each is read once: a version never changes.

        Fallback: a version that cannot be read decides nothing; it is not served either.
        """
        known = self._forms
        self._forms = {version: known.get(version) or self._read_form(version) for version in self._store.versions()}
        return [form for form in self._forms.values() if form is not None]

    def _read_form(self, version: str) -> AnswerForm | None:
        try:
            return find_form(self._store.manifest(version))
        except ReleaseUnusable:
            return None
