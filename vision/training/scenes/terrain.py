"""The lie of the land: a plain with a road, and for shores a bank that falls to the reservoir.

Coordinates are metres, x to the east, y to the north, z up, about the middle of the site. `across` counts from a gently
winding line through the site: on a shore that line is the water's edge, and the land is where `across` is positive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vision.training.scenes.solids import Colour

Array = NDArray[np.float64]
Bank = Literal["grass", "riprap", "concrete", "mud", "sand"]
Surface = Literal["asphalt", "fresh asphalt", "concrete", "dirt", "gravel"]

REACH_M = 750.0
"""Half the side of the ground: beyond, haze ends every picture."""

_CELLS = 220
_BEND = 4.4

BANK_COLOURS: dict[Bank, tuple[Colour, float]] = {
    "grass": ((0.1, 0.12, 0.05), 0.35),
    "riprap": ((0.3, 0.29, 0.27), 0.9),
    "concrete": ((0.42, 0.41, 0.38), 0.97),
    "mud": ((0.2, 0.155, 0.1), 0.95),
    "sand": ((0.45, 0.37, 0.25), 0.95),
}
"""Linear colour of each bank, and how much of it covers the ground's own picture."""


@dataclass(frozen=True, kw_only=True)
class Road:
    """A road along the site's line.

    Attributes:
        across_m: Where its middle runs.
        width_m: Its width.
        surface: What it is made of.
        bend_per_m: Curvature: the middle runs at `across_m` + bend * along² / 2.
        markings: Whether lines are painted on it.
        kerbs: Whether it has kerbs and pavements.
    """

    across_m: float
    width_m: float
    surface: Surface
    bend_per_m: float
    markings: bool
    kerbs: bool


@dataclass(frozen=True, kw_only=True)
class Terrain:
    """Ground, bank, water and road of one site.

    Attributes:
        turn: Direction of the line, radians counter-clockwise from east.
        waves: Amplitude (m), wave number (1/m) and phase of each of the line's windings.
        bank: What covers the bank; None where there is no water.
        bank_wide_m: Horizontal width of the bank.
        water_z_m: Height of the water, negative.
        road: The road, if there is one.
    """

    turn: float
    waves: tuple[tuple[float, float, float], ...]
    bank: Bank | None
    bank_wide_m: float
    water_z_m: float
    road: Road | None

    def along_across(self, x_m: ArrayLike, y_m: ArrayLike) -> tuple[Array, Array]:
        """Return how far along the line and how far to its land side points lie, metres."""
        x, y = np.asarray(x_m, float), np.asarray(y_m, float)
        along = x * np.cos(self.turn) + y * np.sin(self.turn)
        across = -x * np.sin(self.turn) + y * np.cos(self.turn)
        return along, across - self._winding(along)

    def point(self, along_m: float, across_m: float) -> tuple[float, float]:
        """Return the x, y of a place given along and across the line."""
        v = across_m + float(self._winding(np.asarray(along_m)))
        return (
            float(along_m * np.cos(self.turn) - v * np.sin(self.turn)),
            float(along_m * np.sin(self.turn) + v * np.cos(self.turn)),
        )

    def _winding(self, along: Array) -> Array:
        total = np.zeros_like(along)
        for size, number, phase in self.waves:
            total = total + size * (np.sin(along * number + phase) - np.sin(phase))
        return total

    def height_m(self, x_m: ArrayLike, y_m: ArrayLike) -> Array:
        """Return the ground's height; under water it is that of the bed."""
        _, across = self.along_across(x_m, y_m)
        if self.bank is None:
            return np.zeros_like(across)
        slope = -self.water_z_m / self.bank_wide_m
        above = np.clip(self.water_z_m + slope * across, -abs(self.water_z_m) - 6.0, 0.0)
        return above

    def off_road_m(self, x_m: ArrayLike, y_m: ArrayLike) -> Array:
        """Return the distance to the road's edge, negative on the road; infinite without a road."""
        along, across = self.along_across(x_m, y_m)
        if self.road is None:
            return np.full_like(across, np.inf)
        middle = self.road.across_m + self.road.bend_per_m * along**2 / 2
        return np.abs(across - middle) - self.road.width_m / 2

    def grid(self) -> tuple[Array, Array]:
        """Return x and y (n, n) of a net over the site, fine in the middle and coarse far out."""
        line = np.sinh(np.linspace(-_BEND, _BEND, _CELLS)) / np.sinh(_BEND) * REACH_M
        x, y = np.meshgrid(line, line)
        return x, y

    def cover(self, x_m: ArrayLike, y_m: ArrayLike) -> Array:
        """Return (..., 4): linear colour of what lies over the ground's picture, and how much of it does."""
        _, across = self.along_across(x_m, y_m)
        rgba = np.zeros((*across.shape, 4))
        if self.bank is None:
            return rgba
        colour, most = BANK_COLOURS[self.bank]
        rgba[..., :3] = colour
        ragged = across + 0.5 * np.sin(np.asarray(x_m) * 1.3) * np.sin(np.asarray(y_m) * 1.7)
        rgba[..., 3] = most * np.clip((self.bank_wide_m + 0.6 - ragged) / 0.8, 0, 1)
        wet = np.clip((0.9 - across) / 0.9, 0, 1)  # what the waves reach is dark and bare
        rgba[..., :3] *= (1 - 0.5 * wet)[..., None]
        rgba[..., 3] = np.maximum(rgba[..., 3], 0.8 * wet)
        return rgba


