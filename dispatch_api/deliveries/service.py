"""The relay with everything it needs, by a city's settings."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dispatch_api.cases.matters import Matters
from dispatch_api.deliveries.addresses import Guard, networks_of
from dispatch_api.deliveries.channels import Channel, DingTalk, ReceiverKind, Webhooks, WeCom
from dispatch_api.deliveries.desk import DeliveryDesk
from dispatch_api.deliveries.envelope import Letterhead
from dispatch_api.deliveries.mail import Mail, MailServer
from dispatch_api.deliveries.relay import Pace, Relay, RelayThread
from dispatch_api.deliveries.schedule import Schedule
from dispatch_api.deliveries.wire import Resolver, Wire, system_addresses
from dispatch_api.deliveries.words import Words
from dispatch_api.departments.model import Departments
from dispatch_api.errors import InvalidRequest
from dispatch_api.store import Store
from dispatch_api.store.times import utc_now

SHORTEST_TIMEOUT_S, LONGEST_TIMEOUT_S = 1.0, 30.0


@dataclass(frozen=True, kw_only=True)
class Sending:
    """How a city sends its messages.

    Attributes:
        guard: Which networks beside the world at large may be sent to.
        letterhead: What stands around a message.
        mail_server: Who takes mail; None: receivers of mail wait.
        timeout_s: How long a receiver may take.
        schedule: When failures are tried again.
        pace: How much is done at once.
        resolver: Looks names up.
        tls: Which certificates are trusted; the system's where left out.
    """

    guard: Guard = field(default_factory=Guard)
    letterhead: Letterhead = field(default_factory=Letterhead)
    mail_server: MailServer | None = None
    timeout_s: float = 20.0
    schedule: Schedule = field(default_factory=Schedule)
    pace: Pace = field(default_factory=Pace)
    resolver: Resolver = field(default=system_addresses, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not SHORTEST_TIMEOUT_S <= self.timeout_s <= LONGEST_TIMEOUT_S:
            raise InvalidRequest(
                field="timeout_s", problem=f"between {SHORTEST_TIMEOUT_S:g} and {LONGEST_TIMEOUT_S:g} seconds"
            )

    @classmethod
    def of(
        cls,
        *,
        networks: str = "",
        type_prefix: str | None = None,
        source: str | None = None,
        public_url: str | None = None,
        mail_url: str | None = None,
    ) -> Sending:
        """From a city's settings, as text.

        Raises:
            InvalidRequest: One of them cannot be used; it is named.
        """
        given = {"type_prefix": type_prefix, "source": source, "public_url": public_url}
        return cls(
            guard=Guard(allowed=networks_of([networks])),
            letterhead=Letterhead(**{name: value for name, value in given.items() if value}),
            mail_server=MailServer.of(mail_url) if mail_url else None,
        )


@dataclass(frozen=True, kw_only=True)
class Delivering:
    """Sends the messages of a store, in words of a city's matters and departments."""

    store: Store
    matters: Matters
    departments: Departments
    sending: Sending = field(default_factory=Sending)
    now: Callable[[], datetime] = utc_now

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set."""
        async with self.wire() as wire:
            await self.relay(wire).run(stop)

    async def run_for(self, receiver_id: int, delivery_id: int, *, within_s: float) -> dict[str, Any]:
        """Send to one receiver until a delivery was tried, by this process or another one.

        Returns:
            The delivery with its attempts, as `DeliveryDesk.one` shows it.
        """
        desk = DeliveryDesk(self.store, now=self.now)
        give_up_at = time.monotonic() + within_s
        async with self.wire() as wire:
            relay = self.relay(wire, only=receiver_id)
            while not desk.one(delivery_id)["attempts"] and time.monotonic() < give_up_at:
                await relay.turn()
                await relay.idle()
                await asyncio.sleep(self.sending.pace.poll_s)
        return desk.one(delivery_id)

    def wire(self) -> Wire:
        """The way out over HTTP; to be closed by whoever asks for it."""
        sending = self.sending
        return Wire(sending.guard, timeout_s=sending.timeout_s, resolver=sending.resolver, tls=sending.tls)

    def channels(self, wire: Wire) -> dict[ReceiverKind, Channel]:
        """Every way to a receiver that the city's settings open."""
        sending = self.sending
        words = Words(matters=self.matters, departments=self.departments, letterhead=sending.letterhead)
        channels: dict[ReceiverKind, Channel] = {
            ReceiverKind.WEBHOOK: Webhooks(wire, sending.letterhead),
            ReceiverKind.DINGTALK: DingTalk(wire, words),
            ReceiverKind.WECOM: WeCom(wire, words),
        }
        if sending.mail_server is not None:
            channels[ReceiverKind.MAIL] = Mail(sending.mail_server, words, timeout_s=sending.timeout_s, tls=sending.tls)
        return channels

    def relay(self, wire: Wire, *, only: int | None = None) -> Relay:
        """A relay that sends over a wire, to one receiver or to all."""
        sending = self.sending
        return Relay(
            self.store, self.channels(wire), schedule=sending.schedule, pace=sending.pace, only=only, now=self.now
        )

    def thread(self) -> RelayThread:
        """A thread that sends, not yet begun."""
        return RelayThread(self.run)
