"""What the ledger of coverage says, as JSON values: of everything, of one spot, of one area."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
from shapely.geometry.base import BaseGeometry

from geo.coverage import Answer, Blind, CoverageLedger, FlightLooks, Looked, Unseen, class_of, unseen
from geo.coverage.area import geometry_area_m2
from geo.coverage.grid import areas_m2
from geo.coverage.shapes import CLASSES_MM, UNSURE

WORDS = {
    Answer.YES: "yes",
    Answer.UNSURE: "perhaps: fine enough, but the error of the pose leaves open whether the spot was in the picture",
    Answer.TOO_COARSE: "no: looked at, but never finely enough",
    Answer.NO_MODEL: "no: looked at, but not by a model that knows such things",
    Answer.NOT_LOOKED_AT: "no: not looked at",
}


def seen_json(ledger: CoverageLedger, *, on: date | None) -> dict[str, Any]:
    """How much ground was seen, and how finely."""
    sizes, cells, most = np.zeros(UNSURE + 1), 0, 0
    for strip in ledger.strips(on=on):
        sizes += np.bincount(class_of(strip), weights=areas_m2(strip.key), minlength=UNSURE + 1)
        cells, most = cells + len(strip), max(most, int(strip.looks.max(initial=0)))
    return {
        "area_m2": round(float(sizes.sum()), 1),
        "cells": cells,
        "looks_most": most,
        "by_resolution": [
            {
                "sure": number != UNSURE,
                "finest_m_up_to": CLASSES_MM[number] / 1000 if number < UNSURE - 1 else None,
                "area_m2": round(float(sizes[number]), 1),
            }
            for number in range(UNSURE + 1)
        ],
    }


def spot_json(known: Looked, *, size_m: float, label: str | None) -> dict[str, Any]:
    """Whether, when and how finely a spot was looked at, and whether a thing there could have been seen."""
    return {
        "lon": known.lon,
        "lat": known.lat,
        "looked_at": bool(known.flights),
        "looks": known.looks,
        "size_m": size_m,
        "label": label,
        "could_have_seen": known.could_have_seen(size_m, label).value,
        "flights": [_flight_json(one, size_m, label) for one in known.flights],
        "undated_looks_besides": known.undated,
        "blind": [blind_json(flight_id, gap) for flight_id, gap in known.blind],
    }


def area_json(
    ledger: CoverageLedger, area: BaseGeometry, *, size_m: float, label: str | None, on: date | None
) -> tuple[dict[str, Any], Unseen]:
    """How much of an area was seen, at all and well enough; and what was not well enough."""
    looked = unseen(area, ledger.cells(on=on, within=area))
    well = unseen(area, ledger.cells_good_for(size_m, label, on=on, within=area))
    told = {
        "area_m2": round(geometry_area_m2(area), 1),
        "looked_at_share": round(1 - looked.share, 4),
        "size_m": size_m,
        "label": label,
        "could_have_seen_share": round(1 - well.share, 4),
        "left_m2": round(well.area_m2, 1),
        "left_pieces": len(well.polygons),
    }
    return told, well


def blind_json(flight_id: str, gap: Blind) -> dict[str, Any]:
    """A time in which a flight saw nothing."""
    return {
        "flight_id": flight_id,
        "began_at": gap.began_at.isoformat(),
        "ended_at": _iso(gap.ended_at),
        "seconds": None if gap.ended_at is None else round((gap.ended_at - gap.began_at).total_seconds(), 2),
        "reason": gap.reason,
    }


def spot_words(known: Looked, *, size_m: float, label: str | None) -> Sequence[str]:
    """The same for people, a line each."""
    lines = [
        f"{one.flight_id}, {one.day or 'no date'}: {one.looks} looks ({one.sure_looks} sure)"
        + (f", {one.first_at:%H:%M:%S}-{one.last_at:%H:%M:%S} UTC" if one.first_at and one.last_at else "")
        + f", {one.finest_m * 100:.1f}-{one.coarsest_m * 100:.1f} cm of ground per pixel"
        for one in known.flights
    ]
    if known.undated:
        lines.append("pictures that tell no time showed the spot besides: they count for no day")
    what = f"a {label.replace('_', ' ')}" if label else "a thing"
    answer = WORDS[known.could_have_seen(size_m, label)]
    return [*lines, f"could a model have seen {what} of {size_m:g} m there? {answer}"]


def _flight_json(one: FlightLooks, size_m: float, label: str | None) -> dict[str, Any]:
    return {
        "flight_id": one.flight_id,
        "day": None if one.day is None else one.day.isoformat(),
        "looks": one.looks,
        "sure_looks": one.sure_looks,
        "first_at": _iso(one.first_at),
        "last_at": _iso(one.last_at),
        "finest_m": one.finest_m,
        "coarsest_m": one.coarsest_m,
        "sure_finest_m": one.sure_finest_m,
        "sure": one.sure,
        "models": [{"name": model.name, "sha256": model.sha256} for model in one.models],
        "could_have_seen": one.could_have_seen(size_m, label).value,
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