def random_terrain(rng: np.random.Generator, kind: str) -> Terrain:
    """Return the ground of a site: `shore`, `road`, `yard` or `meadow`."""
    shore = kind == "shore"
    big, fine = (3.0, 0.25) if shore else (2.0, 0.07)
    waves = tuple(
        (float(rng.uniform(0.3, big)), float(rng.uniform(0.02, fine)), float(rng.uniform(0, 6.28))) for _ in range(2)
    )
    banks: list[Bank] = ["grass", "grass", "riprap", "concrete", "mud", "mud", "sand"]
    bank = banks[int(rng.integers(len(banks)))] if shore else None
    if bank == "concrete":
        waves = ()
    flat = bank in ("mud", "sand")
    wide = float(rng.uniform(5, 14) if flat else rng.uniform(2, 8))
    water = -float(wide * (rng.uniform(0.06, 0.14) if flat else rng.uniform(0.25, 0.55)))
    road = None
    if kind == "road" or rng.random() < {"shore": 0.5, "yard": 0.4}.get(kind, 0.5):
        road = _random_road(rng, wide if shore else None, main=kind == "road")
    return Terrain(
        turn=float(rng.uniform(0, 2 * np.pi)), waves=waves, bank=bank, bank_wide_m=wide, water_z_m=water, road=road,
    )  # fmt: skip


def _random_road(rng: np.random.Generator, bank_wide_m: float | None, *, main: bool) -> Road:
    surfaces: list[Surface] = ["asphalt", "fresh asphalt", "concrete", "dirt", "gravel"]
    shares = [0.5, 0.12, 0.2, 0.12, 0.06] if main else [0.2, 0.05, 0.25, 0.3, 0.2]
    surface = surfaces[int(rng.choice(5, p=shares))]
    paved = surface not in ("dirt", "gravel")
    width = float(rng.uniform(5, 13) if main and paved else rng.uniform(2.8, 5.5))
    if bank_wide_m is None:
        return Road(
            across_m=float(rng.uniform(-6, 6)), width_m=width, surface=surface,
            bend_per_m=float(rng.uniform(-0.004, 0.004)), markings=bool(paved and width > 5 and rng.random() < 0.75),
            kerbs=bool(paved and rng.random() < 0.6),
        )  # fmt: skip
    return Road(
        across_m=bank_wide_m + width / 2 + float(rng.uniform(0.8, 8)), width_m=width, surface=surface, bend_per_m=0.0,
        markings=bool(paved and rng.random() < 0.3), kerbs=bool(paved and rng.random() < 0.3),
    )  # fmt: skip
