"""Date formats of a text column: those that Python reads as AutoGluon did in training."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pandas as pd
from pandas.tseries.api import guess_datetime_format

_SAMPLE_SIZE = 2000
_MOST_FORMATS = 8
_ISO_START = "%Y-%m-%d"


def find_date_formats(known: pd.Series[Any]) -> tuple[str, ...]:
    """strptime formats of the dates in a column, most frequent first, ISO 8601 left out.

    A format counts only when it reads each date to the moment that AutoGluon's parser found in it.
    """
    texts = pd.Series(known.unique(), dtype=object).astype(str).str.strip()
    if len(texts) > _SAMPLE_SIZE:
        texts = texts.sample(_SAMPLE_SIZE, random_state=0)
    with quiet_date_parsing():
        moments = pd.to_datetime(texts, utc=True, errors="coerce", format="mixed")
        formats = Counter(
            date_format
            for text, moment in zip(texts, moments, strict=True)
            if (date_format := _guess_format(text)) is not None and _reads_alike(text, date_format, moment)
        )
    return tuple(date_format for date_format, _ in formats.most_common(_MOST_FORMATS))


@contextmanager
def quiet_date_parsing() -> Iterator[None]:
    """Silence pandas where it wonders about the order of day and month: AutoGluon's reading is the one that counts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def _guess_format(text: str) -> str | None:
    date_format = guess_datetime_format(text)
    if date_format is None or date_format.startswith(_ISO_START):
        return None
    # A text without a year names no date: pandas would fill in the present one.
    return date_format if "%Y" in date_format or "%y" in date_format else None


def _reads_alike(text: str, date_format: str, moment: pd.Timestamp) -> bool:
    try:
        parsed = pd.Timestamp(datetime.strptime(text, date_format))  # noqa: DTZ007 - a naive date counts as UTC below
    except ValueError:
        return False
    return bool((parsed.tz_localize("UTC") if parsed.tzinfo is None else parsed) == moment)
