"""From confirmed things to observations in the store, each with its best pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dispatch_api.cases.intake import Intake
from dispatch_api.cases.observation import Evidence, Observation, Recorded
from dispatch_api.departments.routing import ZoneFact
from flyonce.context import GroundContext
from flyonce.interpretation import Interpretation, Rule
from geo.identity import Thing
from geo.sighting import Sighting
from geo.zones import ZoneHit, Zones
from vision.detections import Detections
from vision.drawing import crop_evidence
from vision.redaction import redact
from vision.sources.photos import read_frame

_JPEG_QUALITY = 88
_MOST_PICTURES = 3


class Recorder:
    """Records the things of one flight; the same thing again brings its observation up to date."""

    def __init__(
        self,
        *,
        intake: Intake,
        interpretation: Interpretation,
        zones: Zones | None,
        context: GroundContext,
        flight_id: str,
        seen: Mapping[str, Detections],
        received_at: datetime,
    ) -> None:
        """Join the parts.

        Args:
            intake: Where observations go.
            interpretation: Which thing in which place is which matter.
            zones: Mapped zones, None where there are none.
            context: The same zones, in metres.
            flight_id: The flight.
            seen: What was found in each picture, by path; needed to hide people in evidence pictures.
            received_at: Stands in for the time of photos that tell none; aware.
        """
        self._intake = intake
        self._interpretation = interpretation
        self._zones = zones
        self._context = context
        self._flight_id = flight_id
        self._seen = seen
        self._received_at = received_at

    def rule_for(self, thing: Thing) -> Rule | None:
        """The rule that makes a thing a matter, or None: then it is counted, and nothing more."""
        return self._interpretation.rule_for(
            label=thing.label,
            area_m2=thing.area_m2,
            distances_m=self._context.distances_m(thing.fix.lon, thing.fix.lat, thing.footprint_lonlat),
            mapped_kinds=self._context.mapped_kinds,
        )

    def record(self, thing: Thing, rule: Rule, *, review: bool) -> Recorded:
        """Put a thing into the store; on return it is on disk.

        Args:
            thing: A thing of this flight.
            rule: The rule that makes it a matter.
            review: Whether a person must look at it, whatever the confidence.
        """
        seen_at = thing.last_seen_at or self._received_at
        hits = () if self._zones is None else tuple(self._zones.under(thing.fix, on=seen_at.date()))
        return self._intake.record(
            Observation(
                key=f"{self._flight_id}:{thing.thing_id}",
                matter=rule.matter,
                label=thing.label,
                confidence=thing.confidence,
                lon=thing.fix.lon,
                lat=thing.fix.lat,
                covariance_m2=thing.fix.covariance_m2,
                footprint_lonlat=thing.footprint_lonlat,
                extent_m2=thing.area_m2,
                first_seen_at=thing.first_seen_at or self._received_at,
                last_seen_at=seen_at,
                flight_id=self._flight_id,
                frames=len(thing.sightings),
                zones=tuple(_zone_fact(hit) for hit in hits),
                address=_address(hits),
                evidence=tuple(self._evidence(sighting) for sighting in _best_sightings(thing)),
                review_required=review or rule.review,
            )
        )

    def _evidence(self, sighting: Sighting) -> Evidence:
        if sighting.box_xyxy_px is None:
            raise ValueError(f"{sighting.source}: a sighting without a box is no evidence")
        path = Path(sighting.source)
        frame = read_frame(path)
        found = self._seen[sighting.source]
        hidden = redact(frame.image_bgr, found)
        index = int(np.abs(found.boxes_xyxy_px - np.array(sighting.box_xyxy_px)).sum(axis=1).argmin())
        return Evidence(
            original_path=path,
            original_sha256=sighting.evidence_sha256 or frame.sha256 or "",
            captured_at=sighting.seen_at,
            boxes_xyxy_px=(sighting.box_xyxy_px,),
            annotated_jpeg=_jpeg(crop_evidence(hidden, found, index, lang="zh")),
            redacted_jpeg=_jpeg(hidden),
        )


def _best_sightings(thing: Thing) -> Sequence[Sighting]:
    """The surest pictures first; those that cut the thing last."""
    ranked = sorted(thing.sightings, key=lambda s: ("cut_by_edge" in s.fix.flags, -s.confidence, s.source))
    return ranked[:_MOST_PICTURES]


def _zone_fact(hit: ZoneHit) -> ZoneFact:
    zone = hit.zone
    return ZoneFact(
        kind=zone.kind,
        code=zone.code,
        name=zone.name,
        probability=hit.probability,
        basis=zone.properties.get("basis"),
        valid_from=zone.valid_from,
        valid_to=zone.valid_to,
        zone_class=zone.properties.get("class"),
    )


def _address(hits: Sequence[ZoneHit]) -> str | None:
    """The likeliest street, else road or water, and the grid, as people write it."""
    parts = [_likeliest(hits, kinds) for kinds in (("grid",), ("street", "road", "permanent_water"))]
    named = [hit.zone.name for hit in parts if hit is not None and hit.zone.name]
    return " ".join(named) or None


def _likeliest(hits: Sequence[ZoneHit], kinds: Sequence[str]) -> ZoneHit | None:
    return max((hit for hit in hits if hit.zone.kind in kinds), key=lambda hit: hit.probability, default=None)


def _jpeg(image_bgr: NDArray[np.uint8]) -> bytes:
    done, data = cv2.imencode(".jpg", image_bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not done:
        raise RuntimeError("OpenCV could not write a JPEG")
    return data.tobytes()
