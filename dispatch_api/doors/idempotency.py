"""Answers given once: the same key and request again get the same answer, also after a restart."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Header
from sqlalchemy import Connection, bindparam, delete, func, select, tuple_

from dispatch_api.store.schema import answer_once
from dispatch_api.store.unit import write_later

MAX_KEY_LENGTH = 200
_KEY = r"^[\x21-\x7e]+$"
_BEFORE = select(answer_once).where(
    answer_once.c.owner == bindparam("of_owner"), answer_once.c.key.in_(bindparam("of_keys", expanding=True))
)

OwnersKey = tuple[str, str]
"""Who names it, and the name."""

IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=MAX_KEY_LENGTH,
        pattern=_KEY,
        description="A name of this request, unique to its sender; the same again gets the same answer.",
    ),
]


def is_key(text: str) -> bool:
    """Whether a header's value can be a key."""
    return len(text) <= MAX_KEY_LENGTH and re.fullmatch(_KEY, text) is not None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer that was given, or is given now.

    Attributes:
        request_sha256: What was asked; see `digest_of`.
        status: Its HTTP status.
        body: JSON object.
    """

    request_sha256: str
    status: int
    body: Mapping[str, Any]


def digest_of(request: Mapping[str, Any]) -> str:
    """SHA-256 of a request as JSON, whatever the order of its members and the spaces between them."""
    canonical = json.dumps(request, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def answers_before(connection: Connection, asked: Iterable[OwnersKey]) -> dict[OwnersKey, Answer]:
    """The answers that owners' keys were given before.

    Asked in the transaction that records the new ones: a store's writers come one after the other, so of two requests
    with one key that come at once the second finds what the first was told.
    """
    keys: dict[str, list[str]] = {}
    for owner, key in asked:
        keys.setdefault(owner, []).append(key)
    return {
        (owner, row.key): Answer(request_sha256=row.request_sha256, status=row.status, body=json.loads(row.answer))
        for owner, of_owner in keys.items()
        for row in connection.execute(_BEFORE, {"of_owner": owner, "of_keys": of_owner})
    }


def keep_answers(connection: Connection, answers: Mapping[OwnersKey, Answer], *, at: datetime) -> None:
    """Keep what owners' keys are answered now, in the transaction of what they asked for."""
    for (owner, key), answer in answers.items():
        values = {
            "owner": owner,
            "key": key,
            "request_sha256": answer.request_sha256,
            "status": answer.status,
            "answer": json.dumps(answer.body, ensure_ascii=False),
            "at": at,
        }
        write_later(connection, answer_once, values)


def forget_answers(connection: Connection, *, before: datetime, most: int | None = None) -> int:
    """Forget answers that were given before a moment, at most so many; returns how many."""
    old = answer_once.c.at < before
    if most is not None:
        some = select(answer_once.c.owner, answer_once.c.key).where(old).limit(most)
        old = tuple_(answer_once.c.owner, answer_once.c.key).in_(some)
    return connection.execute(delete(answer_once).where(old)).rowcount


def count_answers(connection: Connection, *, before: datetime) -> int:
    """How many answers were given before a moment."""
    query = select(func.count()).select_from(answer_once).where(answer_once.c.at < before)
    return int(connection.execute(query).scalar_one())
