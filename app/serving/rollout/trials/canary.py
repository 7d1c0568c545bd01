"""A canary: the candidate answers a share of the callers, and the active release whenever it cannot."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from app.errors import InvalidRows, ServiceError
from app.release.candidate import CandidatePointer
from app.release.pointer import Stamp, read_stamp
from app.runtime.loading import LoadedRelease
from app.serving.answering import Prediction, answer_rows
from app.serving.rollout.comparison.ledger import Ledger
from app.serving.rollout.routing import is_chosen

logger = logging.getLogger(__name__)


class CanaryTrial:
    """Sends each caller to one of two versions and counts what both do.

    Fallback: a request that the candidate cannot answer is answered by the active release; it counts as an error of the
    candidate, and the first one of each kind is logged.

    Args:
        stamp_path: The file that names the candidate. As soon as it is another one, nobody is sent to the candidate.
    """

    def __init__(
        self, pointer: CandidatePointer, candidate: LoadedRelease, ledger: Ledger, *, stamp_path: str, stamp: Stamp
    ) -> None:
        self.routed_by: str | None = pointer.by
        self._pointer = pointer
        self._candidate = candidate
        self._ledger = ledger
        self._stamp_path = stamp_path
        self._stamp = stamp
        self._logged: set[str] = set()

    def answer(self, active: LoadedRelease, rows: Sequence[Any], route_value: str | None) -> Prediction:
        if active is self._candidate or not self._is_still_on_trial():
            return answer_rows(active, rows)
        pointer = self._pointer
        if route_value is None or not is_chosen(route_value, version=pointer.version, share=pointer.share):
            return self._answer_with_active(active, rows)
        try:
            prediction = answer_rows(self._candidate, rows, role="candidate")
        except Exception as fault:
            return self._answer_in_its_place(active, rows, fault)
        with self._ledger.lock:
            tally = self._ledger.counts_against(active.manifest.version).candidate
            tally.add_answer(prediction.labels, prediction.probabilities, seconds=prediction.computed_seconds)
        return prediction

    def _is_still_on_trial(self) -> bool:
        return read_stamp(self._stamp_path) == self._stamp

    def _answer_with_active(self, active: LoadedRelease, rows: Sequence[Any]) -> Prediction:
        try:
            prediction = answer_rows(active, rows)
        except InvalidRows:
            raise
        except Exception:
            with self._ledger.lock:
                self._ledger.counts_against(active.manifest.version).active.add_error()
            raise
        with self._ledger.lock:
            tally = self._ledger.counts_against(active.manifest.version).active
            tally.add_answer(prediction.labels, prediction.probabilities, seconds=prediction.computed_seconds)
        return prediction

    def _answer_in_its_place(self, active: LoadedRelease, rows: Sequence[Any], fault: Exception) -> Prediction:
        """Not counted for the active release: its times would hold requests that others of its group do not.

        Rows that neither version takes are a fault of the caller.
        """
        if not isinstance(fault, InvalidRows):
            self._count_error(active, fault)
            return answer_rows(active, rows)
        prediction = answer_rows(active, rows)
        self._count_error(active, fault)
        return prediction

    def _count_error(self, active: LoadedRelease, fault: Exception) -> None:
        with self._ledger.lock:
            self._ledger.counts_against(active.manifest.version).candidate.add_error()
        kind = fault.code if isinstance(fault, ServiceError) else type(fault).__name__
        if kind not in self._logged:
            self._logged.add(kind)
            logger.warning(
                "Candidate %s could not answer a request (%s); version %s answers in its place. Others like it are "
                "counted only.",
                self._pointer.version,
                kind,
                active.manifest.version,
                exc_info=fault,
            )
