"""Receivers: who is told, where, and of what. Their URLs and secrets are shown once, and masked ever after."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from dispatch_api.accounts.model import Actor
from dispatch_api.deliveries.addresses import target_of
from dispatch_api.deliveries.channels import ReceiverKind
from dispatch_api.deliveries.mail import recipients_of
from dispatch_api.deliveries.masking import masked
from dispatch_api.deliveries.notices import CASE_TYPES, TASK_TYPES
from dispatch_api.deliveries.outbox import DeliveryState, post_to
from dispatch_api.deliveries.phrases import Language
from dispatch_api.deliveries.signing import OVERLAP, key_of, new_secret, rotated, secrets_in_use
from dispatch_api.departments.model import Departments
from dispatch_api.errors import InvalidRequest, NotFound, ReceiverExists
from dispatch_api.store import Store
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.schema import delivery, receiver
from dispatch_api.store.times import iso, utc_now

TYPES = tuple(sorted({*CASE_TYPES.values(), *TASK_TYPES.values()}))
"""The types that cases and tasks post; reminders and the like have their own."""
MOST_PER_MINUTE = 6000
_LONGEST_OVERLAP = timedelta(days=30)
_BY_TYPE_BEGINNING = ("case.", "task.", "detection.", "reminder.", "supervision.", "storm.", "visit.", "receiver.")


@dataclass(frozen=True, kw_only=True)
class NewReceiver:
    """What an administrator says of a receiver.

    Attributes:
        name: As people call it, unique.
        kind: What is at the other end.
        url: Where it is; checked for its form now, and for its address whenever something is sent.
        secret: `whsec_…` of a webhook, made here where left out; the `SEC…` of a DingTalk robot; none otherwise.
        departments: Whose messages it gets; None: the whole city's.
        with_below: Whether it gets those of all departments below these too, at any depth.
        types: Which; None: all. `task.` stands for all that begin with it.
        quota_per_minute: The city's own limit for it, which red passes; None: the platform's.
        language: What the people read who are told by a robot or by mail; a webhook's messages carry both.
    """

    name: str
    kind: ReceiverKind
    url: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    departments: tuple[str, ...] | None = None
    with_below: bool = False
    types: tuple[str, ...] | None = None
    quota_per_minute: int | None = None
    language: Language = Language.ZH

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > 64:
            raise InvalidRequest(field="name", problem="a name has 1 to 64 characters")
        if self.kind is ReceiverKind.MAIL:
            recipients_of(self.url)
        else:
            target_of(self.url)
        if self.kind is ReceiverKind.WEBHOOK and self.secret is not None:
            key_of(self.secret)
        if self.kind in {ReceiverKind.MAIL, ReceiverKind.WECOM} and self.secret is not None:
            raise InvalidRequest(field="secret", problem=f"a receiver of kind {self.kind} has none")
        if self.departments is not None and not self.departments:
            raise InvalidRequest(field="departments", problem="name at least one, or leave it out for the whole city")
        if self.with_below and self.departments is None:
            raise InvalidRequest(field="with_below", problem="name departments; the whole city has none below it")
        for one in self.types or ():
            if not (one.startswith(_BY_TYPE_BEGINNING) and (one.endswith(".") or one.rpartition(".v")[2].isdigit())):
                raise InvalidRequest(
                    field="types", problem=f"{one!r} is no type; write task. or one of {', '.join(TYPES)}"
                )
        if self.quota_per_minute is not None and not 1 <= self.quota_per_minute <= MOST_PER_MINUTE:
            raise InvalidRequest(field="quota_per_minute", problem=f"1 to {MOST_PER_MINUTE}")


@dataclass(frozen=True, kw_only=True)
class Told:
    """A receiver with the secret that is shown this once; None where there is none to show."""

    shown: dict[str, Any]
    secret: str | None = field(repr=False)


class ReceiverDesk:
    """Where an administrator keeps receivers."""

    def __init__(self, store: Store, *, departments: Departments, now: Callable[[], datetime] = utc_now) -> None:
        """Join the parts.

        Args:
            store: Where receivers are kept.
            departments: The departments that exist, with what lies below each.
            now: The clock.
        """
        self._store = store
        self._departments = departments
        self._now = now

    def add(self, new: NewReceiver, *, by: Actor) -> Told:
        """Add a receiver.

        Raises:
            ReceiverExists: The name is taken.
            InvalidRequest: It names a department that does not exist.
        """
        unknown = next((key for key in new.departments or () if key not in self._departments), None)
        if unknown is not None:
            raise InvalidRequest(field="departments", problem=f"{unknown!r} is no department")
        secret = new.secret or (new_secret() if new.kind is ReceiverKind.WEBHOOK else None)
        return self._store.write(lambda connection: self._add(connection, new, secret, by))

    def _add(self, connection: Connection, new: NewReceiver, secret: str | None, by: Actor) -> Told:
        at = self._now()
        if connection.execute(select(receiver.c.name).where(receiver.c.name == new.name)).first() is not None:
            raise ReceiverExists(name=new.name)
        values = {
            "name": new.name,
            "kind": new.kind.value,
            "url": new.url,
            "secrets": [] if secret is None else [{"secret": secret, "until": None}],
            "departments": None if new.departments is None else list(new.departments),
            "below": self._below(new.departments or ()) if new.with_below else None,
            "types": None if new.types is None else list(new.types),
            "quota_per_minute": new.quota_per_minute,
            "language": new.language.value,
            "created_at": at,
            "created_by": by.name,
            "failures": 0,
            "recent": [],
        }
        connection.execute(insert(receiver), values)
        told = {"url": masked(new.url), "kind": new.kind.value, "with_below": new.with_below}
        self._note(connection, "added", new.name, by, at, told)
        made = secret if new.secret is None else None
        return Told(shown=shown(_named(connection, new.name), at, {}), secret=made)

    def choose_below(self, name: str, *, with_below: bool, by: Actor) -> dict[str, Any]:
        """Say anew whether a receiver gets the messages of departments below its own; what was addressed to it stays.

        Raises:
            NotFound: There is no such receiver.
            InvalidRequest: It gets the whole city's messages anyway.
        """

        def work(connection: Connection) -> dict[str, Any]:
            row = _named(connection, name)
            if row.departments is None:
                raise InvalidRequest(field="with_below", problem="the whole city has none below it")
            below = self._below(row.departments) if with_below else None
            if below != row.below:
                self._set_below(connection, name, row.below, below, by)
            return shown(_named(connection, name), self._now(), {})

        return self._store.write(work)

    def _set_below(
        self, connection: Connection, name: str, before: list[str] | None, below: list[str] | None, by: Actor
    ) -> None:
        connection.execute(update(receiver).where(receiver.c.name == name).values(below=below))
        was, now = set(before or ()), set(below or ())
        told = {"with_below": below is not None, "came": sorted(now - was), "went": sorted(was - now)}
        self._note(connection, "below_changed", name, by, self._now(), told)

    def follow_tree(self, *, by: Actor) -> int:
        """Bring what lies below receivers' departments up to the tree as it is now; for whoever has a city's own file.

        It is kept with each receiver, since whoever writes a message need not know the tree: so a department that went
        elsewhere is not told to those who were above it, whichever process writes.

        Returns:
            For how many receivers it had changed.
        """
        with self._store.read() as connection:
            if not self._astray(connection):
                return 0
        return self._store.write(lambda connection: self._follow(connection, by))

    def _follow(self, connection: Connection, by: Actor) -> int:
        astray = self._astray(connection)
        for name, before, below in astray:
            self._set_below(connection, name, before, below, by)
        return len(astray)

    def _astray(self, connection: Connection) -> list[tuple[str, list[str], list[str]]]:
        rows = connection.execute(select(receiver).where(receiver.c.below.is_not(None)).order_by(receiver.c.name))
        found = [(row.name, row.below, self._below(row.departments)) for row in rows]
        return [(name, before, below) for name, before, below in found if before != below]

    def _below(self, departments: Collection[str]) -> list[str]:
        return sorted({below for key in departments for below in self._departments.under(key)})

    def listed(self) -> list[dict[str, Any]]:
        """All receivers, by name, with how many deliveries wait and how many are dead."""
        counts = select(delivery.c.receiver_id, delivery.c.state, func.count().label("many"))
        counts = counts.where(delivery.c.state != DeliveryState.DELIVERED.value)
        with self._store.read() as connection:
            rows = connection.execute(select(receiver).order_by(receiver.c.name)).all()
            waiting = connection.execute(counts.group_by(delivery.c.receiver_id, delivery.c.state)).all()
        by_receiver: dict[int, dict[str, int]] = {}
        for one in waiting:
            by_receiver.setdefault(one.receiver_id, {})[one.state] = one.many
        at = self._now()
        return [shown(row, at, by_receiver.get(row.receiver_id, {})) for row in rows]

    def disable(self, name: str, *, by: Actor, why: str = "by hand") -> dict[str, Any]:
        """Send it nothing more for now; what waits stays.

        Raises:
            NotFound: There is no such receiver.
        """
        at = self._now()
        return self._change(name, "disabled", by, {"disabled_at": at, "disabled_why": why}, why=why)

    def enable(self, name: str, *, by: Actor) -> dict[str, Any]:
        """Send to it again, what waits first.

        Raises:
            NotFound: There is no such receiver.
        """
        columns = {"disabled_at": None, "disabled_why": None, "failures": 0, "open_until": None}
        return self._change(name, "enabled", by, columns)

    def choose_language(self, name: str, language: Language, *, by: Actor) -> dict[str, Any]:
        """Say anew what its people read; what waits goes out in that language too.

        Raises:
            NotFound: There is no such receiver.
        """
        told = {"language": language.value}
        return self._change(name, "language_changed", by, told, told=told)

    def rotate(self, name: str, *, by: Actor, overlap: timedelta = OVERLAP) -> Told:
        """Make a new secret for a webhook; the present one signs along until the overlap is over.

        Raises:
            NotFound: There is no such receiver.
            InvalidRequest: It is no webhook, or the overlap is longer than 30 days.
        """
        if not timedelta(0) <= overlap <= _LONGEST_OVERLAP:
            raise InvalidRequest(field="overlap", problem="0 to 30 days")
        secret = new_secret()

        def work(connection: Connection) -> Told:
            at, row = self._now(), _named(connection, name)
            if row.kind != ReceiverKind.WEBHOOK:
                raise InvalidRequest(field="receiver", problem=f"{name!r} is no webhook; its platform makes its secret")
            secrets = rotated(row.secrets, secret, at, overlap=overlap)
            connection.execute(update(receiver).where(receiver.c.name == name).values(secrets=secrets))
            self._note(connection, "rotated", name, by, at)
            return Told(shown=shown(_named(connection, name), at, {}), secret=secret)

        return self._store.write(work)

    def test(self, name: str, *, by: Actor) -> int:
        """Write a message for this receiver alone, to be tried at once; returns the delivery's id.

        Raises:
            NotFound: There is no such receiver.
            InvalidRequest: It is disabled.
        """

        def work(connection: Connection) -> int:
            at, row = self._now(), _named(connection, name)
            if row.disabled_at is not None:
                raise InvalidRequest(field="receiver", problem=f"{name!r} is disabled; enable it first")
            self._note(connection, "tested", name, by, at)
            connection.execute(update(receiver).where(receiver.c.name == name).values(open_until=None))
            return post_to(
                connection,
                row.receiver_id,
                type="receiver.test.v1",
                subject=f"receivers/{row.receiver_id}",
                case_id=None,
                departments=(),
                colour="red",
                at=at,
                data={"text_zh": "这是一条测试消息。收到即表示配置正确。", "text_en": "A test message."},
            )

        return self._store.write(work)

    def _change(
        self,
        name: str,
        what: str,
        by: Actor,
        columns: dict[str, Any],
        *,
        told: Mapping[str, Any] | None = None,
        why: str = "",
    ) -> dict[str, Any]:
        def work(connection: Connection) -> dict[str, Any]:
            at = self._now()
            _named(connection, name)
            connection.execute(update(receiver).where(receiver.c.name == name).values(**columns))
            self._note(connection, what, name, by, at, told, why=why)
            return shown(_named(connection, name), at, {})

        return self._store.write(work)

    def _note(
        self,
        connection: Connection,
        what: str,
        name: str,
        by: Actor,
        at: datetime,
        told: Mapping[str, Any] | None = None,
        *,
        why: str = "",
    ) -> None:
        data = {"receiver": name, **(told or {})}
        append_event(connection, Event(at=at, who=by.name, kind=f"receiver.{what}", why=why, data=data))


def shown(row: Row[Any], at: datetime, waiting: dict[str, int]) -> dict[str, Any]:
    """A receiver as it may be shown: its URL masked, of its secrets only how many sign."""
    return {
        "name": row.name,
        "kind": row.kind,
        "url": masked(row.url),
        "departments": row.departments,
        "with_below": row.below is not None,
        "below": row.below,
        "types": row.types,
        "quota_per_minute": row.quota_per_minute,
        "language": row.language,
        "secrets": len(secrets_in_use(row.secrets, at)),
        "enabled": row.disabled_at is None,
        "disabled_why": row.disabled_why,
        "failures": row.failures,
        "paused_until": iso(row.open_until) if row.open_until is not None and row.open_until > at else None,
        "waiting": waiting.get(DeliveryState.PENDING.value, 0),
        "dead": waiting.get(DeliveryState.DEAD.value, 0),
        "created_at": iso(row.created_at),
        "created_by": row.created_by,
    }


def receiver_id_of(connection: Connection, name: str) -> int:
    """The key of a receiver.

    Raises:
        NotFound: There is none of that name.
    """
    return int(_named(connection, name).receiver_id)


def _named(connection: Connection, name: str) -> Row[Any]:
    row = connection.execute(select(receiver).where(receiver.c.name == name)).first()
    if row is None:
        raise NotFound(kind="receiver", key=name)
    return row
