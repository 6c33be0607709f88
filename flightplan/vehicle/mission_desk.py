"""The vehicle's side of the mission protocol: it leads uploads, checks items, and answers downloads with its quirks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.mavlink import MISSION_TYPE_MISSION, MissionItem, home_item
from flightplan.mission import Home
from flightplan.vehicle.autopilot import float32

Message = Any
Reply = Callable[[Message], None]
OnMission = Callable[[tuple[MissionItem, ...]], Home]

ASK_AGAIN_S = 1.0
ASK_TIMES = 5
_STORED_FRAME = {0: 0, 5: 0, 3: 3, 6: 3, 10: 10, 11: 10}
_PLACED_FRAMES = frozenset(_STORED_FRAME)
_KNOWN_COMMANDS = frozenset({16, 20, 21, 22, 178, 205, 206, 1000})
_INVALID_PARAMETER = (6, 7, 8, 9)


@dataclass
class _Transfer:
    """An upload in progress."""

    count: int
    partner: tuple[int, int]
    reply: Reply
    items: list[MissionItem] = field(default_factory=list)
    asked_at_s: float = 0.0
    asked: int = 0


class MissionDesk:
    """Takes and gives missions; `on_mission` gets each new one, item 0 included, and says where home then is."""

    def __init__(self, on_mission: OnMission, most_items: int = 700) -> None:
        self._on_mission = on_mission
        self._most_items = most_items
        self._held: tuple[MissionItem, ...] = ()
        self._transfer: _Transfer | None = None

    def handle(self, message: Message, reply: Reply, now_s: float) -> bool:
        """Answers a message of the mission protocol; false when it is none."""
        match message.get_type():
            case "MISSION_COUNT":
                self._begin(message, reply, now_s)
            case "MISSION_ITEM_INT" | "MISSION_ITEM":
                self._take(message, reply, now_s)
            case "MISSION_REQUEST_LIST":
                self._count(message, reply)
            case "MISSION_REQUEST_INT" | "MISSION_REQUEST":
                self._give(message, reply)
            case "MISSION_CLEAR_ALL":
                self._clear(message, reply)
            case "MISSION_ACK":
                pass
            case _:
                return False
        return True

    def tick(self, now_s: float) -> None:
        """Asks again for an item that did not come, and gives up in the end."""
        transfer = self._transfer
        if transfer is None or now_s - transfer.asked_at_s < ASK_AGAIN_S:
            return
        if transfer.asked >= ASK_TIMES:
            self._transfer = None
            self._acknowledge(transfer.partner, transfer.reply, dialect.MAV_MISSION_OPERATION_CANCELLED)
            return
        self._ask(transfer, now_s)

    def _begin(self, message: Message, reply: Reply, now_s: float) -> None:
        partner = _partner(message)
        if message.mission_type != MISSION_TYPE_MISSION:
            code = dialect.MAV_MISSION_ACCEPTED if message.count == 0 else dialect.MAV_MISSION_UNSUPPORTED
            self._acknowledge(partner, reply, code, message.mission_type)
        elif message.count > self._most_items:
            self._acknowledge(partner, reply, dialect.MAV_MISSION_NO_SPACE)
        elif message.count == 0:
            self._store(())
            self._acknowledge(partner, reply, dialect.MAV_MISSION_ACCEPTED)
        else:
            self._transfer = _Transfer(count=message.count, partner=partner, reply=reply)
            self._ask(self._transfer, now_s)

    def _ask(self, transfer: _Transfer, now_s: float) -> None:
        transfer.asked_at_s = now_s
        transfer.asked += 1
        seq = len(transfer.items)
        transfer.reply(dialect.MAVLink_mission_request_int_message(*transfer.partner, seq, MISSION_TYPE_MISSION))

    def _take(self, message: Message, reply: Reply, now_s: float) -> None:
        transfer = self._transfer
        if message.mission_type != MISSION_TYPE_MISSION:
            return
        if transfer is None or message.seq != len(transfer.items):
            self._acknowledge(_partner(message), reply, dialect.MAV_MISSION_INVALID_SEQUENCE)
            return
        code = _item_problem(message)
        if code != dialect.MAV_MISSION_ACCEPTED:
            self._transfer = None
            self._acknowledge(transfer.partner, reply, code)
            return
        transfer.items.append(_stored(message))
        transfer.asked = 0
        if len(transfer.items) < transfer.count:
            self._ask(transfer, now_s)
            return
        self._transfer = None
        self._store(tuple(transfer.items))
        self._acknowledge(transfer.partner, reply, dialect.MAV_MISSION_ACCEPTED)

    def _store(self, items: tuple[MissionItem, ...]) -> None:
        """Keeps the items; item 0 becomes the vehicle's own home."""
        stored = tuple(_as_held(item) for item in items)
        home = self._on_mission(stored)
        self._held = (_as_held(home_item(home)), *stored[1:]) if stored else ()

    def _count(self, message: Message, reply: Reply) -> None:
        count = len(self._held) if message.mission_type == MISSION_TYPE_MISSION else 0
        reply(dialect.MAVLink_mission_count_message(*_partner(message), count, message.mission_type))

    def _give(self, message: Message, reply: Reply) -> None:
        partner = _partner(message)
        if message.mission_type != MISSION_TYPE_MISSION or message.seq >= len(self._held):
            self._acknowledge(partner, reply, dialect.MAV_MISSION_INVALID_SEQUENCE, message.mission_type)
            return
        item = self._held[message.seq]
        whole = (*partner, item.seq, item.frame, item.command, int(item.seq == 0), 1, *item.params)
        if message.get_type() == "MISSION_REQUEST":
            places = (item.x / 1e7, item.y / 1e7) if item.has_place else (float(item.x), float(item.y))
            reply(dialect.MAVLink_mission_item_message(*whole, *places, item.z, MISSION_TYPE_MISSION))
        else:
            reply(dialect.MAVLink_mission_item_int_message(*whole, item.x, item.y, item.z, MISSION_TYPE_MISSION))

    def _clear(self, message: Message, reply: Reply) -> None:
        if message.mission_type in (MISSION_TYPE_MISSION, dialect.MAV_MISSION_TYPE_ALL):
            self._transfer = None
            self._store(())
        self._acknowledge(_partner(message), reply, dialect.MAV_MISSION_ACCEPTED, message.mission_type)

    def _acknowledge(
        self, partner: tuple[int, int], reply: Reply, code: int, mission_type: int = MISSION_TYPE_MISSION
    ) -> None:
        reply(dialect.MAVLink_mission_ack_message(*partner, code, mission_type))


