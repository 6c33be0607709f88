"""What came of one attempt."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Row

from dispatch_api.deliveries.phrases import Language


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a receiver answered.

    Attributes:
        status: The HTTP status, None where there was none.
        error: Why it is a failure, in a few words; None: it was delivered.
        pause: How long the receiver wants to be left alone; None: it did not say.
        gone: The receiver wants nothing more, ever.
    """

    status: int | None = None
    error: str | None = None
    pause: timedelta | None = None
    gone: bool = False

    @property
    def delivered(self) -> bool:
        """Whether the receiver has it."""
        return self.error is None


@dataclass(frozen=True, kw_only=True)
class Address:
    """A receiver as those see it who send; URL and secrets stay out of logs.

    Attributes:
        receiver_id: Its key.
        name: As people call it.
        kind: One of `ReceiverKind`.
        url: Where it is.
        secrets: As kept: the secret, and until when it signs.
        failures: How often it failed in a row.
        language: What whoever is told there reads.
    """

    receiver_id: int
    name: str
    kind: str
    url: str = field(repr=False)
    secrets: tuple[dict[str, Any], ...] = field(repr=False)
    failures: int = 0
    language: Language = Language.ZH

    @classmethod
    def of(cls, row: Row[Any]) -> Address:
        """From a row of the table of receivers."""
        return cls(
            receiver_id=row.receiver_id,
            name=row.name,
            kind=row.kind,
            url=row.url,
            secrets=tuple(row.secrets),
            failures=row.failures,
            language=Language(row.language),
        )
