"""The vehicle's side of the mission protocol: it leads uploads, checks items, and answers downloads with its quirks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.errors import CannotPlan, FlightplanError
from flightplan.link.mavlink import Autopilot as Dialect
from flightplan.link.mavlink import MissionItem, UnknownItem
from flightplan.link.plan_on_wire import ListKind
from flightplan.vehicle.item_rules import as_held, item_from_message, item_problem

Message = Any
Reply = Callable[[Message], None]
# Takes a whole new list, and gives it back as the vehicle holds it. Raises what it cannot keep.
Keep = Callable[[ListKind, tuple[MissionItem, ...]], tuple[MissionItem, ...]]

# As ArduPilot: it asks once a second and gives up after eight.
ASK_AGAIN_S = 1.0
ASK_TIMES = 8


class MissionUnderWay(FlightplanError):
    """The mission that is being flown cannot be cleared."""


@dataclass
class _Transfer:
    """An upload in progress."""

    kind: ListKind
    count: int
    partner: tuple[int, int]
    reply: Reply
    items: list[MissionItem] = field(default_factory=list)
    asked_at_s: float = 0.0
    asked: int = 0


class MissionDesk:
    """Takes and gives missions, fences and rally points; `keep` gets each new list once it is complete."""

    def __init__(self, keep: Keep, dialect_spoken: Dialect, most_items: int = 700) -> None:
        self._keep = keep
        self._dialect = dialect_spoken
        self._most_items = most_items
        self._held: dict[ListKind, tuple[MissionItem, ...]] = dict.fromkeys(ListKind, ())
        self._transfer: _Transfer | None = None

    def handle(self, message: Message, reply: Reply, now_s: float) -> bool:
        """Answers a message of the mission protocol; false when it is none."""
        answer = self._answers().get(message.get_type())
        if answer is None:
            return bool(message.get_type() == "MISSION_ACK")
        kind = _kind(message)
        if kind is None:
            self._answer_unknown_kind(message, reply)
        else:
            answer(message, kind, reply, now_s)
        return True

    def tick(self, now_s: float) -> None:
        """Asks again for an item that did not come, and gives up in the end."""
        transfer = self._transfer
        if transfer is None or now_s - transfer.asked_at_s < ASK_AGAIN_S:
            return
        if transfer.asked >= ASK_TIMES:
            self._end(transfer, dialect.MAV_MISSION_OPERATION_CANCELLED)
            return
        self._ask(transfer, now_s)

    def _answers(self) -> dict[str, Callable[[Message, ListKind, Reply, float], None]]:
        return {
            "MISSION_COUNT": self._begin,
            "MISSION_ITEM_INT": self._take,
            "MISSION_ITEM": self._take,
            "MISSION_REQUEST_LIST": self._count,
            "MISSION_REQUEST_INT": self._give,
            "MISSION_REQUEST": self._give,
            "MISSION_CLEAR_ALL": self._clear,
        }

    def _answer_unknown_kind(self, message: Message, reply: Reply) -> None:
        if message.get_type() == "MISSION_CLEAR_ALL" and message.mission_type == dialect.MAV_MISSION_TYPE_ALL:
            self._transfer = None
            code = max(self._store(kind, ()) for kind in ListKind)
        else:
            code = dialect.MAV_MISSION_UNSUPPORTED
        reply(dialect.MAVLink_mission_ack_message(*_partner(message), code, message.mission_type))

    def _begin(self, message: Message, kind: ListKind, reply: Reply, now_s: float) -> None:
        partner = _partner(message)
        if message.count > self._most_items:
            _acknowledge(partner, reply, dialect.MAV_MISSION_NO_SPACE, kind)
        elif message.count == 0:
            self._transfer = None
            _acknowledge(partner, reply, self._store(kind, ()), kind)
        elif self._is_busy_with_another(partner, kind):
            _acknowledge(partner, reply, dialect.MAV_MISSION_DENIED, kind)
        else:
            self._transfer = _Transfer(kind=kind, count=message.count, partner=partner, reply=reply)
            self._ask(self._transfer, now_s)

    def _is_busy_with_another(self, partner: tuple[int, int], kind: ListKind) -> bool:
        transfer = self._transfer
        return transfer is not None and transfer.partner != partner and transfer.kind is kind and transfer.asked < 3

    def _ask(self, transfer: _Transfer, now_s: float) -> None:
        transfer.asked_at_s = now_s
        transfer.asked += 1
        seq = len(transfer.items)
        transfer.reply(dialect.MAVLink_mission_request_int_message(*transfer.partner, seq, transfer.kind))

    def _take(self, message: Message, kind: ListKind, reply: Reply, now_s: float) -> None:
        transfer = self._transfer
        if transfer is None or transfer.kind is not kind or message.seq != len(transfer.items):
            _acknowledge(_partner(message), reply, dialect.MAV_MISSION_INVALID_SEQUENCE, kind)
            return
        code = item_problem(message, kind, self._dialect)
        if code != dialect.MAV_MISSION_ACCEPTED:
            self._end(transfer, code)
            return
        transfer.items.append(item_from_message(message))
        transfer.asked = 0
        if len(transfer.items) < transfer.count:
            self._ask(transfer, now_s)
        else:
            self._end(transfer, self._store(kind, tuple(transfer.items)))

    def _end(self, transfer: _Transfer, code: int) -> None:
        self._transfer = None
        _acknowledge(transfer.partner, transfer.reply, code, transfer.kind)

    def _store(self, kind: ListKind, items: tuple[MissionItem, ...]) -> int:
        """Keeps a whole list, or leaves the old one; returns the MAV_MISSION_RESULT."""
        try:
            self._held[kind] = self._keep(kind, tuple(as_held(item, self._dialect) for item in items))
        except (UnknownItem, CannotPlan):
            return int(dialect.MAV_MISSION_INVALID)
        except MissionUnderWay:
            return int(dialect.MAV_MISSION_ERROR)
        return int(dialect.MAV_MISSION_ACCEPTED)

    def _count(self, message: Message, kind: ListKind, reply: Reply, now_s: float) -> None:
        reply(dialect.MAVLink_mission_count_message(*_partner(message), len(self._held[kind]), kind))

    def _give(self, message: Message, kind: ListKind, reply: Reply, now_s: float) -> None:
        partner, held = _partner(message), self._held[kind]
        if message.seq >= len(held):
            _acknowledge(partner, reply, dialect.MAV_MISSION_INVALID_SEQUENCE, kind)
            return
        item = held[message.seq]
        whole = (*partner, item.seq, item.frame, item.command, int(item.seq == 0), 1, *item.params)
        if message.get_type() == "MISSION_REQUEST":
            places = (item.x / 1e7, item.y / 1e7) if item.has_place else (float(item.x), float(item.y))
            reply(dialect.MAVLink_mission_item_message(*whole, *places, item.z, kind))
        else:
            reply(dialect.MAVLink_mission_item_int_message(*whole, item.x, item.y, item.z, kind))

    def _clear(self, message: Message, kind: ListKind, reply: Reply, now_s: float) -> None:
        self._transfer = None
        _acknowledge(_partner(message), reply, self._store(kind, ()), kind)


def _kind(message: Message) -> ListKind | None:
    try:
        return ListKind(message.mission_type)
    except ValueError:
        return None


def _partner(message: Message) -> tuple[int, int]:
    return message.get_srcSystem(), message.get_srcComponent()


def _acknowledge(partner: tuple[int, int], reply: Reply, code: int, kind: ListKind) -> None:
    reply(dialect.MAVLink_mission_ack_message(*partner, code, kind))
