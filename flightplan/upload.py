"""The mission protocol, seen from the ground: send a mission, read it back, and compare."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.errors import MissionRefused, NoAnswer, ReadBackDiffers
from flightplan.link import Link, Message, open_link
from flightplan.mavlink import MISSION_TYPE_MISSION, MissionItem, differences, items_from_mission
from flightplan.mission import Mission

__all__ = ["Patience", "Upload", "check_held", "clear", "download_items", "open_link", "send_items", "upload"]

Progress = Callable[[int, int], None]
_REQUESTS = ("MISSION_REQUEST", "MISSION_REQUEST_INT")


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to wait and how often to ask again; the defaults are the MAVLink specification's.

    Attributes:
        answer_s: For an answer to a count or a list request, the next request, the final acknowledgement.
        item_s: For an item that was asked for.
        retries: How often each is repeated.
    """

    answer_s: float = 1.5
    item_s: float = 0.25
    retries: int = 5


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A mission that the vehicle holds, read back and found the same.

    Attributes:
        items: Number of items, home's item included where the vehicle keeps one.
        seconds: How long it took.
        resent: Items or counts that had to be sent again.
    """

    items: int
    seconds: float
    resent: int


def upload(
    link: Link, mission: Mission, on_progress: Progress | None = None, *, patience: Patience | None = None
) -> Upload:
    """Sends the mission, reads it back and compares.

    Args:
        link: To the vehicle.
        mission: What it shall hold.
        on_progress: Called with (items done, items in all); sending and reading back count once each.
        patience: Time-outs and retries.

    Raises:
        NoAnswer: The vehicle stayed silent through every retry.
        MissionRefused: It answered with an error code.
        ReadBackDiffers: It holds something else than what was sent.
        LinkClosed: The connection broke.
    """
    patience = patience or Patience()
    began = time.monotonic()
    items = items_from_mission(mission, link.autopilot)
    total = 2 * len(items)

    def done(count: int) -> None:
        if on_progress is not None:
            on_progress(count, total)

    resent = send_items(link, items, patience=patience, on_item=done)
    held = download_items(link, patience=patience, on_item=lambda count: done(len(items) + count))
    found = differences(items, held, link.autopilot)
    if found:
        raise ReadBackDiffers(found)
    return Upload(items=len(items), seconds=time.monotonic() - began, resent=resent)


def check_held(link: Link, mission: Mission, *, patience: Patience | None = None) -> None:
    """Reads the vehicle's mission and compares it with this one.

    Raises:
        ReadBackDiffers: The vehicle holds another mission, or none.
    """
    sent = items_from_mission(mission, link.autopilot)
    found = differences(sent, download_items(link, patience=patience or Patience()), link.autopilot)
    if found:
        raise ReadBackDiffers(found)


def send_items(
    link: Link, items: Sequence[MissionItem], *, patience: Patience, on_item: Callable[[int], None] = lambda count: None
) -> int:
    """Sends a list of items and waits for the acknowledgement; an empty list clears. Returns how many were sent again.

    The vehicle leads: it asks for items, with either kind of request, and may ask for one twice. Only the count is
    repeated unasked; ArduPilot takes an unasked item for an error.
    """
    count = dialect.MAVLink_mission_count_message(
        link.vehicle_system, link.vehicle_component, len(items), MISSION_TYPE_MISSION
    )
    link.drop_pending()
    link.send(count)
    sent: set[int] = set()
    resent = silences = 0
    out_of_order = False
    began = time.monotonic()
    while True:
        message = link.receive((*_REQUESTS, "MISSION_ACK"), patience.answer_s)
        if message is None:
            silences += 1
            if len(sent) == len(items) and items and silences > 1:
                return resent  # the acknowledgement was lost: reading back tells what the vehicle holds
            if silences > patience.retries:
                _give_up(out_of_order, max(sent, default=None), silences, time.monotonic() - began)
            if not sent:
                resent += 1
                link.send(count)
        elif not _concerns_missions(message):
            continue
        elif message.get_type() == "MISSION_ACK":
            if message.type == dialect.MAV_MISSION_INVALID_SEQUENCE:
                out_of_order = True  # the answer to a doubled packet; the vehicle still asks for what it wants
            elif message.type != dialect.MAV_MISSION_ACCEPTED:
                _refuse(int(message.type), max(sent, default=None))
            elif len(sent) == len(items):
                return resent
        elif message.seq >= len(items):
            _refuse(dialect.MAV_MISSION_INVALID_SEQUENCE, int(message.seq))
        else:
            silences = 0
            resent += message.seq in sent
            sent.add(message.seq)
            link.send(_item_message(link, items[message.seq]))
            on_item(len(sent))


def download_items(
    link: Link, *, patience: Patience | None = None, on_item: Callable[[int], None] = lambda count: None
) -> tuple[MissionItem, ...]:
    """The items that the vehicle holds, in order.

    Raises:
        NoAnswer: The vehicle stayed silent through every retry.
        MissionRefused: It answered with an error code.
    """
    patience = patience or Patience()
    link.drop_pending()
    request = dialect.MAVLink_mission_request_list_message(
        link.vehicle_system, link.vehicle_component, MISSION_TYPE_MISSION
    )
    count = _ask(link, request, "MISSION_COUNT", lambda message: True, patience.answer_s, patience.retries)
    items: list[MissionItem] = []
    for seq in range(count.count):
        ask = dialect.MAVLink_mission_request_int_message(
            link.vehicle_system, link.vehicle_component, seq, MISSION_TYPE_MISSION
        )
        answer = _ask(link, ask, "MISSION_ITEM_INT", _has_seq(seq), patience.item_s, patience.retries)
        items.append(_item_from_message(answer))
        on_item(len(items))
    link.send(
        dialect.MAVLink_mission_ack_message(
            link.vehicle_system, link.vehicle_component, dialect.MAV_MISSION_ACCEPTED, MISSION_TYPE_MISSION
        )
    )
    return tuple(items)


def clear(link: Link, *, patience: Patience | None = None) -> None:
    """Makes the vehicle forget its mission."""
    send_items(link, (), patience=patience or Patience())


def _has_seq(seq: int) -> Callable[[Message], bool]:
    return lambda message: bool(message.seq == seq)


def _ask(
    link: Link, question: Message, kind: str, fits: Callable[[Message], bool], wait_s: float, retries: int
) -> Message:
    """Sends the question until an answer of that kind fits."""
    began = time.monotonic()
    for _ in range(retries + 1):
        link.send(question)
        until = time.monotonic() + wait_s
        while (left_s := until - time.monotonic()) > 0:
            answer = link.receive((kind, "MISSION_ACK"), left_s)
            if answer is None or not _concerns_missions(answer):
                continue
            if answer.get_type() == "MISSION_ACK":
                if answer.type not in (dialect.MAV_MISSION_ACCEPTED, dialect.MAV_MISSION_INVALID_SEQUENCE):
                    _refuse(int(answer.type), None)
            elif fits(answer):
                return answer
    raise NoAnswer(waiting_for=kind, tries=retries + 1, seconds=time.monotonic() - began)


def _concerns_missions(message: Message) -> bool:
    return bool(message.mission_type == MISSION_TYPE_MISSION)


def _give_up(out_of_order: bool, seq: int | None, tries: int, seconds: float) -> NoReturn:
    if out_of_order:
        _refuse(dialect.MAV_MISSION_INVALID_SEQUENCE, seq)
    raise NoAnswer(waiting_for="MISSION_REQUEST", tries=tries, seconds=seconds)


def _refuse(code: int, seq: int | None) -> NoReturn:
    raise MissionRefused(code=code, code_name=_ack_name(code), seq=seq)


def _ack_name(code: int) -> str:
    entry = dialect.enums["MAV_MISSION_RESULT"].get(code)
    return str(entry.name) if entry is not None else f"code {code}"


def _item_message(link: Link, item: MissionItem) -> Message:
    return dialect.MAVLink_mission_item_int_message(
        link.vehicle_system,
        link.vehicle_component,
        item.seq,
        item.frame,
        item.command,
        int(item.seq == 0),
        1,
        *item.params,
        item.x,
        item.y,
        item.z,
        MISSION_TYPE_MISSION,
    )


def _item_from_message(message: Message) -> MissionItem:
    return MissionItem(
        seq=int(message.seq),
        frame=int(message.frame),
        command=int(message.command),
        params=(float(message.param1), float(message.param2), float(message.param3), float(message.param4)),
        x=int(message.x),
        y=int(message.y),
        z=float(message.z),
    )
