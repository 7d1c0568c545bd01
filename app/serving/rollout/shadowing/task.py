"""What a shadow process is told at its start, by the worker that keeps it running."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from app.release.signing import PublicKey, Trust
from app.runtime.loading import Execution
from app.runtime.rows import RowRules


@dataclass(frozen=True, kw_only=True)
class ShadowTask:
    """Which version of which store is tried in which trial, and how this installation opens and executes releases.

    Attributes:
        keeper: The id of the process that keeps this one running.
    """

    store: Path
    version: str
    trial: str
    trust: Trust
    prefer: Execution
    rules: RowRules
    keeper: int

    def to_bytes(self) -> bytes:
        """One line of JSON."""
        return orjson.dumps(asdict(self), default=str) + b"\n"

    @classmethod
    def from_bytes(cls, line: bytes) -> ShadowTask:
        values: Any = orjson.loads(line)
        trust = values["trust"]
        return cls(
            **{
                **values,
                "store": Path(values["store"]),
                "trust": Trust(
                    **{
                        **trust,
                        "keys": tuple(PublicKey(**key) for key in trust["keys"]),
                        "key_file": None if trust["key_file"] is None else Path(trust["key_file"]),
                    }
                ),
                "rules": RowRules(**values["rules"]),
            }
        )
