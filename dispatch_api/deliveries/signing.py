"""Signatures: Standard Webhooks 1.0 for systems, and what DingTalk's robots ask for."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

from dispatch_api.errors import InvalidRequest

PREFIX = "whsec_"
MIN_BYTES, MAX_BYTES = 24, 64
OVERLAP = timedelta(hours=24)
"""How long the old secret signs too after a new one was made, unless told otherwise."""


def new_secret() -> str:
    """A secret of 32 random bytes, as receivers write it: `whsec_` and base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


def key_of(secret: str) -> bytes:
    """The key in a secret.

    Raises:
        InvalidRequest: It is not `whsec_` and the base64 of 24 to 64 bytes.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not MIN_BYTES <= len(key) <= MAX_BYTES:
        raise InvalidRequest(field="secret", problem="write whsec_ and the base64 of 24 to 64 bytes")
    return key


def webhook_headers(message_id: str, body: bytes, *, at: datetime, keys: Sequence[str]) -> dict[str, str]:
    """The three headers of Standard Webhooks, with one signature for each secret, the newest first."""
    timestamp = str(int(at.timestamp()))
    signed = f"{message_id}.{timestamp}.".encode() + body
    signatures = [base64.b64encode(hmac.digest(key_of(key), signed, hashlib.sha256)).decode() for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def dingtalk_query(secret: str, *, at: datetime) -> str:
    """What DingTalk wants at the end of a robot's URL: `timestamp` in milliseconds, and its signature."""
    timestamp = int(at.timestamp() * 1000)
    digest = hmac.digest(secret.encode(), f"{timestamp}\n{secret}".encode(), hashlib.sha256)
    return f"timestamp={timestamp}&sign={quote_plus(base64.b64encode(digest))}"


def secrets_in_use(kept: Sequence[Mapping[str, Any]], at: datetime) -> list[str]:
    """The secrets of a receiver that sign at a moment, the newest first; those that a newer one replaced run out."""
    return [one["secret"] for one in kept if one["until"] is None or datetime.fromisoformat(one["until"]) > at]


def rotated(
    kept: Sequence[Mapping[str, Any]], new: str, at: datetime, *, overlap: timedelta = OVERLAP
) -> list[dict[str, Any]]:
    """A receiver's secrets after a new one was made: the present ones sign along until the overlap is over."""
    until = at + overlap
    earlier = [
        {"secret": one["secret"], "until": min(datetime.fromisoformat(one["until"] or until.isoformat()), until)}
        for one in kept
        if one["secret"] in secrets_in_use(kept, at)
    ]
    return [
        {"secret": new, "until": None},
        *({**one, "until": one["until"].isoformat()} for one in earlier if one["until"] > at),
    ]
