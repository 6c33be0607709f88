"""Doubts about water: ground that only looks wet shows itself by weak, thin, or ever changing outlines."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import shapely
import shapely.affinity
from shapely.geometry.base import BaseGeometry

from flyonce.rules import WetLook
from geo.frames import LocalFrame
from geo.identity import Thing
from geo.sighting import CUT_BY_EDGE, Sighting

# Enough pairs to tell an outline that lies still from one that wanders.
_MOST_OUTLINES = 12


def doubts(thing: Thing, *, hits: int, looks: int, figures: WetLook) -> tuple[str, ...]:
    """Why a thing may only look wet: `weak`, `thin`, `unsteady`, `missing`.

    Args:
        thing: A thing of one of `figures.labels`; others are never doubted.
        hits: Pictures that found it.
        looks: Pictures that showed its place.
        figures: What is a doubt.
    """
    if thing.label not in figures.labels:
        return ()
    whole = [sighting for sighting in thing.sightings if CUT_BY_EDGE not in sighting.fix.flags]
    outlines = _outlines(whole or list(thing.sightings))
    found = {
        "weak": thing.confidence < figures.min_confidence,
        "thin": bool(outlines) and max(_width_m(outline) for outline in outlines) < figures.min_width_m,
        "unsteady": len(outlines) >= 2 and _agreement(outlines) < figures.min_agreement,
        "missing": looks > 0 and hits < figures.min_hit_share * max(hits, looks),
    }
    return tuple(name for name, holds in found.items() if holds)


def _outlines(sightings: Sequence[Sighting]) -> list[BaseGeometry]:
    """Outlines in metres; of many, some evenly over time."""
    known = [sighting.footprint_lonlat for sighting in sightings if sighting.footprint_lonlat is not None]
    if not known:
        return []
    chosen = [known[index] for index in np.unique(np.linspace(0, len(known) - 1, _MOST_OUTLINES).round().astype(int))]
    frame = LocalFrame(lon=chosen[0][0][0], lat=chosen[0][0][1])
    return [shapely.make_valid(shapely.Polygon(frame.en_from_lonlat(outline))) for outline in chosen]


def _width_m(outline: BaseGeometry) -> float:
    """Mean width: of a long strip its width, of a disc its radius."""
    return 2 * float(outline.area) / float(outline.length) if outline.length > 0 else 0.0


def _agreement(outlines: Sequence[BaseGeometry]) -> float:
    """How much of their union two looks' outlines share, in the median, once the flight's wobble is taken out.

    The outlines are laid upon each other by their middles: that a whole outline is a metre off is the drone's error.
    """
    centred = [shapely.affinity.translate(one, -one.centroid.x, -one.centroid.y) for one in outlines]
    shares = [
        float(one.intersection(other).area) / float(one.union(other).area)
        for one, other in combinations(centred, 2)
        if one.union(other).area > 0
    ]
    return float(np.median(shares)) if shares else 1.0
