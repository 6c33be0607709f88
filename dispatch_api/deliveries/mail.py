"""Mail: what a robot would say, as plain text, through the city's own mail server."""

from __future__ import annotations

import asyncio
import re
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from sqlalchemy import Row

from dispatch_api.deliveries.outcome import Address, Outcome
from dispatch_api.deliveries.phrases import BRAND, COLON
from dispatch_api.deliveries.words import Words
from dispatch_api.errors import InvalidRequest

_PORTS = {"smtps": 465, "smtp": 587}
_ROOM_BYTES = 100_000
_LINK = re.compile(r"\[([^]]*)\]\(([^)]*)\)")


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """The server that takes our mail; it is the administrator's own, so no guard judges its address.

    Attributes:
        host: Its name, which its certificate must carry.
        port: Where it listens.
        at_once: TLS from the first byte (`smtps`), not after STARTTLS.
        sender: The address that mail comes from.
        user: Log-in name, None where the server asks for none.
        password: Its password.
    """

    host: str
    port: int
    at_once: bool
    sender: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, url: str) -> MailServer:
        """From `smtps://user:password@mail.example:465?from=flyonce@example`, or `smtp://…` for STARTTLS.

        Raises:
            InvalidRequest: It is none.
        """
        parts = urlsplit(url)
        sender = parse_qs(parts.query).get("from", [""])[0]
        if parts.scheme not in _PORTS or not parts.hostname or not _is_address(sender):
            raise InvalidRequest(
                field="mail_url", problem="write smtps://user:password@mail.example:465?from=flyonce@mail.example"
            )
        return cls(
            host=parts.hostname,
            port=parts.port or _PORTS[parts.scheme],
            at_once=parts.scheme == "smtps",
            sender=sender,
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )


def recipients_of(url: str) -> list[str]:
    """The addresses of `mailto:a@city.example,b@city.example`.

    Raises:
        InvalidRequest: It is none.
    """
    addresses = url.removeprefix("mailto:").split(",")
    if not url.startswith("mailto:") or not all(_is_address(address) for address in addresses):
        raise InvalidRequest(field="url", problem="write mailto: and addresses with commas between them")
    return addresses


class Mail:
    """Mail through one server, always encrypted."""

    def __init__(
        self, server: MailServer, words: Words, *, timeout_s: float, tls: ssl.SSLContext | None = None
    ) -> None:
        self._server = server
        self._words = words
        self._timeout_s = timeout_s
        self._tls = tls or ssl.create_default_context()

    def fits(self, to: Address, messages: Sequence[Row[Any]]) -> int:
        """As many as one mail has lines for."""
        return self._words.fit(messages, room_bytes=_ROOM_BYTES, language=to.language)

    async def send(self, to: Address, messages: Sequence[Row[Any]], *, at: datetime) -> Outcome:
        """Hand a mail to the server."""
        try:
            return await asyncio.to_thread(self._hand_in, self._mail(to, messages, at))
        except smtplib.SMTPResponseException as error:
            return Outcome(status=error.smtp_code, error=f"the mail server answered {error.smtp_code}")
        except smtplib.SMTPRecipientsRefused:
            return Outcome(error="the mail server refused every recipient")
        except (smtplib.SMTPException, OSError, InvalidRequest) as error:
            return Outcome(error=f"the mail server did not take it ({type(error).__name__})")

    def _mail(self, to: Address, messages: Sequence[Row[Any]], at: datetime) -> EmailMessage:
        title, lines = self._words.said(messages, room_bytes=_ROOM_BYTES, language=to.language)
        mail = EmailMessage()
        mail["Subject"] = f"{to.language.of(BRAND)} {title}"
        mail["From"] = self._server.sender
        mail["To"] = ", ".join(recipients_of(to.url))
        mail["Date"] = format_datetime(at)
        # The same at each attempt, so that whoever got it twice can see it.
        domain = self._server.sender.partition("@")[2]
        mail["Message-ID"] = f"<{messages[0].message_id}.{len(messages)}@{domain}>"
        link = rf"\1{to.language.of(COLON)}\2"
        mail.set_content("\n".join([title, "", *(_LINK.sub(link, line.replace("**", "")) for line in lines)]))
        return mail

    def _hand_in(self, mail: EmailMessage) -> Outcome:
        server = self._server
        if server.at_once:
            client: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=self._timeout_s, context=self._tls
            )
        else:
            client = smtplib.SMTP(server.host, server.port, timeout=self._timeout_s)
        with client:
            if not server.at_once:
                client.starttls(context=self._tls)
            if server.user is not None and server.password is not None:
                client.login(server.user, server.password)
            client.send_message(mail)
        return Outcome(status=250)


def _is_address(text: str) -> bool:
    name, at, domain = text.partition("@")
    return bool(name and at and domain) and "@" not in domain and not any(c.isspace() or c in "<>,;" for c in text)
