"""The catalogue: which kinds of things there are, how many looks of each, and under which label they go."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from vision.training.scenes import gear, people, props, waste
from vision.training.scenes.solids import Rng, Solid

Part = Literal["train", "val", "test"]
PARTS: tuple[Part, ...] = ("train", "val", "test")

LOOKS: Mapping[Part, int] = {"train": 40, "val": 10, "test": 14}
"""Looks of every kind; look n of one part has nothing but its maker in common with look n of another."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of thing.

    Attributes:
        make: Makes one look of it.
        label: Its label; None for what belongs to no class.
        reach_m: About how much room it takes, for keeping things apart.
        shiny: Whether it mirrors the sky a little.
    """

    make: Callable[[Rng], Solid]
    label: str | None = None
    reach_m: float = 1.0
    shiny: bool = False


def _heap(maker: Callable[[Rng, float], Solid], low_m: float, high_m: float) -> Callable[[Rng], Solid]:
    return lambda rng: maker(rng, float(rng.uniform(low_m, high_m)))


def _person(posture: people.Posture, *, arms_out: bool = False) -> Kind:
    return Kind(make=lambda rng: people.person(rng, posture, arms_out=arms_out), label="person", reach_m=0.6)


KINDS: Mapping[str, Kind] = {
    "standing": _person("standing"),
    "walking": _person("walking"),
    "bathing": _person("bathing"),
    "working": _person("working", arms_out=True),
    "sitting": _person("sitting"),
    "angler standing": _person("standing", arms_out=True),
    "angler sitting": _person("sitting", arms_out=True),
    "angler crouching": _person("crouching", arms_out=True),
    "rod": Kind(make=gear.fishing_rod, label="fishing_gear"),
    "umbrella": Kind(make=gear.umbrella, label="fishing_gear"),
    "bucket": Kind(make=gear.bucket, label="fishing_gear"),
    "tackle": Kind(make=gear.tackle_box, label="fishing_gear"),
    "net": Kind(make=gear.net, label="fishing_gear"),
    "tent": Kind(make=gear.tent, label="fishing_gear", reach_m=1.8),
    "stool": Kind(make=gear.stool),
    "parasol": Kind(make=gear.umbrella),
    "boat": Kind(make=gear.boat, label="boat", reach_m=2.5),
    "dock": Kind(make=gear.dock, label="dock_or_lift", reach_m=5.0),
    "bin": Kind(make=lambda rng: gear.waste_bin(rng, overflowing=False), label="waste_bin", reach_m=1.6),
    "full bin": Kind(make=lambda rng: gear.waste_bin(rng, overflowing=True), label="overflowing_bin", reach_m=1.8),
    "car": Kind(make=props.car, label="vehicle", reach_m=2.8, shiny=True),
    "truck": Kind(make=props.truck, label="vehicle", reach_m=4.5),
    "excavator": Kind(make=props.excavator, label="vehicle", reach_m=4.0),
    "small household": Kind(make=_heap(waste.household_heap, 0.7, 1.5), label="waste", reach_m=0.8),
    "household": Kind(make=_heap(waste.household_heap, 1.5, 3.2), label="waste", reach_m=1.7),
    "large household": Kind(make=_heap(waste.household_heap, 3.2, 6.5), label="waste", reach_m=3.3),
    "rubble": Kind(make=_heap(waste.rubble_heap, 1.2, 3.0), label="waste", reach_m=1.6),
    "large rubble": Kind(make=_heap(waste.rubble_heap, 3.0, 6.0), label="waste", reach_m=3.1),
    "mixed": Kind(make=_heap(waste.mixed_heap, 1.5, 5.0), label="waste", reach_m=2.5),
    "strewn": Kind(make=_heap(waste.strewn, 1.5, 5.0), label="waste", reach_m=2.3),
    "bags": Kind(make=_heap(waste.bag_pile, 0.6, 2.8), label="waste", reach_m=1.2),
    "single": Kind(make=_heap(waste.single_things, 1.0, 2.4), label="waste", reach_m=1.4),
    "gravel": Kind(make=lambda r: waste.gravel(r, float(r.uniform(1.5, 7)), waste.CONCRETE), reach_m=3.0),
    "sand": Kind(
        make=lambda r: waste.gravel(r, float(r.uniform(1.5, 7)), [(0.45, 0.36, 0.24), *waste.SOIL]), reach_m=3.0
    ),
    "boulder": Kind(make=props.boulder, reach_m=0.8),
    "riprap": Kind(make=props.stones, reach_m=1.0),
    "tree": Kind(make=props.tree, reach_m=2.2),
    "bush": Kind(make=props.bush, reach_m=1.0),
    "reeds": Kind(make=props.reeds, reach_m=0.8),
    "tarpaulin": Kind(make=props.tarpaulin, reach_m=2.2, shiny=True),
    "solar": Kind(make=props.solar_panels, reach_m=4.5, shiny=True),
    "pipes": Kind(make=props.pipes, reach_m=2.5),
    "slabs": Kind(make=props.slabs, reach_m=2.5),
    "stump": Kind(make=props.stump, reach_m=0.5),
    "lamp": Kind(make=props.lamp, reach_m=0.6),
    "house": Kind(make=props.house, reach_m=6.5),
    "equipment": Kind(make=props.equipment, reach_m=2.2),
}

WASTE = tuple(name for name, kind in KINDS.items() if kind.label == "waste")


@lru_cache(maxsize=2048)
def look(kind: str, part: Part, number: int) -> Solid:
    """Return one look of a kind, the same each time.

    Raises:
        KeyError: There is no such kind.
        ValueError: `part` has fewer looks.
    """
    if not 0 <= number < LOOKS[part]:
        raise ValueError(f"look {number} is not among the {LOOKS[part]} of {part}")
    seed = [zlib.crc32(kind.encode()), PARTS.index(part), number]
    return KINDS[kind].make(np.random.default_rng(seed))
