"""Rows as callers send them, checked against the feature schema: typed rows and warnings, or all faults of all rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal, cast

from marshmallow import EXCLUDE, Schema, ValidationError

from app.errors import MOST_FAULTS, FieldFault, InvalidRows
from app.release.schema import Feature, FeatureSchema, Scalar
from app.runtime.checking.judge import FaultTeller
from app.runtime.checking.novelty import NoveltyCheck, make_reader, make_silent_reader
from app.runtime.checking.screen import EnoughNews, RowScreen, build_row_screen
from app.runtime.checking.suggestions import MOST_SUGGESTIONS, NameSuggestions
from app.runtime.row_fields import FIELD_OF_TYPE, LONGEST_TEXT, FeatureField

_NOT_AN_OBJECT = "Expected an object with one member per feature."

OnUnseenValue = Literal["accept", "reject"]
OnUnknownField = Literal["ignore", "reject"]

# One value per feature, in the order of the schema: the only form of a row that a model sees.
TypedRow = tuple[Scalar | None, ...]


@dataclass(frozen=True)
class CheckedRows:
    """Rows that fit the schema, and what the caller should know about them."""

    rows: list[TypedRow]
    warnings: list[FieldFault]


@dataclass(frozen=True, kw_only=True)
class RowRules:
    """What rows may hold besides what the schema says; the same for every format that they come in.

    Attributes:
        on_unseen_value: What a category or number outside training gets: `accept` (a warning) or `reject`.
        on_unknown_field: What a field that the model does not know gets: `ignore` (a warning) or `reject`.
        longest_text: Characters of one text, unless training had it.
        most_fields: Fields of one row; never less than training had columns.
        most_faults: Faults, and warnings, that are listed; checking ends when there are more.
    """

    on_unseen_value: OnUnseenValue = "accept"
    on_unknown_field: OnUnknownField = "ignore"
    longest_text: int = LONGEST_TEXT
    most_fields: int = 10_000
    most_faults: int = MOST_FAULTS


_USUAL_RULES = RowRules()


def build_row_schema(schema: FeatureSchema, *, longest_text: int = LONGEST_TEXT) -> type[Schema]:
    """A marshmallow schema class with one field per feature.

    Attribute names are positions: a column may be called like a method of Schema, or hold a dot.
    """
    members = {
        f"f{position}": FIELD_OF_TYPE[feature.type](feature, longest_text=longest_text)
        for position, feature in enumerate(schema.features)
    }
    return Schema.from_dict(dict(members), name="Row")


def reject_nothing_more() -> frozenset[str]:
    return frozenset()


class RowValidator:
    """Checks rows for one feature schema: generated screens read valid rows, and the fields judge the others.

    One screen tells what training has not seen. Where it has told as much as is listed, another reads on that does not
    tell: what a row costs has a bound that does not depend on what it holds.
    """

    def __init__(
        self,
        schema: FeatureSchema,
        rules: RowRules = _USUAL_RULES,
        *,
        rejected: Callable[[], frozenset[str]] = reject_nothing_more,
    ) -> None:
        """Args: rejected: Tells of which features no unseen value is accepted now, whatever the rules say."""
        self._rejected = rejected
        self._schema = build_row_schema(schema, longest_text=rules.longest_text)(unknown=EXCLUDE)
        self._attributes = [f"f{position}" for position in range(len(schema.features))]
        self._rules = rules
        self._enough = rules.most_faults + 1
        fields = [cast("FeatureField", self._schema.fields[attribute]) for attribute in self._attributes]
        self._novelty_checks = [NoveltyCheck(feature) for feature in schema.features]
        self._telling = self._build_telling_screen(schema.features, fields)
        self._silent = self._build_silent_screen(schema.features, fields)
        self._rejects_unseen = rules.on_unseen_value == "reject"
        self._suggestions = NameSuggestions(feature.name for feature in schema.features)
        self._expected = {feature.name for feature in schema.features} | set(schema.unused)
        self._name_counts = {len({feature.name for feature in schema.features})}
        self._most_fields = max(rules.most_fields, len(self._expected))

    def check(self, rows: Sequence[Any]) -> CheckedRows:
        """Check all rows at once; nothing is predicted when one of them has a fault.

        Raises:
            InvalidRows: with every fault of every row, ordered by row, up to the most that are listed.
        """
        rejected = self._rejected()
        return self._check_strictly(rows, rejected) if rejected else self._check(rows)

    def _check(self, rows: Sequence[Any]) -> CheckedRows:
        typed, news, is_enough = self._telling.read_rows(rows)
        # Rows with every feature and no more fields than features have no unknown field.
        if len(typed) == len(rows) and not news and set(map(len, rows)) == self._name_counts:
            return CheckedRows(typed, [])
        if is_enough and not self._rejects_unseen:
            typed.extend(self._silent.read_rows(rows[len(typed) :])[0])
        faults = self._judge_others(rows, typed, news)
        return self._conclude(rows, typed, faults, news)

    def check_thoroughly(self, rows: Sequence[Any]) -> CheckedRows:
        """The same by marshmallow alone, twenty times slower and as far as rows go: what `check` is proven against."""
        loaded, faults = self._load(rows)
        typed = {position: tuple(map(row.get, self._attributes)) for position, row in loaded.items()}
        unseen = list(self._find_unseen_values(loaded))
        return self._conclude(rows, list(typed.values()), faults, unseen)

    def _check_strictly(self, rows: Sequence[Any], rejected: frozenset[str]) -> CheckedRows:
        """Refuse what training has not seen of some features, on top of all else."""
        faults = list(islice(self._find_rejected(rows, rejected), self._enough))
        try:
            checked = self._check(rows)
        except InvalidRows as refused:
            known = {(fault.row, fault.field) for fault in refused.faults}
            faults = [*refused.faults, *(fault for fault in faults if (fault.row, fault.field) not in known)]
        else:
            if not faults:
                return checked
        most = self._rules.most_faults
        raise InvalidRows(sorted(faults, key=_order_of)[:most], is_complete=len(faults) <= most)

    def _find_rejected(self, rows: Sequence[Any], rejected: frozenset[str]) -> Iterator[FieldFault]:
        chosen = [
            (check, self._schema.fields[attribute])
            for check, attribute in zip(self._novelty_checks, self._attributes, strict=True)
            if check.feature.name in rejected
        ]
        for position, row in enumerate(rows):
            for check, field in chosen if isinstance(row, dict) else ():
                if check.feature.name in row:
                    yield from check.find_news_of(field, row[check.feature.name], position)

    def _build_telling_screen(self, features: Sequence[Feature], fields: Sequence[FeatureField]) -> RowScreen:
        readers = [
            make_reader(field, check, enough=self._enough)
            for field, check in zip(fields, self._novelty_checks, strict=True)
        ]
        teller = FaultTeller(
            fields, lambda place, value, position: self._novelty_checks[place].find_news(value, position)
        )
        return build_row_screen(features, readers, teller.tell, longest_text=self._rules.longest_text)

    def _build_silent_screen(self, features: Sequence[Feature], fields: Sequence[FeatureField]) -> RowScreen:
        return build_row_screen(
            [f if f.two_valued else replace(f, minimum=None, maximum=None) for f in features],
            [make_silent_reader(field) for field in fields],
            FaultTeller(fields, lambda *_: None).tell,
            longest_text=self._rules.longest_text,
            takes_any_category=True,
        )

    def _judge_others(self, rows: Sequence[Any], typed: list[TypedRow], news: list[FieldFault]) -> list[FieldFault]:
        """Judge the rows from the first on that a screen did not take, value by value; return all that is wrong.

        What training has not seen is not told any more once there is enough of it, or a fault, for then only faults are
        listed. Where it is a fault itself, checking ends with enough of it.
        """
        while news and news[-1].row == len(typed):
            news.pop()
        faults: list[FieldFault] = []
        is_silent = not self._rejects_unseen and len(news) >= self._enough
        for position in range(len(typed), len(rows)):
            if len(faults) + (len(news) if self._rejects_unseen else 0) >= self._enough:
                break
            row = rows[position]
            if not isinstance(row, dict):
                faults.append(FieldFault(position, None, _NOT_AN_OBJECT))
                continue
            is_silent = is_silent or (bool(faults) and not self._rejects_unseen)
            try:
                judged = (self._silent if is_silent else self._telling).judge_row(row, position, news, faults)
            except EnoughNews:
                if self._rejects_unseen:
                    break
                is_silent = True
                faults.clear()  # There were none before this row.
                judged = self._silent.judge_row(row, position, news, faults)
            if judged is not None:
                typed.append(judged)
        return faults

    def _conclude(
        self, rows: Sequence[Any], typed: list[TypedRow], faults: list[FieldFault], unseen: list[FieldFault]
    ) -> CheckedRows:
        warnings: list[FieldFault] = []
        faults.extend(self._find_rows_too_wide(rows))
        unknown = list(islice(self._find_unknown_fields(rows), self._enough))
        (faults if self._rejects_unseen else warnings).extend(unseen)
        (faults if self._rules.on_unknown_field == "reject" else warnings).extend(unknown)
        most = self._rules.most_faults
        if faults:
            raise InvalidRows(sorted(faults, key=_order_of)[:most], is_complete=len(faults) <= most)
        listed = sorted(warnings, key=_order_of)[:most]
        if len(warnings) > most:
            listed.append(FieldFault(None, None, f"There are more warnings than these {most}.", "unlisted"))
        return CheckedRows(typed, listed)

    def _load(self, rows: Sequence[Any]) -> tuple[dict[int, dict[str, Any]], list[FieldFault]]:
        """Load rows by marshmallow: what is valid of each, and what is wrong."""
        try:
            return dict(enumerate(self._schema.load(rows, many=True))), []
        except ValidationError as error:
            valid = error.valid_data if isinstance(error.valid_data, list) else []
            messages: Mapping[int, Any] = error.messages_dict  # type: ignore[assignment] # many=True: by index
            return {position: row or {} for position, row in enumerate(valid)}, list(_flatten(messages, rows))

    def _find_unseen_values(self, loaded: Mapping[int, Mapping[str, Any]]) -> Iterator[FieldFault]:
        for position, row in loaded.items():
            for attribute, check in zip(self._attributes, self._novelty_checks, strict=True):
                fault = check.find_news(row[attribute], position) if attribute in row else None
                if fault is not None:
                    yield fault

    def _find_rows_too_wide(self, rows: Iterable[Any]) -> Iterator[FieldFault]:
        for position, row in enumerate(rows):
            if isinstance(row, dict) and len(row) > self._most_fields:
                message = f"A row may hold {self._most_fields} fields, this one holds {len(row)}."
                yield FieldFault(position, None, message)

    def _find_unknown_fields(self, rows: Iterable[Any]) -> Iterator[FieldFault]:
        """Each unknown name once, at its first row: a client that sends one extra column sends it everywhere."""
        accepted = set(self._expected)
        for position, row in enumerate(rows):
            if not isinstance(row, dict) or accepted.issuperset(row):
                continue
            for name in row:
                if name not in accepted:
                    accepted.add(name)
                    is_early = len(accepted) - len(self._expected) <= MOST_SUGGESTIONS
                    yield FieldFault(position, name, self._describe_unknown(name, suggest=is_early), "unknown_field")

    def _describe_unknown(self, name: str, *, suggest: bool) -> str:
        message = "The model does not know this field; it was ignored."
        if self._rules.on_unknown_field == "reject":
            message = "The model does not know this field."
        meant = self._suggestions.find(name) if suggest else None
        return f'{message} Did you mean "{meant}"?' if meant is not None else message


def _flatten(messages: Any, rows: Sequence[Any]) -> Iterator[FieldFault]:
    for position, by_field in messages.items():
        if not isinstance(rows[position], dict):
            yield FieldFault(position, None, _NOT_AN_OBJECT)
            continue
        for name, texts in by_field.items():
            yield from (FieldFault(position, name, text) for text in texts)


def _order_of(fault: FieldFault) -> tuple[int, str]:
    return (-1 if fault.row is None else fault.row, fault.field or "")
