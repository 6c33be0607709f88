"""What stands where: the seeded plan of one site."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from vision.training.scenes.assets import KINDS, LOOKS, PARTS, WASTE, Part
from vision.training.scenes.puddles import Puddle, puddle
from vision.training.scenes.solids import Colour
from vision.training.scenes.terrain import Surface, Terrain, random_terrain

SITES = ("shore", "road", "yard", "meadow")
SITE_M = 30.0
"""Things stand within this distance of the middle."""

SURFACES: dict[Surface, Colour] = {
    "asphalt": (0.11, 0.11, 0.11),
    "fresh asphalt": (0.035, 0.035, 0.037),
    "concrete": (0.36, 0.35, 0.32),
    "dirt": (0.25, 0.19, 0.12),
    "gravel": (0.3, 0.28, 0.25),
}


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One thing on a site.

    Attributes:
        kind: Its kind in the catalogue.
        look: Which look of its kind.
        at_m: x, y, z of its foot.
        heading_deg: Where its front points, clockwise from north.
        angler: For persons: whether this one fishes; None for anything else.
    """

    kind: str
    look: int
    at_m: tuple[float, float, float]
    heading_deg: float
    angler: bool | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class LaidPuddle:
    """A puddle and the x, y, z of its middle."""

    puddle: Puddle
    at_m: tuple[float, float, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Site:
    """A site's plan, from which several pictures are taken.

    Attributes:
        kind: One of `SITES`.
        terrain: The lie of the land.
        things: What stands there.
        puddles: Puddles.
        ground: Which ground picture of the part's own, as a share 0..1 of its list.
        ground_gain: Red, green, blue: how much lighter or darker it is than photographed.
        patches: Fresh asphalt, wet or oily places without any standing water: x, y, radius, darkness.
        water_colours: Shallow and deep water's linear colours, and the depth (m) at which a third of the bed is seen.
        waves: How rough the water is, 0..1.
    """

    kind: str
    terrain: Terrain
    things: tuple[Thing, ...]
    puddles: tuple[LaidPuddle, ...]
    ground: float
    ground_gain: Colour
    patches: tuple[tuple[float, float, float, float], ...]
    water_colours: tuple[Colour, Colour, float]
    waves: float


@dataclass(kw_only=True)
class _Draft:
    rng: np.random.Generator
    part: Part
    terrain: Terrain
    things: list[Thing] = field(default_factory=list)
    puddles: list[LaidPuddle] = field(default_factory=list)
    taken: list[tuple[float, float, float]] = field(default_factory=list)

    def free(self, x: float, y: float, reach: float) -> bool:
        return all(np.hypot(x - a, y - b) > reach + r for a, b, r in self.taken)

    def put(
        self, kind: str, x: float, y: float, heading: float | None = None, *, z: float | None = None,
        angler: bool | None = None, claim: bool = True,
    ) -> None:  # fmt: skip
        """Put a thing at x, y on the ground, or at height z."""
        person = KINDS[kind].label == "person"
        self.things.append(
            Thing(
                kind=kind,
                look=int(self.rng.integers(LOOKS[self.part])),
                at_m=(x, y, float(self.terrain.height_m(x, y)) if z is None else z),
                heading_deg=float(self.rng.uniform(0, 360)) if heading is None else float(heading % 360),
                angler=bool(angler) if person else None,
            )
        )
        if claim:
            self.taken.append((x, y, KINDS[kind].reach_m))

    def spot(
        self, where: Literal["land", "road", "verge", "bank", "edge", "water"], reach: float
    ) -> tuple[float, float] | None:
        """Find a free place of that sort."""
        for _ in range(30):
            x, y = self._try(where)
            if np.hypot(x, y) < SITE_M * 1.4 and self.free(x, y, reach):
                return x, y
        return None

    def _try(self, where: str) -> tuple[float, float]:
        t, rng = self.terrain, self.rng
        along = float(rng.uniform(-SITE_M, SITE_M))
        if where in ("road", "verge") and t.road is not None:
            half = t.road.width_m / 2
            off = rng.uniform(-half, half) if where == "road" else rng.choice([-1, 1]) * (half + rng.uniform(0.6, 4))
            return t.point(along, t.road.across_m + t.road.bend_per_m * along**2 / 2 + off)
        if t.bank is None or where in ("road", "verge"):
            low = 0.0 if t.bank is None else t.bank_wide_m
            for _ in range(20):
                x, y = rng.uniform(-SITE_M, SITE_M, 2)
                _, across = t.along_across(x, y)
                if (t.bank is None or across > low) and t.off_road_m(x, y) > 0.8:
                    return float(x), float(y)
            return t.point(along, low + 2)
        band: dict[str, float] = {
            "land": t.bank_wide_m + rng.uniform(0.5, SITE_M),
            "bank": rng.uniform(0.4, t.bank_wide_m),
            "edge": rng.uniform(0.2, 1.6),
            "water": -rng.uniform(1.5, SITE_M * 0.8),
        }
        return t.point(along, float(band[where]))

    def toward_water(self, x: float, y: float) -> float:
        """Return the bearing towards the water, degrees clockwise from north."""
        along, _ = self.terrain.along_across(x, y)
        (x0, y0), (x1, y1) = self.terrain.point(float(along), 5.0), self.terrain.point(float(along), -5.0)
        return float(np.degrees(np.arctan2(x1 - x0, y1 - y0)))

    def along_road(self, x: float, y: float) -> float:
        """Return the bearing of the road's line beside a place, degrees clockwise from north."""
        along, across = (float(v) for v in self.terrain.along_across(x, y))
        (x0, y0), (x1, y1) = self.terrain.point(along - 1, across), self.terrain.point(along + 1, across)
        return float(np.degrees(np.arctan2(x1 - x0, y1 - y0)))

    def around(self, x: float, y: float, heading: float, right: float, ahead: float) -> tuple[float, float]:
        """Return the place `right` and `ahead` metres of something that faces `heading`."""
        a = np.radians(heading)
        return float(x + right * np.cos(a) + ahead * np.sin(a)), float(y - right * np.sin(a) + ahead * np.cos(a))


def _angler(draft: _Draft, x: float, y: float, heading: float, *, z: float | None = None, afloat: bool = False) -> None:
    """Put an angler with what belongs to one; `afloat` in a boat, where less has room."""
    rng = draft.rng
    pose = ["angler standing", "angler sitting", "angler crouching"][int(rng.choice(3, p=[0.4, 0.5, 0.1]))]
    draft.put(pose, x, y, heading, z=z, angler=True)

    def beside(kind: str, right: float, ahead: float, turn: float = 0.0) -> None:
        draft.put(kind, *draft.around(x, y, heading, right, ahead), heading + turn, z=z, claim=False)

    if pose == "angler sitting":
        beside("stool", 0, 0)
    for i in range(int(rng.choice([1, 1, 2, 3]))):
        beside(
            "rod", 0.0 if i == 0 else float(rng.uniform(-1.5, 1.5)), 0.1 if i == 0 else 0.6, float(rng.normal(0, 12))
        )
    if afloat:
        return
    if rng.random() < 0.4:
        side = float(rng.choice([-1, 1]))
        beside("umbrella", side * rng.uniform(0.3, 1.0), -rng.uniform(0.1, 0.8))
    for _ in range(rng.integers(0, 4)):
        beside(
            str(rng.choice(["bucket", "tackle"])),
            float(rng.choice([-1, 1]) * rng.uniform(0.6, 1.5)),
            float(rng.uniform(-1, 0.6)),
        )
    if rng.random() < 0.3:
        beside("net", float(rng.choice([-1, 1]) * rng.uniform(0.7, 1.6)), float(rng.uniform(0, 0.8)))
    if rng.random() < 0.12:
        spot = draft.around(x, y, heading, float(rng.choice([-1, 1]) * 2.8), -1.8)
        draft.put("tent", *spot, heading + float(rng.normal(0, 15)))


def _fishing(draft: _Draft) -> None:
    rng, t = draft.rng, draft.terrain
    for _ in range(int(rng.choice([0, 1, 2, 3, 5], p=[0.2, 0.25, 0.25, 0.2, 0.1]))):
        spot = draft.spot("edge" if rng.random() < 0.75 else "bank", 1.5)
        if spot:
            _angler(draft, *spot, draft.toward_water(*spot) + float(rng.normal(0, 15)))
    for _ in range(int(rng.choice([0, 1, 2], p=[0.6, 0.3, 0.1]))):
        dock_along = float(rng.uniform(-20, 20))
        x, y = t.point(dock_along, 0.0)
        heading = draft.toward_water(x, y)
        if draft.free(x, y, 4.0):
            draft.put("dock", x, y, heading, z=t.water_z_m)
            if rng.random() < 0.5:
                _angler(draft, *draft.around(x, y, heading, 0.3, 2.0), heading, z=t.water_z_m + 0.53)
    for _ in range(int(rng.choice([0, 1, 2, 4], p=[0.45, 0.3, 0.15, 0.1]))):
        spot = draft.spot("water" if rng.random() < 0.7 else "edge", 3.0)
        if spot is None:
            continue
        heading = float(rng.uniform(0, 360))
        ashore = float(t.along_across(*spot)[1]) > 0
        z = float(t.height_m(*spot)) + 0.25 if ashore else t.water_z_m
        draft.put("boat", *spot, heading, z=z)
        if not ashore and rng.random() < 0.6:
            _angler(draft, *spot, heading + float(rng.uniform(-90, 90)), z=z + 0.1, afloat=True)


def _others(draft: _Draft) -> None:
    """People who do not fish."""
    rng, shore = draft.rng, draft.terrain.bank is not None
    for _ in range(int(rng.choice([0, 1, 2, 4, 6], p=[0.25, 0.25, 0.25, 0.15, 0.1]))):
        what = str(rng.choice(["standing", "walking", "walking", "working", "sitting", "bathing"]))
        if what == "bathing" and shore:
            spot = draft.spot("water", 0.8)
            if spot:
                draft.put("bathing", *spot, z=draft.terrain.water_z_m)
            continue
        what = "standing" if what == "bathing" else what
        spot = draft.spot(("land", "road", "verge", "bank")[int(rng.integers(4))] if shore else ("land", "road", "verge")[int(rng.integers(3))], 0.7)  # noqa: E501  # fmt: skip
        if spot is None:
            continue
        heading = float(rng.uniform(0, 360))
        draft.put(what, *spot, heading)
        if what == "sitting":
            draft.put("stool", *spot, heading, claim=False)
            if rng.random() < 0.15:  # a picnic's parasol is no angler's gear
                draft.put("parasol", *draft.around(*spot, heading, 0.6, -0.4), claim=False)
        elif rng.random() < 0.35:
            draft.put(what, *draft.around(*spot, heading, 0.8, 0.1), heading)


def _dumps(draft: _Draft, often: float) -> None:
    rng = draft.rng
    if rng.random() > often:
        return
    for _ in range(int(rng.choice([1, 3, 4, 7], p=[0.25, 0.35, 0.25, 0.15]))):
        kind = str(rng.choice(WASTE))
        where = str(rng.choice(["land", "verge", "verge", "bank", "road"]))
        place: Literal["land", "road", "verge", "bank"] = "land"
        if where in ("verge", "road") and draft.terrain.road is not None:
            place = "verge" if where == "verge" else "road"
        elif where == "bank" and draft.terrain.bank is not None:
            place = "bank"
        spot = draft.spot(place, KINDS[kind].reach_m)
        if spot:
            draft.put(kind, *spot)
    for _ in range(int(rng.choice([0, 0, 1, 2]))):
        spot = draft.spot("verge", 1.7)
        if spot:
            draft.put(str(rng.choice(["bin", "full bin"])), *spot)


PROPS: dict[str, dict[str, float]] = {
    "shore": {
        "boulder": 6, "reeds": 4, "bush": 3, "stump": 3, "tree": 1.5, "pipes": 0.6, "slabs": 0.8, "tarpaulin": 0.5,
        "car": 1.0, "equipment": 0.3,
    },
    "road": {
        "car": 3.0, "truck": 0.7, "tree": 2, "bush": 2, "lamp": 2, "stump": 3, "boulder": 3, "house": 0.7, "slabs": 0.6,
        "pipes": 0.6, "gravel": 0.5, "sand": 0.5, "tarpaulin": 0.6, "solar": 0.2, "equipment": 0.6, "excavator": 0.3,
    },
    "yard": {
        "car": 2, "truck": 1, "excavator": 0.8, "gravel": 1.5, "sand": 1.5, "pipes": 1.5, "slabs": 1.5, "house": 1.2,
        "tarpaulin": 1.5, "solar": 0.6, "equipment": 1.5, "boulder": 3, "stump": 2, "bush": 1,
    },
    "meadow": {
        "tree": 4, "bush": 5, "boulder": 5, "stump": 3, "tarpaulin": 0.6, "gravel": 0.6, "sand": 0.5, "solar": 0.4,
        "house": 0.4, "car": 0.5, "slabs": 0.5,
    },
}  # fmt: skip
"""How many of each stand on a site on average."""


def _furnish(draft: _Draft, kind: str) -> None:
    rng, t = draft.rng, draft.terrain
    for name, mean in PROPS[kind].items():
        for _ in range(int(rng.poisson(mean * rng.choice([0.4, 1.0, 1.8])))):
            where: Literal["land", "road", "verge", "bank", "edge"] = "land"
            if name in ("car", "truck") and t.road is not None and rng.random() < 0.7:
                where = "road"
            if t.bank is not None and name in ("boulder", "stump", "bush") and rng.random() < 0.6:
                where = "bank"
            if name == "reeds":
                where = "edge"
            spot = draft.spot(where, KINDS[name].reach_m)
            if spot is None:
                continue
            heading = None
            if where == "road" and rng.random() < 0.85:
                heading = draft.along_road(*spot) + (180 if rng.random() < 0.5 else 0) + rng.normal(0, 4)
            draft.put(name, *spot, heading)
    if t.bank == "riprap":
        for along in np.arange(-26, 26, 2.1):
            for across in np.arange(0.2, min(t.bank_wide_m, 5.0), 2.0):
                x, y = t.point(float(along + rng.uniform(-0.5, 0.5)), float(across + rng.uniform(-0.4, 0.4)))
                draft.put("riprap", x, y, claim=False)


def _soak(draft: _Draft, kind: str) -> None:
    rng, t = draft.rng, draft.terrain
    often = {"shore": 0.3, "road": 0.7, "yard": 0.65, "meadow": 0.35}[kind]
    if rng.random() > often:
        return
    for _ in range(int(rng.choice([1, 2, 3, 5], p=[0.3, 0.3, 0.25, 0.15]))):
        reach = float(
            rng.choice([rng.uniform(0.5, 1.3), rng.uniform(1.3, 2.8), rng.uniform(2.8, 6)], p=[0.3, 0.45, 0.25])
        )
        on_road = t.road is not None and rng.random() < 0.75
        spot = draft.spot("road" if on_road else "land", reach * 0.8)
        if spot is None or (t.bank is not None and float(t.along_across(*spot)[1]) < t.bank_wide_m + reach * 1.3):
            continue
        ground = SURFACES[t.road.surface] if on_road and t.road is not None else (0.2, 0.17, 0.12)
        draft.puddles.append(LaidPuddle(puddle=puddle(rng, reach, ground), at_m=(*spot, 0.0)))
        draft.taken.append((*spot, reach * 0.7))


def plan_site(seed: int, part: Part, number: int) -> Site:
    """Return the plan of site `number` of a part, a pure function of its arguments."""
    rng = np.random.default_rng([seed, PARTS.index(part), number, 11])
    kind = SITES[int(rng.choice(4, p=[0.42, 0.3, 0.16, 0.12]))]
    draft = _Draft(rng=rng, part=part, terrain=random_terrain(rng, kind))
    _soak(draft, kind)
    if kind == "shore":
        _fishing(draft)
    _dumps(draft, {"shore": 0.6, "road": 0.8, "yard": 0.85, "meadow": 0.65}[kind])
    _others(draft)
    _furnish(draft, kind)
    return Site(
        kind=kind,
        terrain=draft.terrain,
        things=tuple(draft.things),
        puddles=tuple(draft.puddles),
        ground=float(rng.random()),
        ground_gain=_triple(rng.uniform(0.45, 0.9) * rng.uniform(0.9, 1.1, 3)),
        patches=tuple(_patch(rng, draft) for _ in range(rng.choice([0, 0, 1, 2, 4]))),
        water_colours=_water(rng),
        waves=float(rng.random()),
    )


def _triple(values: np.ndarray) -> Colour:
    return float(values[0]), float(values[1]), float(values[2])


def _patch(rng: np.random.Generator, draft: _Draft) -> tuple[float, float, float, float]:
    x, y = draft.spot("road", 0.1) or (0.0, 0.0)
    return x, y, float(rng.uniform(0.5, 3.0)), float(rng.uniform(0.35, 0.75))


def _water(rng: np.random.Generator) -> tuple[Colour, Colour, float]:
    pairs: list[tuple[Colour, Colour]] = [
        ((0.10, 0.12, 0.07), (0.03, 0.06, 0.045)),
        ((0.16, 0.15, 0.08), (0.06, 0.08, 0.04)),
        ((0.22, 0.18, 0.12), (0.15, 0.12, 0.075)),
        ((0.06, 0.10, 0.11), (0.015, 0.04, 0.06)),
        ((0.12, 0.12, 0.11), (0.05, 0.055, 0.05)),
    ]
    shallow, deep = pairs[int(rng.integers(len(pairs)))]
    light = float(rng.uniform(0.75, 1.3))
    return _triple(np.array(shallow) * light), _triple(np.array(deep) * light), float(rng.uniform(0.2, 1.5))


def without(site: Site, kinds: frozenset[str]) -> Site:
    """Return the site without things of these kinds."""
    return replace(site, things=tuple(thing for thing in site.things if thing.kind not in kinds))
