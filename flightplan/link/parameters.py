"""Reading and setting a vehicle's parameters."""

from __future__ import annotations

import time

from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.link.link import Link, Message

_WAIT_S = 1.0
READ_TRIES, SET_TRIES = 2, 5
_REAL32 = 9


def read_parameter(link: Link, name: str) -> float | None:
    """The figure that the vehicle holds, or None where it does not answer: it may have no such parameter.

    PX4's whole numbers come as the bits of one, and are no use here.

    Raises:
        LinkClosed: The connection broke.
    """
    question = dialect.MAVLink_param_request_read_message(*_target(link), name.encode(), -1)
    return _asked(link, question, name, None, READ_TRIES)


def set_parameter(link: Link, name: str, value: float) -> float | None:
    """Sets a figure; returns what the vehicle says that it holds then, or None where it does not answer.

    Raises:
        LinkClosed: The connection broke.
    """
    question = dialect.MAVLink_param_set_message(*_target(link), name.encode(), value, _REAL32)
    return _asked(link, question, name, value, SET_TRIES)


def _asked(link: Link, question: Message, name: str, wanted: float | None, tries: int) -> float | None:
    """What the vehicle says the parameter is; asked again until it is as wanted, where that is given."""
    told = None
    for _ in range(tries):
        link.send(question)
        until = time.monotonic() + _WAIT_S
        while (left_s := until - time.monotonic()) > 0:
            message = link.receive(("PARAM_VALUE",), left_s)
            if message is not None and _name_of(message) == name:
                told = float(message.param_value)
                if wanted is None or told == wanted:
                    return told
    return told


def _target(link: Link) -> tuple[int, int]:
    return link.vehicle_system, link.vehicle_component


def _name_of(message: Message) -> str:
    name = message.param_id
    return str(name if isinstance(name, str) else name.decode(errors="replace")).rstrip("\0")
