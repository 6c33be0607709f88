"""When re-flights take off: the most urgent first, within the fleet's hours, each drone after its charging."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from flightplan.errors import CannotPlan
from flightplan.fleet.model import Fleet
from flightplan.reflight.plan import Sortie

# Nobody waits longer than this for an hour in which to fly.
_MOST_DAYS = 60


@dataclass(frozen=True, kw_only=True)
class Departure:
    """A sortie with its drone's name and its times, in the city's time."""

    sortie: Sortie
    drone: str
    takes_off_at: datetime
    lands_at: datetime


def departures_of(
    sorties: Sequence[Sortie], fleet: Fleet, first_day: date, *, not_before: datetime | None = None
) -> tuple[Departure, ...]:
    """Times for all sorties, in their order for each dock; flights of different docks are not kept apart.

    Args:
        sorties: The most urgent first.
        fleet: Hours and curfews.
        first_day: Of flying.
        not_before: Aware; for plans that begin in the middle of a day.

    Raises:
        CannotPlan: Within two months there is no hour long enough for a flight.
    """
    free_at: dict[str, datetime] = {}
    found = []
    for sortie in sorties:
        dock = sortie.dock
        names = [dock.name] if dock.drones == 1 else [f"{dock.name}/{number}" for number in range(1, dock.drones + 1)]
        begin = not_before or datetime.min.replace(tzinfo=UTC)
        drone = min(names, key=lambda name: (free_at.get(name, begin), name))
        takes_off_at = _opening(fleet, first_day, free_at.get(drone, begin), timedelta(seconds=sortie.seconds))
        lands_at = takes_off_at + timedelta(seconds=sortie.seconds)
        free_at[drone] = lands_at + timedelta(seconds=dock.drone.turnaround_s)
        found.append(
            Departure(
                sortie=sortie,
                drone=drone,
                takes_off_at=takes_off_at.astimezone(fleet.time_zone),
                lands_at=lands_at.astimezone(fleet.time_zone),
            )
        )
    # Of those at one time, the most urgent stays first.
    return tuple(sorted(found, key=lambda one: one.takes_off_at))


def _opening(fleet: Fleet, first_day: date, not_before: datetime, lasts: timedelta) -> datetime:
    """The earliest time at which a flight so long fits into the hours."""
    for number in range(_MOST_DAYS):
        for begins, ends in fleet.open_windows(first_day + timedelta(days=number)):
            takes_off_at = max(begins, not_before)
            if takes_off_at + lasts <= ends:
                return takes_off_at
    raise CannotPlan(
        problem=f"within {_MOST_DAYS} days there is no time for a flight of {lasts.total_seconds() / 60:.0f} min",
        remedy="Open longer hours in the fleet file, or check its curfews",
    )
