"""How dangerous a water case is: points for each reason, and what is not known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dispatch_api.storms.rules import Weights

# One-sided 95 %: so many times its error must an area have grown.
_SIGMAS = 1.645


@dataclass(frozen=True, kw_only=True)
class Passed:
    """What one flight saw of a case.

    Attributes:
        flight_id: The flight.
        extent_m2: The area; None where unknown.
        extent_sigma_m2: Its one-sigma error; None where unknown.
    """

    flight_id: str
    extent_m2: float | None
    extent_sigma_m2: float | None


@dataclass(frozen=True, kw_only=True)
class Factor:
    """One reason: its points, whether what it rests on is known, and words in Chinese and English."""

    key: str
    points: float
    known: bool
    zh: str
    en: str


@dataclass(frozen=True, kw_only=True)
class Danger:
    """The sum of all reasons."""

    factors: tuple[Factor, ...]

    @property
    def score(self) -> float:
        """Points."""
        return round(sum(factor.points for factor in self.factors), 1)

    @property
    def unknown(self) -> tuple[Factor, ...]:
        """The reasons of which nothing is known: the danger may be greater."""
        return tuple(factor for factor in self.factors if not factor.known)

    def as_json(self) -> dict[str, Any]:
        """The danger, JSON-ready."""
        return {
            "score": self.score,
            "factors": [
                {"key": one.key, "points": round(one.points, 1), "known": one.known, "zh": one.zh, "en": one.en}
                for one in self.factors
            ],
            "unknown": [one.key for one in self.unknown],
        }


def danger_of(
    zones: Sequence[Mapping[str, Any]],
    *,
    extent_m2: float | None,
    extent_sigma_m2: float | None,
    passes: Sequence[Passed],
    weights: Weights,
) -> Danger:
    """Weigh a case.

    Args:
        zones: The zones it lies in, as kept with the case: kind, zone_class, probability.
        extent_m2: Its area; None where unknown.
        extent_sigma_m2: The one-sigma error of the area; None where unknown.
        passes: The flights that saw it, the earliest first.
        weights: The city's.
    """
    return Danger(
        factors=(
            *_road(zones, weights),
            _area(extent_m2, extent_sigma_m2, weights),
            _growth(passes, weights),
        )
    )


def _road(zones: Sequence[Mapping[str, Any]], weights: Weights) -> tuple[Factor, ...]:
    roads = [zone for zone in zones if zone["kind"] == "road"]
    if not roads:
        return (Factor(key="road", points=0.0, known=False, zh="道路等级未知", en="Class of road unknown"),)
    factors = []
    for road_class, weight, zh, en in (
        ("underpass", weights.underpass, "下穿通道", "Underpass"),
        ("main", weights.main_road, "主干道", "Main road"),
    ):
        chance = max((zone["probability"] for zone in roads if zone.get("zone_class") == road_class), default=0.0)
        if chance > 0:
            told = {"zh": f"{zh}（{chance:.0%}）", "en": f"{en} ({chance:.0%})"}
            factors.append(Factor(key=road_class, points=weight * chance, known=True, **told))
    return tuple(factors)


def _area(extent_m2: float | None, sigma_m2: float | None, weights: Weights) -> Factor:
    if extent_m2 is None:
        return Factor(key="area", points=0.0, known=False, zh="面积未知", en="Area unknown")
    # What may lie there counts, not what surely does: a puddle with a large error may be the large one.
    points = weights.area * min(1.0, (extent_m2 + (sigma_m2 or 0.0)) / weights.area_full_m2)
    error = ("误差未知", "error unknown") if sigma_m2 is None else (f"±{sigma_m2:.0f}", f"±{sigma_m2:.0f}")
    return Factor(
        key="area",
        points=points,
        known=True,
        zh=f"{extent_m2:.0f} m²（{error[0]}）",
        en=f"{extent_m2:.0f} m² ({error[1]})",
    )


def _growth(passes: Sequence[Passed], weights: Weights) -> Factor:
    measured = _by_flight(passes)
    if len(measured) < 2:
        zh, en = "涨势未知：仅一次飞行测得面积", "Growth unknown: one flight measured the area"
        return Factor(key="growing", points=0.0, known=False, zh=zh, en=en)
    first, last = measured[0], measured[-1]
    if first[1] is None or last[1] is None:
        zh, en = "涨势未知：面积误差未知", "Growth unknown: the error of the area is"
        return Factor(key="growing", points=0.0, known=False, zh=zh, en=en)
    grown, error = last[0] - first[0], math.hypot(first[1], last[1])
    if grown > _SIGMAS * error:
        zh, en = f"在涨：+{grown:.0f} m²", f"Growing: +{grown:.0f} m²"
        return Factor(key="growing", points=weights.growing, known=True, zh=zh, en=en)
    return Factor(key="growing", points=0.0, known=True, zh="未见上涨", en="Not growing")


def _by_flight(passes: Sequence[Passed]) -> list[tuple[float, float | None]]:
    """The largest area that each flight measured, in the order of the flights."""
    largest: dict[str, tuple[float, float | None]] = {}
    for one in passes:
        known = largest.get(one.flight_id)
        if one.extent_m2 is not None and (known is None or one.extent_m2 > known[0]):
            largest[one.flight_id] = (one.extent_m2, one.extent_sigma_m2)
    return list(largest.values())
