"""The ways to a receiver: signed webhooks, group robots, mail."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import Row

from dispatch_api.deliveries.envelope import CONTENT_TYPE, Letterhead, cloud_event
from dispatch_api.deliveries.outcome import Address, Outcome
from dispatch_api.deliveries.schedule import asked_pause
from dispatch_api.deliveries.signing import dingtalk_query, secrets_in_use, webhook_headers
from dispatch_api.deliveries.wire import Answer, NotSent, Wire
from dispatch_api.deliveries.words import Words
from dispatch_api.errors import AddressRefused, InvalidRequest

_SLOW_DOWN = frozenset({429, 502, 504})
_SLOW_DOWN_FOR = timedelta(seconds=30)
_GONE = 410
_JSON = {"content-type": "application/json; charset=utf-8"}


class ReceiverKind(StrEnum):
    """What is at the other end."""

    WEBHOOK = "webhook"
    DINGTALK = "dingtalk"
    WECOM = "wecom"
    MAIL = "mail"


ROBOTS = frozenset({ReceiverKind.DINGTALK, ReceiverKind.WECOM})
"""Both platforms take 20 messages a minute of one robot and then block it for ten minutes."""


class Channel(Protocol):
    """One way to receivers of one kind."""

    def fits(self, to: Address, messages: Sequence[Row[Any]]) -> int:
        """How many of these messages, from the first on, go out to a receiver together."""

    async def send(self, to: Address, messages: Sequence[Row[Any]], *, at: datetime) -> Outcome:
        """Send messages that fit together, once; whatever goes wrong is told, not raised."""


class Webhooks:
    """CloudEvents with the signature of Standard Webhooks, one at a time."""

    def __init__(self, wire: Wire, letterhead: Letterhead) -> None:
        self._wire = wire
        self._letterhead = letterhead

    def fits(self, to: Address, messages: Sequence[Row[Any]]) -> int:
        """One."""
        return min(1, len(messages))

    async def send(self, to: Address, messages: Sequence[Row[Any]], *, at: datetime) -> Outcome:
        """Post the message; any 2xx is its receipt."""
        message = messages[0]
        body = cloud_event(message, self._letterhead)
        keys = secrets_in_use(to.secrets, at)
        headers = {"content-type": CONTENT_TYPE, **webhook_headers(message.message_id, body, at=at, keys=keys)}
        answer = await _posted(self._wire, to, to.url, body, headers)
        return answer if isinstance(answer, Outcome) else outcome_of_status(answer, at)


class DingTalk:
    """A robot of a DingTalk group 钉钉 (钉钉专有部署 too: any host may be named)."""

    # The platform takes 20,000 bytes; a phone's screen does not.
    room_bytes = 6_000
    _too_often = frozenset({130101, 410100})

    def __init__(self, wire: Wire, words: Words) -> None:
        self._wire = wire
        self._words = words

    def fits(self, to: Address, messages: Sequence[Row[Any]]) -> int:
        """As many as one digest has lines for."""
        return self._words.fit(messages, room_bytes=self.room_bytes, language=to.language)

    async def send(self, to: Address, messages: Sequence[Row[Any]], *, at: datetime) -> Outcome:
        """Say it in the group."""
        title, lines = self._words.said(messages, room_bytes=self.room_bytes, language=to.language)
        body = {"msgtype": "markdown", "markdown": {"title": title, "text": "\n\n".join([f"### {title}", *lines])}}
        keys = secrets_in_use(to.secrets, at)
        url = to.url if not keys else f"{to.url}{'&' if '?' in to.url else '?'}{dingtalk_query(keys[0], at=at)}"
        return await _told_robot(self._wire, to, url, body, at, too_often=self._too_often)


class WeCom:
    """A robot of a WeCom group 企业微信; the key in its URL is all the secret there is."""

    # The platform takes 4,096 bytes of markdown.
    room_bytes = 3_600
    _too_often = frozenset({45009, 45033})

    def __init__(self, wire: Wire, words: Words) -> None:
        self._wire = wire
        self._words = words

    def fits(self, to: Address, messages: Sequence[Row[Any]]) -> int:
        """As many as one digest has lines for."""
        return self._words.fit(messages, room_bytes=self.room_bytes, language=to.language)

    async def send(self, to: Address, messages: Sequence[Row[Any]], *, at: datetime) -> Outcome:
        """Say it in the group."""
        title, lines = self._words.said(messages, room_bytes=self.room_bytes, language=to.language)
        body = {"msgtype": "markdown", "markdown": {"content": "\n".join([f"### {title}", *lines])}}
        return await _told_robot(self._wire, to, to.url, body, at, too_often=self._too_often)


def outcome_of_status(answer: Answer, at: datetime) -> Outcome:
    """What an HTTP status means for a delivery."""
    status = answer.status
    if 200 <= status < 300:
        return Outcome(status=status)
    if status == _GONE:
        return Outcome(status=status, error="the receiver is gone for good (410)", gone=True)
    pause = asked_pause(answer.retry_after, at)
    if 300 <= status < 400:
        return Outcome(status=status, error=f"answered {status}: redirects are not followed", pause=pause)
    if pause is None and status in _SLOW_DOWN:
        pause = _SLOW_DOWN_FOR
    return Outcome(status=status, error=f"answered {status}", pause=pause)


async def _posted(wire: Wire, to: Address, url: str, body: bytes, headers: dict[str, str]) -> Answer | Outcome:
    try:
        return await wire.post(url, body, headers, owner=to.receiver_id)
    except (NotSent, AddressRefused, InvalidRequest) as error:
        return Outcome(error=str(error))


async def _told_robot(
    wire: Wire, to: Address, url: str, body: dict[str, Any], at: datetime, *, too_often: frozenset[int]
) -> Outcome:
    answer = await _posted(wire, to, url, json.dumps(body, ensure_ascii=False).encode(), _JSON)
    if isinstance(answer, Outcome):
        return answer
    outcome = outcome_of_status(answer, at)
    if not outcome.delivered:
        return outcome
    try:
        code = int(json.loads(answer.body)["errcode"])
    except (ValueError, KeyError, TypeError):
        return Outcome(status=answer.status, error="answered with something that is no robot's answer")
    if code == 0:
        return outcome
    # The platform's own words are not kept: they may quote the URL, and with it the key.
    return Outcome(
        status=answer.status,
        error=f"the robot refused (errcode {code})",
        pause=timedelta(minutes=10) if code in too_often else None,
    )