def _partner(message: Message) -> tuple[int, int]:
    return message.get_srcSystem(), message.get_srcComponent()


def _item_problem(message: Message) -> int:
    """The MAV_MISSION_RESULT of one item; NaN is refused, as ArduPilot does."""
    for code, value in zip(
        _INVALID_PARAMETER, (message.param1, message.param2, message.param3, message.param4), strict=True
    ):
        if math.isnan(value):
            return code
    if message.command not in _KNOWN_COMMANDS:
        return int(dialect.MAV_MISSION_UNSUPPORTED)
    if message.command in (16, 21, 22) and message.frame not in _PLACED_FRAMES:
        return int(dialect.MAV_MISSION_UNSUPPORTED_FRAME)
    if not math.isfinite(message.z):
        return int(dialect.MAV_MISSION_INVALID_PARAM7)
    return int(dialect.MAV_MISSION_ACCEPTED)


def _stored(message: Message) -> MissionItem:
    params = (float(message.param1), float(message.param2), float(message.param3), float(message.param4))
    common = {"seq": int(message.seq), "frame": int(message.frame), "command": int(message.command)}
    if message.get_type() == "MISSION_ITEM":
        file_params = (*params, float(message.x), float(message.y), float(message.z))
        return MissionItem.from_file_params(**common, params=file_params)
    return MissionItem(**common, params=params, x=int(message.x), y=int(message.y), z=float(message.z))


def _as_held(item: MissionItem) -> MissionItem:
    """As ArduPilot gives it back: frame 0 for items without a place, figures in single precision."""
    return float32(replace(item, frame=_STORED_FRAME[item.frame] if item.has_place else 0))
