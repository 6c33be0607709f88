"""Drones write the time of their controller and often do not say which zone it is in: then it is the city's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from flyonce.looks import Prepared


def in_city_time(pictures: Iterable[Prepared], zone: ZoneInfo | None) -> Iterator[Prepared]:
    """The pictures, those of them that were given as if their local time were UTC with their true time.

    Args:
        pictures: Pictures ready to be looked at.
        zone: The city's time zone; None leaves every time as it is.
    """
    return (picture if zone is None else _in_zone(picture, zone) for picture in pictures)


def city_day(at: datetime, zone: ZoneInfo | None) -> date:
    """The day that it is in the city: before eight in the morning of China, UTC still has the day before.

    Args:
        at: A moment, aware.
        zone: The city's time zone; None takes the moment's own.
    """
    return (at if zone is None else at.astimezone(zone)).date()


def _in_zone(picture: Prepared, zone: ZoneInfo) -> Prepared:
    shot = picture.shot
    # Where the picture itself knows its time, it is not the telemetry's, whatever that leaves open.
    if "time_zone_unknown" not in shot.flags or shot.taken_at is None or shot.taken_at == picture.frame.captured_at:
        return picture
    return replace(picture, shot=replace(shot, taken_at=shot.taken_at.replace(tzinfo=zone).astimezone(UTC)))
