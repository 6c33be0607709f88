"""Options that several commands share."""

from __future__ import annotations

import math
from datetime import date
from enum import StrEnum
from typing import Annotated

import typer

from flyonce.cli.output import fail

_THIS_CENTURY = 2_050

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout; words go to stderr.")]
StoreUrl = Annotated[str | None, typer.Option("--store", help="Store URL, like sqlite:///city.db.")]
LinkUrl = Annotated[str, typer.Option("--link", help="tcp:HOST:PORT, udp:HOST:PORT, udpin:HOST:PORT or serial:DEVICE.")]


class Language(StrEnum):
    """Of the words in a picture."""

    ZH = "zh"
    EN = "en"


def goes_with(what: str, **options: object) -> None:
    """Refuse options that would do nothing here, and leave with code 2.

    Args:
        what: With which they would do something, in words.
        options: By the names of their parameters; None, False or an empty list for one that was not given.
    """
    idle = [f"--{name.replace('_', '-')}" for name, value in options.items() if _is_given(value)]
    if idle:
        names = " and ".join([", ".join(idle[:-1]), idle[-1]] if len(idle) > 1 else idle)
        fail(f"{names} {'goes' if len(idle) == 1 else 'go'} with {what}; here it would do nothing.")


def _is_given(value: object) -> bool:
    return not (value is None or value is False or value == [])


def flying_day(day: date) -> date:
    """The day itself; leaves with code 2 for one of another century: it is a slip, and calendars end."""
    if abs(day.year - _THIS_CENTURY) > 100:
        fail(f"{day.isoformat()[:10]} is no day to fly on. Write it like 2026-11-23.")
    return day


def finite(value: float | None) -> float | None:
    """The number itself.

    Raises:
        typer.BadParameter: It is no finite number.
    """
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no finite number")
    return value


def lonlat(text: str) -> tuple[float, float]:
    """`LON,LAT` in degrees as two numbers.

    Raises:
        typer.BadParameter: It is not two numbers in range.
    """
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not LON,LAT in degrees, like 120.16,30.25") from None
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise typer.BadParameter(f"{text!r} is no place: longitude comes first, then latitude")
    return lon, lat
