"""From confirmed things to observations in the store, each with its best pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from dispatch_api.cases.intake import Intake
from dispatch_api.cases.observation import Evidence, Observation, Recorded
from dispatch_api.zones_at import zone_fact
from flyonce.captures import capture_of
from flyonce.city_time import city_day
from flyonce.clips import Clips
from flyonce.evidence_shelf import EvidenceShelf, Shelved
from flyonce.near_threshold import KnownModels
from flyonce.rules import Rule
from geo.identity import Thing
from geo.sighting import Sighting
from geo.zones import ZoneHit, Zones
from vision.detections import Detections
from vision.drawing import crop_evidence
from vision.redaction import leaving_jpeg, redact, to_hide
from vision.sources.photos import read_frame

_JPEG_QUALITY = 88


class Recorder:
    """Records the things of one flight; the same thing again brings its observation up to date."""

    def __init__(
        self,
        *,
        intake: Intake,
        zones: Zones | None,
        flight_id: str,
        shelf: EvidenceShelf,
        received_at: datetime,
        models: KnownModels | None = None,
        time_zone: ZoneInfo | None = None,
    ) -> None:
        """Join the parts.

        Args:
            intake: Where observations go.
            zones: Mapped zones, None where there are none.
            flight_id: The flight.
            shelf: The best pictures of each thing.
            received_at: Stands in for the time of photos that tell none; aware.
            models: Which model answered which label, for the evidence; None where that is not known.
            time_zone: The city's, which says what day a zone must be valid on; None for UTC.
        """
        self._intake = intake
        self._zones = zones
        self._flight_id = flight_id
        self._shelf = shelf
        self._received_at = received_at
        self._models = models or KnownModels(cards={})
        self._time_zone = time_zone

    def record(
        self,
        thing: Thing,
        rule: Rule,
        *,
        review: bool,
        beside: Sequence[int] = (),
        offset_m: tuple[float, float] = (0.0, 0.0),
        clips: Clips | None = None,
    ) -> Recorded:
        """Put a thing into the store; on return it is on disk.

        Args:
            thing: A thing of this flight.
            rule: The rule that makes it a matter.
            review: Whether a person must look at it, whatever the confidence.
            beside: Things of this flight that one picture showed beside it, and that are other ones for sure.
            offset_m: How far the flight's places lie off those of known cases, metres east and north.
            clips: Cuts the film around the best picture where the rule asks for it; None while more may be seen of it.
        """
        best = self._shelf.best_of(thing.sightings)
        pictures = tuple(_evidence(sighting, kept, self._models) for sighting, kept in best)
        if clips is not None and best and rule.clip_s:
            clip = clips.around(best[0][1], pictures[0], seconds=rule.clip_s)
            pictures += () if clip is None else (clip,)
        seen = self.observed(thing, rule, beside=beside, offset_m=offset_m)
        return self._intake.record(replace(seen, evidence=pictures, review_required=review or rule.review))

    def observed(
        self, thing: Thing, rule: Rule, *, beside: Sequence[int], offset_m: tuple[float, float]
    ) -> Observation:
        """What would be put into the store, without pictures; see `record`."""
        seen_at = thing.last_seen_at or self._received_at
        hits = () if self._zones is None else tuple(self._zones.under(thing.fix, on=city_day(seen_at, self._time_zone)))
        return Observation(
            key=self._key(thing.thing_id),
            matter=rule.matter,
            label=thing.label,
            confidence=thing.confidence,
            lon=thing.fix.lon,
            lat=thing.fix.lat,
            covariance_m2=thing.fix.covariance_m2,
            footprint_lonlat=thing.footprint_lonlat,
            extent_m2=thing.area_m2,
            extent_sigma_m2=thing.area_sigma_m2,
            first_seen_at=thing.first_seen_at or self._received_at,
            last_seen_at=seen_at,
            flight_id=self._flight_id,
            frames=len(thing.sightings),
            zones=tuple(zone_fact(hit) for hit in hits),
            address=_address(hits),
            apart_from=tuple(self._key(other) for other in beside),
            offset_m=offset_m,
        )

    def _key(self, thing_id: int) -> str:
        return f"{self._flight_id}:{thing_id}"


def _evidence(sighting: Sighting, kept: Shelved, models: KnownModels) -> Evidence:
    if sighting.box_xyxy_px is None:
        raise ValueError(f"{sighting.source}: a sighting without a box is no evidence")
    look, index = kept.look, kept.index_of(sighting)
    frame = read_frame(kept.file.path)
    # Whatever a mask took out of the findings, or nobody believes, is still to be hidden where it may be a person.
    hidden = redact(frame.image_bgr, to_hide(look.found, look.doubtful))
    everything = Detections.concatenate([look.detections, look.doubtful])
    return Evidence(
        original_path=kept.file.path,
        original_sha256=kept.file.sha256,
        captured_at=sighting.seen_at,
        boxes_xyxy_px=(sighting.box_xyxy_px,),
        annotated_jpeg=leaving_jpeg(crop_evidence(hidden, look.detections, index, lang="zh"), quality=_JPEG_QUALITY),
        redacted_jpeg=leaving_jpeg(hidden, quality=_JPEG_QUALITY),
        look=models.look_at(
            everything,
            mine=index,
            size_wh_px=look.size_wh_px,
            ground_resolution_m=look.ground_resolution_m,
            shown=look.shown[index],
        ),
        capture=capture_of(kept.file, look.shot),
        cards=models.texts_of(everything.labels),
    )


def _address(hits: Sequence[ZoneHit]) -> str | None:
    """The likeliest street, else road or water, and the grid, as people write it."""
    parts = [_likeliest(hits, kinds) for kinds in (("grid",), ("street", "road", "permanent_water"))]
    named = [hit.zone.name for hit in parts if hit is not None and hit.zone.name]
    return " ".join(named) or None


def _likeliest(hits: Sequence[ZoneHit], kinds: Sequence[str]) -> ZoneHit | None:
    return max((hit for hit in hits if hit.zone.kind in kinds), key=lambda hit: hit.probability, default=None)
