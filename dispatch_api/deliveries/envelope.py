"""A message as systems get it: CloudEvents 1.0 in JSON."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from dispatch_api.errors import InvalidRequest
from dispatch_api.store.times import iso

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
MAX_BODY_BYTES = 20_000
_REVERSE_DNS = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


@dataclass(frozen=True, kw_only=True)
class Letterhead:
    """What the sending service puts around a message.

    Attributes:
        type_prefix: Reverse domain name before each type, like `cn.flyonce`.
        source: The CloudEvents source; a receiver tells messages apart by (source, id), so it never changes.
        public_url: Where people reach the console, without a slash at the end; None: links name the path alone.
    """

    type_prefix: str = "cn.flyonce"
    source: str = "urn:flyonce:city"
    public_url: str | None = None

    def __post_init__(self) -> None:
        if not _REVERSE_DNS.fullmatch(self.type_prefix):
            raise InvalidRequest(field="event_prefix", problem="write a domain in reverse, like cn.gov.example")
        if not self.source or re.search(r"\s", self.source):
            raise InvalidRequest(field="event_source", problem="write a URI, like urn:flyonce:city")
        if self.public_url is not None and not re.fullmatch(r"https?://[^\s/]+(/[^\s?#]*[^\s?#/])?", self.public_url):
            raise InvalidRequest(field="public_url", problem="write https://city.example, without a slash at the end")

    def link(self, path: str | None) -> str | None:
        """The console's page of a path, which asks for a log-in."""
        return None if path is None else f"{self.public_url or ''}{path}"


def data_of(message: Row[Any], letterhead: Letterhead) -> dict[str, Any]:
    """A message's data, with its link as one that can be followed."""
    data: dict[str, Any] = json.loads(message.body)
    return data | {"link": letterhead.link(data["link"])} if "link" in data else data


def cloud_event(message: Row[Any], letterhead: Letterhead) -> bytes:
    """The body of a message; the same bytes at each attempt.

    Args:
        message: A row of the table of messages.
        letterhead: What the service puts around it.
    """
    event = {
        "specversion": "1.0",
        "id": message.message_id,
        "source": letterhead.source,
        "type": f"{letterhead.type_prefix}.{message.type}",
        "subject": message.subject,
        "time": iso(message.at),
        "datacontenttype": "application/json",
        "data": data_of(message, letterhead),
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
