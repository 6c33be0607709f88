"""Stages the demo: decides by a seed where puddles, waste heaps and anglers are, and keeps the true list apart.

The truth is for the demo's final measurement alone; no part of the analysis reads it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import Polygon

from flyonce.demo.district import District
from flyonce.demo.ground import Ground
from flyonce.demo.places import Place, Places
from flyonce.demo.sprites_file import SpriteLook

TruthLabel = Literal["standing_water", "waste", "person"]
_LABELS: dict[str, TruthLabel] = {"puddle": "standing_water", "waste": "waste", "angler": "person"}

_APART_M = 22.0


@dataclass(frozen=True, kw_only=True)
class StagedThing:
    """One staged thing.

    Attributes:
        thing_id: Its name in the truth list.
        look: What it looks like.
        east_m: East of the district's origin, of its contact point.
        north_m: North of the district's origin, of its contact point.
        turned_deg: How far the sprite is turned clockwise.
    """

    thing_id: str
    look: SpriteLook
    east_m: float
    north_m: float
    turned_deg: float

    @property
    def label(self) -> TruthLabel:
        """The class name under which the analysis ought to find it."""
        return _LABELS[self.look.kind]

    def corners_m(self) -> NDArray[np.float64]:
        """Corners of the sprite on the ground (east, north): top left, top right, bottom right, bottom left."""
        half_w, half_h = (side / 2 for side in self.look.size_wh_m)
        return self._on_ground(np.array([[-half_w, half_h], [half_w, half_h], [half_w, -half_h], [-half_w, -half_h]]))

    def outline_m(self) -> NDArray[np.float64]:
        """The thing's outline on the ground (east, north), shape (n, 2)."""
        return self._on_ground(self.look.outline_m)

    def _on_ground(self, sprite_m: NDArray[np.float64]) -> NDArray[np.float64]:
        turn = np.radians(self.turned_deg)
        east_north_from_xy = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        offset = (sprite_m - self.look.contact_m) @ east_north_from_xy.T
        return np.asarray(offset + np.array([self.east_m, self.north_m]), dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class Cast:
    """How many things of each kind are staged."""

    puddles: int = 6
    heaps: int = 4
    anglers: int = 2


def stage(
    district: District, ground: Ground, looks: Sequence[SpriteLook], seed: int, cast: Cast | None = None
) -> list[StagedThing]:
    """Places the things: the same seed always gives the same places, another seed others.

    One puddle lies across the border of two towns, one heap inside the reservoir's protection zone; all others are
    free. Things lie in the patrol area and at least 22 m apart.

    Raises:
        ValueError: A kind has no sprite, or the district has no room for so many things.
    """
    wanted = cast or Cast()
    rng = np.random.default_rng((seed, 7))
    places = Places(district=district, ground=ground, rng=rng)
    puddles, heaps, anglers = (_shuffled(looks, kind, rng) for kind in ("puddle", "waste", "angler"))
    things: list[StagedThing] = []
    for number in range(wanted.anglers):
        look = anglers[number % len(anglers)]
        things.append(_placed(f"angler-{number + 1}", look, places.on_shore(look), things))
    for number in range(wanted.puddles):
        look = puddles[number % len(puddles)]
        things.append(_placed(f"puddle-{number + 1}", look, places.on_street(look, number), things))
    for number in range(wanted.heaps):
        look = heaps[number % len(heaps)]
        things.append(_placed(f"heap-{number + 1}", look, places.on_open_ground(look, near_water=number == 0), things))
    return sorted(things, key=lambda thing: ("puddle", "waste", "angler").index(thing.look.kind))


def write_truth(path: Path, things: Sequence[StagedThing], district: District, seed: int) -> None:
    """Writes the true list: id, label, look, lon, lat and area of everything staged."""
    rows = []
    for thing in things:
        lon, lat = district.frame.lonlat_from_enu((thing.east_m, thing.north_m))[0]
        rows.append(
            {
                "id": thing.thing_id,
                "label": thing.label,
                "look": thing.look.name,
                "lon": round(float(lon), 8),
                "lat": round(float(lat), 8),
                "area_m2": round(Polygon(thing.outline_m()).area, 2),
            }
        )
    text = json.dumps({"staged": True, "seed": seed, "things": rows}, ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def _shuffled(looks: Sequence[SpriteLook], kind: str, rng: np.random.Generator) -> list[SpriteLook]:
    found = [look for look in looks if look.kind == kind]
    if not found:
        raise ValueError(f"no sprite of kind {kind} to stage")
    return [found[index] for index in rng.permutation(len(found))]


def _placed(thing_id: str, look: SpriteLook, places: Iterator[Place], others: Sequence[StagedThing]) -> StagedThing:
    """The thing at the first place that is far enough from all others."""
    for place in places:
        if all(math.hypot(place.east_m - one.east_m, place.north_m - one.north_m) >= _APART_M for one in others):
            return StagedThing(
                thing_id=thing_id, look=look, east_m=place.east_m, north_m=place.north_m, turned_deg=place.turned_deg
            )
    raise ValueError(f"the district has no room for {thing_id}")
