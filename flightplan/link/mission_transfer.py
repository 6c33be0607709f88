"""The mission protocol, seen from the ground: one list of items up, or down, with its time-outs and retries."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.errors import MissionRefused, NoAnswer
from flightplan.link.link import Link, Message
from flightplan.link.mavlink import MissionItem
from flightplan.link.plan_on_wire import ListKind

OnItem = Callable[[int], None]
Result = TypeVar("Result")
_REQUESTS = ("MISSION_REQUEST", "MISSION_REQUEST_INT")
_PASSING_CODES = (
    dialect.MAV_MISSION_OPERATION_CANCELLED,
    dialect.MAV_MISSION_INVALID_SEQUENCE,
    dialect.MAV_MISSION_DENIED,
)
# A vehicle sends a heartbeat each second: one that was not heard of for so long is out of reach.
_OUT_OF_REACH_S = 5.0
# One that asks for the same item so often does not get it, or does not take it.
_MOST_REQUESTS = 50


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to wait and how often to ask again; all but the rounds are the MAVLink specification's.

    Attributes:
        answer_s: For an answer to a count or a list request, the next request, the final acknowledgement.
        item_s: For an item that was asked for.
        retries: How often each is repeated.
        rounds: How often a whole list is begun anew while the vehicle is still heard: where a fifth of all packets is
            lost each way, a list of forty items needs a second round in one upload of ten.
    """

    answer_s: float = 1.5
    item_s: float = 0.25
    retries: int = 5
    rounds: int = 6


def in_rounds(link: Link, patience: Patience, transfer: Callable[[], Result]) -> Result:
    """The result of a transfer, tried anew after silence or a passing refusal while the vehicle is still heard.

    Raises:
        NoAnswer: It stayed silent through every round, or is not heard at all any more.
        MissionRefused: It refused for good, or in every round.
    """
    for left in range(patience.rounds - 1, -1, -1):
        try:
            return transfer()
        except NoAnswer:
            if left == 0 or link.silent_s() > _OUT_OF_REACH_S:
                raise
        except MissionRefused as refusal:
            if left == 0 or refusal.code not in _PASSING_CODES:
                raise
    raise ValueError(f"there must be at least one round, not {patience.rounds}")


def send_items(
    link: Link,
    items: Sequence[MissionItem],
    *,
    patience: Patience,
    kind: ListKind = ListKind.MISSION,
    on_item: OnItem = lambda count: None,
) -> int:
    """Sends a list of items and waits for the acknowledgement; an empty list clears. Returns how many were sent again.

    The vehicle leads: it asks for items, with either kind of request, and may ask for one twice. Only the count is
    repeated unasked; ArduPilot takes an unasked item for an error.

    Raises:
        NoAnswer: The vehicle stayed silent through every retry.
        MissionRefused: It answered with an error code.
    """
    count = dialect.MAVLink_mission_count_message(link.vehicle_system, link.vehicle_component, len(items), kind)
    link.drop_pending()
    link.send(count)
    sent: dict[int, int] = {}
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
                _give_up(kind, out_of_order, max(sent, default=None), silences, time.monotonic() - began)
            if not sent:
                resent += 1
                link.send(count)
        elif message.mission_type != kind:
            continue
        elif message.get_type() == "MISSION_ACK":
            if message.type == dialect.MAV_MISSION_INVALID_SEQUENCE:
                out_of_order = True  # the answer to a doubled packet; the vehicle still asks for what it wants
            elif message.type != dialect.MAV_MISSION_ACCEPTED:
                _refuse(kind, int(message.type), max(sent, default=None))
            elif len(sent) == len(items):
                return resent
        elif message.seq >= len(items):
            _refuse(kind, dialect.MAV_MISSION_INVALID_SEQUENCE, int(message.seq))
        else:
            silences = 0
            resent += message.seq in sent
            sent[message.seq] = sent.get(message.seq, 0) + 1
            if sent[message.seq] > _MOST_REQUESTS:
                _give_up(kind, out_of_order, int(message.seq), sent[message.seq], time.monotonic() - began)
            link.send(_item_message(link, kind, items[message.seq]))
            on_item(len(sent))


def download_items(
    link: Link,
    *,
    patience: Patience | None = None,
    kind: ListKind = ListKind.MISSION,
    on_item: OnItem = lambda count: None,
) -> tuple[MissionItem, ...]:
    """The items of one list that the vehicle holds, in order.

    Raises:
        NoAnswer: The vehicle stayed silent through every retry.
        MissionRefused: It answered with an error code.
    """
    patience = patience or Patience()
    link.drop_pending()
    target = (link.vehicle_system, link.vehicle_component)
    request = dialect.MAVLink_mission_request_list_message(*target, kind)
    count = _ask(link, kind, request, "MISSION_COUNT", lambda _: True, patience.answer_s, patience.retries)
    items: list[MissionItem] = []
    for seq in range(count.count):
        ask = dialect.MAVLink_mission_request_int_message(*target, seq, kind)
        answer = _ask(link, kind, ask, "MISSION_ITEM_INT", _has_seq(seq), patience.item_s, patience.retries)
        items.append(_item_from_message(answer))
        on_item(len(items))
    link.send(dialect.MAVLink_mission_ack_message(*target, dialect.MAV_MISSION_ACCEPTED, kind))
    return tuple(items)


def clear(link: Link, *, patience: Patience | None = None, kind: ListKind = ListKind.MISSION) -> None:
    """Makes the vehicle forget one list."""
    send_items(link, (), patience=patience or Patience(), kind=kind)


def _has_seq(seq: int) -> Callable[[Message], bool]:
    return lambda message: bool(message.seq == seq)


def _ask(
    link: Link,
    kind: ListKind,
    question: Message,
    answer_name: str,
    fits: Callable[[Message], bool],
    wait_s: float,
    retries: int,
) -> Message:
    """Sends the question until an answer of that name fits."""
    began = time.monotonic()
    for _ in range(retries + 1):
        link.send(question)
        until = time.monotonic() + wait_s
        while (left_s := until - time.monotonic()) > 0:
            answer = link.receive((answer_name, "MISSION_ACK"), left_s)
            if answer is None or answer.mission_type != kind:
                continue
            if answer.get_type() == "MISSION_ACK":
                if answer.type not in (dialect.MAV_MISSION_ACCEPTED, dialect.MAV_MISSION_INVALID_SEQUENCE):
                    _refuse(kind, int(answer.type), None)
            elif fits(answer):
                return answer
    raise NoAnswer(waiting_for=answer_name, tries=retries + 1, seconds=time.monotonic() - began)


def _give_up(kind: ListKind, out_of_order: bool, seq: int | None, tries: int, seconds: float) -> NoReturn:
    if out_of_order:
        _refuse(kind, dialect.MAV_MISSION_INVALID_SEQUENCE, seq)
    raise NoAnswer(waiting_for="MISSION_REQUEST", tries=tries, seconds=seconds)


def _refuse(kind: ListKind, code: int, seq: int | None) -> NoReturn:
    raise MissionRefused(code=code, code_name=_ack_name(code), seq=seq, what=kind.words)


def _ack_name(code: int) -> str:
    entry = dialect.enums["MAV_MISSION_RESULT"].get(code)
    return str(entry.name) if entry is not None else f"code {code}"


def _item_message(link: Link, kind: ListKind, item: MissionItem) -> Message:
    target = (link.vehicle_system, link.vehicle_component)
    current = int(kind is ListKind.MISSION and item.seq == 0)
    return dialect.MAVLink_mission_item_int_message(
        *target, item.seq, item.frame, item.command, current, 1, *item.params, item.x, item.y, item.z, kind
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
