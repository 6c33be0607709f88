"""What routing goes by: where a thing lies and how surely, what it is, and how large."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ZoneFact:
    """That a thing lies in a zone with a probability (0 to 1), as the zones file and the error ellipse say."""

    kind: str
    code: str
    name: str
    probability: float
    basis: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    zone_class: str | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError(f"the probability of zone {self.code!r} is {self.probability}, not 0 to 1")

    def in_force_on(self, day: date) -> bool:
        """Whether the zone is in force on a day."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)

    def as_json(self) -> dict[str, Any]:
        """The fact as it is stored with a case."""
        dates = {"valid_from": self.valid_from, "valid_to": self.valid_to}
        return asdict(self) | {name: day.isoformat() if day else None for name, day in dates.items()}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> ZoneFact:
        """The fact from what `as_json` gave."""
        dates = {name: date.fromisoformat(raw[name]) if raw[name] else None for name in ("valid_from", "valid_to")}
        return cls(**{**raw, **dates})


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a thing when somebody has to be named responsible.

    Attributes:
        matter: Key of its matter.
        zones: Where it lies, and how surely.
        seen_on: The local day on which it was seen: zones, date ranges and seasons go by it.
        decided_on: The local day of the decision: the days on which a rule is in effect go by it.
        label: What the detector called it, like `fishing_gear`; None where nobody says.
        extent_m2: Its area; None where it was not measured.
        extent_sigma_m2: The standard error of that; None where it is not known.
    """

    matter: str
    zones: Sequence[ZoneFact]
    seen_on: date
    decided_on: date
    label: str | None = None
    extent_m2: float | None = None
    extent_sigma_m2: float | None = None

    @property
    def zones_in_force(self) -> Sequence[ZoneFact]:
        """The zones that are in force on the day on which it was seen."""
        return [zone for zone in self.zones if zone.in_force_on(self.seen_on)]
