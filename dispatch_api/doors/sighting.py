"""A sighting as a pipeline sends it, checked before anything is done with it."""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from dispatch_api.cases.observation import Observation
from dispatch_api.departments.facts import ZoneFact
from dispatch_api.errors import InvalidRequest
from geo.zones.zone import ZONE_KINDS

# A clock that runs ahead of ours is not yet a reason to lose a sighting; one that is a day ahead would sort all others.
_AHEAD = timedelta(hours=1)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LARGEST_M2 = 1e8
_SMALLEST_M2 = 1e-6
# Rounder than this an ellipse cannot be told from a line, and its inverse is made of rounding errors.
_LEAST_DETERMINANT = 1e-9


def _printable(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise ValueError("must be printable text")
    return text


def _as_parts(raw: object) -> object:
    if not isinstance(raw, str):
        return raw
    kind, _, code = raw.partition(":")
    return {"kind": kind, "code": code or kind}


def _known_kind(kind: str) -> str:
    if kind not in ZONE_KINDS:
        raise ValueError(f"must be one of {', '.join(ZONE_KINDS)}")
    return kind


Code = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_printable)]
FlightId = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_printable)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_printable)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
CovarianceEntry = Annotated[float, Field(allow_inf_nan=False, ge=-_LARGEST_M2, le=_LARGEST_M2)]


class GivenZone(BaseModel):
    """A zone that the sender knows the thing to lie in; `kind` or `kind:code` as one word says the same.

    Attributes:
        kind: One of the kinds of a zones file.
        code: The city's own code of the zone.
        name: What people call it.
        probability: How surely the thing lies in it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Annotated[str, AfterValidator(_known_kind)]
    code: Code
    name: Title | None = None
    probability: Share = 1.0

    def fact(self) -> ZoneFact:
        """The zone as routing takes it."""
        return ZoneFact(kind=self.kind, code=self.code, name=self.name or self.code, probability=self.probability)


class Sighting(BaseModel):
    """One confirmed thing of one flight.

    Attributes:
        matter: Key of the matter, like `waterlogging.road`, or its five-digit code.
        confidence: 0 to 1.
        lon: Degrees east, WGS 84.
        lat: Degrees north, WGS 84.
        covariance_m2: ((east-east, east-north), (north-east, north-north)) of the place, in m²; positive definite.
        seen_at: When, with its offset from UTC.
        flight_id: The flight that saw it.
        extent_m2: Its area.
        zone: The zone that it lies in, where the sender knows; the city's own zones are looked up besides.
        label: What the detector called it; the matter where left out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    matter: Code
    confidence: Share
    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    covariance_m2: tuple[tuple[CovarianceEntry, CovarianceEntry], tuple[CovarianceEntry, CovarianceEntry]]
    seen_at: AwareDatetime
    flight_id: FlightId
    extent_m2: Annotated[float, Field(ge=0, le=1e10, allow_inf_nan=False)] | None = None
    zone: Annotated[GivenZone, BeforeValidator(_as_parts)] | None = None
    label: Code | None = None

    def checked(self, now: datetime) -> datetime:
        """The moment it was seen, in UTC, after the checks that need more than one field.

        Raises:
            InvalidRequest: The moment is out of range, or the error is none.
        """
        if not _EARLIEST <= self.seen_at <= now + _AHEAD:
            problem = f"{self.seen_at.isoformat()} is not between the year 2000 and now"
            raise InvalidRequest(field="seen_at", problem=problem)
        (ee, en), (ne, nn) = self.covariance_m2
        symmetric = math.isclose(en, ne, rel_tol=1e-6, abs_tol=1e-9)
        if not symmetric or min(ee, nn) < _SMALLEST_M2 or ee * nn - en * ne <= _LEAST_DETERMINANT * ee * nn:
            problem = "it must be symmetric and positive definite, with variances of 1e-6 m² or more"
            raise InvalidRequest(field="covariance_m2", problem=problem)
        return self.seen_at.astimezone(UTC)

    def observation(
        self, key: str, *, matter: str, seen_at: datetime, zones: tuple[ZoneFact, ...], address: str | None = None
    ) -> Observation:
        """The sighting as intake takes it.

        Args:
            key: The observation's own name.
            matter: Key of the matter.
            seen_at: As `checked` gave it.
            zones: The zones that it lies in.
            address: Where it is, in words.
        """
        (ee, en), (_, nn) = self.covariance_m2
        return Observation(
            key=key,
            matter=matter,
            label=self.label or matter,
            confidence=self.confidence,
            lon=self.lon,
            lat=self.lat,
            covariance_m2=((ee, en), (en, nn)),
            extent_m2=self.extent_m2,
            first_seen_at=seen_at,
            last_seen_at=seen_at,
            flight_id=self.flight_id,
            zones=zones,
            address=address,
        )


def sighting_id(owner: str, key: str) -> str:
    """The name under which an owner's idempotency key is observed; the same on every machine and for ever."""
    return hashlib.sha256(f"{owner}\n{key}".encode()).hexdigest()[:32]
