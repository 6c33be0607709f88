"""Errors of `flightplan`, drawn as a tree.

FlightplanError
├── InputFileError          a file cannot be used as asked: names the file, the place in it and the remedy
├── CannotPlan              no plan for that area with these settings: says why and what to change
├── InvalidMission          a mission that broke its rules, with every violation
├── NotNow                  an order to a flight that makes no sense at this moment
├── NotCleared              a mission that may not take off now
└── LinkError               the vehicle cannot be reached, or stopped answering
    ├── LinkClosed          the connection broke or was never opened
    ├── NoAnswer            the vehicle stayed silent through every retry
    ├── MissionRefused      the vehicle answered a mission transfer with an error code
    ├── ReadBackDiffers     the vehicle holds another mission than the one that was sent
    ├── VehicleArmed        a mission must not be exchanged under an armed vehicle
    ├── VehicleElsewhere    the vehicle does not stand at the mission's home
    ├── BeyondFence         the vehicle's own limits of height or distance would end the mission
    ├── SeveralVehicles     more than one vehicle is on the link, and none was chosen
    ├── SignatureNeeded     the vehicle and this station do not sign with the same key
    └── CommandRefused      the vehicle answered a command (arm, mode, start) with an error code
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import geo.errors

if TYPE_CHECKING:
    from flightplan.mission.limits import Violation


class FlightplanError(Exception):
    """Anything that `flightplan` refuses to do."""


class InputFileError(geo.errors.InputFileError, FlightplanError):
    """As geo's: a file cannot be used, with its `path`, the `place` in it, the `problem` and the `remedy`."""


class CannotPlan(FlightplanError):
    """These settings give no plan for that area: the `problem` and the `remedy`."""

    def __init__(self, *, problem: str, remedy: str) -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}. {remedy}.")


class InvalidMission(FlightplanError):
    """A mission that must not exist, with its `violations` (at least one)."""

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        self.violations = violations
        more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
        super().__init__(f"{violations[0]}{more}")


class NotNow(FlightplanError):
    """An order to a flight that makes no sense at this moment."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem}. Look at the flight's state, then order again.")


class NotCleared(FlightplanError):
    """A mission that may not take off at this time."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the mission is not cleared for take-off: {why}. Plan it again for another time.")


class LinkError(FlightplanError):
    """The vehicle cannot be reached, or does not do what was asked."""


class LinkClosed(LinkError):
    """The connection to `url` cannot be opened, or broke."""

    def __init__(self, *, url: str, problem: str) -> None:
        self.url = url
        super().__init__(f"{url}: {problem}. Check that the vehicle is on and listens at this address.")


class NoAnswer(LinkError):
    """The vehicle did not answer `waiting_for` within `tries` tries."""

    def __init__(self, *, waiting_for: str, tries: int, seconds: float) -> None:
        self.waiting_for = waiting_for
        self.tries = tries
        super().__init__(
            f"the vehicle sent no {waiting_for} in {tries} tries over {seconds:.1f} s. Check the link, then try again."
        )


class MissionRefused(LinkError):
    """The vehicle ended a transfer with MISSION_ACK `code` (`code_name`), at item `seq` where that is known."""

    def __init__(self, *, code: int, code_name: str, seq: int | None, what: str = "mission") -> None:
        self.code = code
        self.code_name = code_name
        self.seq = seq
        at = f" at item {seq}" if seq is not None else ""
        super().__init__(
            f"the vehicle refused the {what}{at}: {code_name} ({code}). What it now holds may be a mixture: "
            "upload again before anything is armed."
        )


class ReadBackDiffers(LinkError):
    """The vehicle holds another mission; `differences` has one line per differing field."""

    def __init__(self, differences: tuple[str, ...]) -> None:
        self.differences = differences
        more = f" (and {len(differences) - 1} more)" if len(differences) > 1 else ""
        super().__init__(
            f"the vehicle does not hold this mission: {differences[0]}{more}. Upload it again; arming stays refused."
        )


class VehicleArmed(LinkError):
    """The vehicle is armed, perhaps in flight: what it flies must not be exchanged under it."""

    def __init__(self) -> None:
        super().__init__(
            "the vehicle is armed, and may be flying the mission that it holds; nothing was sent. "
            "Upload when it has landed and is disarmed."
        )


class VehicleElsewhere(LinkError):
    """The vehicle stands `distance_m` away from the mission's home: its first and last leg are not as planned."""

    def __init__(self, *, distance_m: float, most_m: float) -> None:
        self.distance_m = distance_m
        super().__init__(
            f"the vehicle stands {distance_m:,.0f} m from the mission's home, more than {most_m:g} m. "
            "Plan with home where the vehicle stands, or carry it there; it was not armed."
        )


class BeyondFence(LinkError):
    """The mission goes `wanted_m` high or far, the vehicle's `parameter` ends flights at `limit_m`."""

    def __init__(self, *, parameter: str, limit_m: float, wanted_m: float, is_height: bool) -> None:
        self.parameter = parameter
        self.limit_m = limit_m
        self.wanted_m = wanted_m
        way = "above" if is_height else "from"
        super().__init__(
            f"the mission goes {wanted_m:.0f} m {way} home, and the vehicle's own fence ends every flight at "
            f"{limit_m:g} m ({parameter}). Raise that limit on the vehicle if it may be raised, or plan within it; "
            "it was not armed."
        )


class SeveralVehicles(LinkError):
    """More than one vehicle is on the link: their `system_ids`."""

    def __init__(self, *, system_ids: tuple[int, ...]) -> None:
        self.system_ids = system_ids
        names = ", ".join(map(str, system_ids))
        super().__init__(f"vehicles {names} are on this link. Say which one is meant, by its system id.")


class SignatureNeeded(LinkError):
    """The vehicle takes only messages signed with a key that this station does not use."""

    def __init__(self, *, problem: str) -> None:
        super().__init__(f"{problem}. Give the file of this vehicle's signing key.")


class CommandRefused(LinkError):
    """The vehicle answered `command` with the MAV_RESULT `code` (named `code_name`)."""

    def __init__(self, *, command: str, code: int, code_name: str, text: str = "") -> None:
        self.command = command
        self.code = code
        self.code_name = code_name
        reason = f": {text}" if text else ""
        super().__init__(f"the vehicle refused {command} with {code_name} ({code}){reason}.")
