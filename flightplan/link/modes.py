"""Flight modes, and how ArduPilot and PX4 number them."""

from __future__ import annotations

from enum import Enum

from flightplan.link.mavlink import Autopilot

_CUSTOM_MODE_ENABLED = 1


class Mode(Enum):
    """What a vehicle does by itself; the values are ArduCopter's numbers."""

    STABILIZE = 0
    AUTO = 3
    GUIDED = 4
    LOITER = 5
    RTL = 6
    LAND = 9
    POSHOLD = 16
    BRAKE = 17


# PX4's main and sub mode. It has no mode for single orders: it goes there and holds.
_PX4: dict[Mode, tuple[int, int]] = {
    Mode.STABILIZE: (7, 0),
    Mode.POSHOLD: (3, 0),
    Mode.AUTO: (4, 4),
    Mode.LOITER: (4, 3),
    Mode.RTL: (4, 5),
    Mode.LAND: (4, 6),
}
# Other ways of doing the same, as heartbeats tell them: ArduCopter's SMART_RTL and AUTO_RTL, PX4's precision landing.
_SAME_AS = {Autopilot.ARDUPILOT: {21: Mode.RTL, 27: Mode.RTL}, Autopilot.PX4: {4 << 16 | 9 << 24: Mode.LAND}}
_PX4_STAND_INS = {Mode.GUIDED: Mode.LOITER, Mode.BRAKE: Mode.LOITER}


def set_mode_params(mode: Mode, autopilot: Autopilot) -> tuple[float, float, float]:
    """The first three parameters of MAV_CMD_DO_SET_MODE."""
    if autopilot is Autopilot.ARDUPILOT:
        return float(_CUSTOM_MODE_ENABLED), float(mode.value), 0.0
    main, sub = _PX4[_PX4_STAND_INS.get(mode, mode)]
    return float(_CUSTOM_MODE_ENABLED), float(main), float(sub)


def mode_from_params(main: float, sub: float, autopilot: Autopilot) -> Mode | None:
    """The mode that the second and third parameter of MAV_CMD_DO_SET_MODE mean; None for one not known here."""
    if autopilot is Autopilot.ARDUPILOT:
        return _by_number(main)
    return next((mode for mode, numbers in _PX4.items() if numbers == (main, sub)), None)


def custom_mode(mode: Mode, autopilot: Autopilot) -> int:
    """A heartbeat's `custom_mode`."""
    if autopilot is Autopilot.ARDUPILOT:
        return mode.value
    main, sub = _PX4[_PX4_STAND_INS.get(mode, mode)]
    return main << 16 | sub << 24


def mode_from_custom(number: int, autopilot: Autopilot) -> Mode | None:
    """The mode that a heartbeat's `custom_mode` means; None for one not known here."""
    if number in _SAME_AS[autopilot]:
        return _SAME_AS[autopilot][number]
    if autopilot is Autopilot.ARDUPILOT:
        return _by_number(number)
    return mode_from_params(number >> 16 & 0xFF, number >> 24 & 0xFF, autopilot)


def _by_number(number: float) -> Mode | None:
    return next((mode for mode in Mode if mode.value == number), None)
