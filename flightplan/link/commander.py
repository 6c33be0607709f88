"""Commands to a vehicle over a link that may lose, double and reorder them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from pymavlink.dialects.v20 import ardupilotmega as dialect

from flightplan.errors import CommandRefused, NoAnswer, NotNow
from flightplan.link.link import Link, Message
from flightplan.link.mavlink import FRAME_RELATIVE, xy_from_lonlat
from flightplan.link.modes import Mode, set_mode_params

_WAIT_S = 1.5
# Where a fifth is lost each way, one try in three fails: ten in a row fail once in 30,000.
_TRIES = 10
_OUT_OF_REACH_S = 8.0
_SLICE_S = 0.25


class Commander:
    """Gives commands, and repeats each until the vehicle is seen to have obeyed.

    Every command given here may be carried out twice without harm: each names a state, not a change. One that shows in
    heartbeats (`seen`) counts as obeyed only then, because a late copy of an old answer looks like a new one.

    Args:
        link: To the vehicle.
        on_message: Gets everything that comes while an answer is waited for.
    """

    def __init__(self, link: Link, on_message: Callable[[Message], None]) -> None:
        self._link = link
        self._on_message = on_message
        self._is_wanted: Callable[[], bool] = lambda: True

    @contextlib.contextmanager
    def only_while(self, is_wanted: Callable[[], bool]) -> Iterator[None]:
        """Within the context nothing is sent, or sent again, once `is_wanted` is false; `NotNow` is raised instead.

        Others may take a vehicle over while an order to it is being repeated.
        """
        before, self._is_wanted = self._is_wanted, is_wanted
        try:
            yield
        finally:
            self._is_wanted = before

    def order(self, name: str, command: int, *params: float, seen: Callable[[], bool] | None = None) -> None:
        """Sends COMMAND_LONG until it is acknowledged, and until `seen` says so where that is given.

        Args:
            name: For error messages.
            command: MAV_CMD.
            params: The first of seven parameters; the rest is 0.
            seen: Whether the vehicle reports the state that was ordered.

        Raises:
            CommandRefused: The vehicle answered with an error code.
            NoAnswer: It did not answer, or acknowledged and did nothing.
            LinkClosed: The connection broke.
        """
        seven = [*params, *([0.0] * (7 - len(params)))]
        target = (self._link.vehicle_system, self._link.vehicle_component)
        self._insist(
            name,
            command,
            lambda attempt: dialect.MAVLink_command_long_message(*target, command, min(attempt, 255), *seven),
            seen,
        )

    def fly_to(self, lonlat: tuple[float, float], alt_home_m: float) -> None:
        """Sends the vehicle to a place, where it then holds.

        Raises:
            CommandRefused: It refused.
            NoAnswer: It did not answer.
            LinkClosed: The connection broke.
        """
        yaw = self._link.autopilot.unset
        params = (-1.0, float(dialect.MAV_DO_REPOSITION_FLAGS_CHANGE_MODE), 0.0, yaw)
        self._order_at("reposition", dialect.MAV_CMD_DO_REPOSITION, params, lonlat, alt_home_m)

    def look_at(self, lonlat: tuple[float, float], alt_home_m: float) -> None:
        """Keeps the camera on a place.

        Raises:
            CommandRefused: The vehicle refused.
            NoAnswer: It did not answer.
            LinkClosed: The connection broke.
        """
        self._order_at("camera", dialect.MAV_CMD_DO_SET_ROI_LOCATION, (0.0, 0.0, 0.0, 0.0), lonlat, alt_home_m)

    def set_mode(self, mode: Mode, seen: Callable[[], bool]) -> None:
        """Changes the mode and waits until the vehicle reports it.

        Raises:
            CommandRefused: It refused.
            NoAnswer: It did not answer, or acknowledged and did nothing.
            LinkClosed: The connection broke.
        """
        params = set_mode_params(mode, self._link.autopilot)
        self.order(f"mode {mode.name}", dialect.MAV_CMD_DO_SET_MODE, *params, seen=seen)

    def _order_at(
        self, name: str, command: int, params: tuple[float, ...], lonlat: tuple[float, float], alt_home_m: float
    ) -> None:
        """As COMMAND_INT: single precision does not hold a place."""
        target = (self._link.vehicle_system, self._link.vehicle_component)
        where = (*xy_from_lonlat(*lonlat), alt_home_m)
        message = dialect.MAVLink_command_int_message(*target, FRAME_RELATIVE, command, 0, 0, *params, *where)
        self._insist(name, command, lambda attempt: message, None)

    def _insist(
        self, name: str, command: int, packet: Callable[[int], Message], seen: Callable[[], bool] | None
    ) -> None:
        began_s = time.monotonic()
        answer = _Answer(name=name, command=command)
        tries = 0
        while tries < _TRIES and not (tries and self._link.silent_s() > _OUT_OF_REACH_S):
            if not self._is_wanted():
                raise NotNow(f"{name} was not ordered: others have taken over the vehicle")
            self._link.send(packet(tries))
            tries += 1
            until = time.monotonic() + _WAIT_S
            while (left_s := until - time.monotonic()) > 0:
                message = self._link.receive((), min(left_s, _SLICE_S))
                if message is not None:
                    self._on_message(message)
                    answer.take(message)
                if answer.accepted if seen is None else seen():
                    return
                answer.raise_refusal()
        what = f"change after {name}" if answer.accepted else f"COMMAND_ACK to {name}"
        raise NoAnswer(waiting_for=what, tries=tries, seconds=time.monotonic() - began_s)


class _Answer:
    """What the vehicle said to one command."""

    def __init__(self, *, name: str, command: int) -> None:
        self.accepted = False
        self._name = name
        self._command = command
        self._text = ""
        self._refused: int | None = None

    def take(self, message: Message) -> None:
        if message.get_type() == "STATUSTEXT":
            self._text = str(message.text)
        elif message.get_type() == "COMMAND_ACK" and message.command == self._command:
            self.accepted |= message.result == dialect.MAV_RESULT_ACCEPTED
            if message.result not in (dialect.MAV_RESULT_ACCEPTED, dialect.MAV_RESULT_IN_PROGRESS):
                self._refused = int(message.result)

    def raise_refusal(self) -> None:
        if self._refused is not None and not self.accepted:
            raise CommandRefused(
                command=self._name, code=self._refused, code_name=_result_name(self._refused), text=self._text
            )


def _result_name(code: int) -> str:
    entry = dialect.enums["MAV_RESULT"].get(code)
    return str(entry.name) if entry is not None else f"code {code}"
