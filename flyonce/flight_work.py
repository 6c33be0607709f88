"""From looks to records, for one flight: place, group, confirm, record."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from dispatch_api.cases.observation import Recorded
from flyonce.after_pictures import AfterPictures
from flyonce.analysis_result import AnalyzeResult
from flyonce.clean_looks import note_clean_looks
from flyonce.clips import Clips
from flyonce.confirmation import LookLedger, Verdict
from flyonce.context import GroundContext
from flyonce.evidence_shelf import EvidenceShelf
from flyonce.flight_offset import FlightOffset
from flyonce.flown_coverage import FlownCoverage, keep
from flyonce.following import Follower
from flyonce.judging import Judge
from flyonce.looked_at import parts_on_ground
from flyonce.looks import Look
from flyonce.material import Candidate, Material
from flyonce.places import Placer
from flyonce.recording import Recorder
from flyonce.rules import Rule
from flyonce.sharpness import Sharpness
from flyonce.tools import Tools
from geo.coverage import FlightCoverage
from geo.coverage.area import seen_area_m2
from geo.errors import HeightUnknown, NothingSeen
from geo.footprint import footprint_polygon
from geo.identity import Grouper, Thing

Floats = NDArray[np.float64]

# A flight no picture of which comes this near to any mapped zone is not of the place that is mapped.
_ELSEWHERE_M = 5_000.0
# A stream may be broken off at any time: what it looked at is written this often.
_KEEP_EVERY_S = 120.0


@dataclass(kw_only=True)
class FlightWork:
    """The state of one analysis: what was seen so far, and what was made of it."""

    tools: Tools
    material: Material
    flight_id: str
    stills: Path
    started: float = field(default_factory=perf_counter)
    frames: int = 0
    detections: Counter[str] = field(default_factory=Counter)
    not_placed: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    located: int = 0
    footprints: list[Floats] = field(default_factory=list)
    sightings: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    recorded: set[int] = field(default_factory=set)
    cases: dict[str, Recorded] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.ledger = LookLedger()
        self.coverage = FlownCoverage(models=self.tools.sights, time_zone=self.tools.time_zone)
        self.coverage_kept = self.started
        self.grouper = Grouper(rules=self.tools.identity)
        self.follower = Follower()
        self.shelf = EvidenceShelf(self.stills)
        again = self.tools.looked_again
        self.after_pictures = AfterPictures(
            [] if again is None else again.waiting(), ground=self.tools.ground, folder=self.stills
        )
        self.sharpness = Sharpness(self.tools.ground, self.tools.coarsest_resolution_m)
        self.rules = self.tools.interpretation
        self.placer = Placer(
            flight_id=self.flight_id, ground=self.tools.ground, rules=self.rules, not_placed=self.not_placed
        )
        self.context = GroundContext(self.tools.zones, time_zone=self.tools.time_zone)
        self.judge = Judge(rules=self.rules, ledger=self.ledger, context=self.context)
        self.clips = None if self.tools.near is None else Clips(self.tools.near, self.stills)
        self.offset = FlightOffset(self.tools.known, flight_id=self.flight_id, rules=self.tools.identity)
        self.recorder = Recorder(
            intake=self.tools.intake,
            zones=self.tools.zones,
            flight_id=self.flight_id,
            shelf=self.shelf,
            models=None if self.tools.near is None else self.tools.near.models,
            received_at=datetime.now(UTC),
            time_zone=self.tools.time_zone,
        )

    def next_of(self, looks: Iterator[Look]) -> Look | None:
        """The next look; its time is what the chain waited for: arrival, decoding and detection, done in parallel."""
        before = self.material.telemetry_s
        began = perf_counter()
        look = next(looks, None)
        self.seconds["look"] += perf_counter() - began - (self.material.telemetry_s - before)
        return look

    def take(self, look: Look) -> None:
        """Place what one picture shows, and record what thereby became certain."""
        self.frames += 1
        self.detections.update(look.detections.labels)
        self.flags.update(look.shot.flags)
        self.flags["too_coarse"] += self.sharpness.is_too_coarse(look.shot)
        with self._clock("locate"):
            footprint = self._footprint(look)
            self.coverage.add(look, footprint, self.tools.ground)
            self.after_pictures.offer(look, footprint)
            placed = self.placer.sightings_in(look)
        self._tell(look, footprint)
        with self._clock("group"):
            thing_ids = self.grouper.add_picture(placed)
        self.sightings += len(placed)
        with self._clock("record"):
            self.shelf.offer(look, zip(thing_ids, placed, strict=True))
            for thing_id in sorted(set(thing_ids)):
                self._consider(self.grouper.thing(thing_id), look)
        if perf_counter() - self.coverage_kept > _KEEP_EVERY_S:
            self.keep_coverage()

    def finish(self) -> None:
        """Group once more over the whole flight, and record everything that counts in its final place."""
        with self._clock("group"):
            self.grouper.merge_pass()
        with self._clock("record"):
            things = self.grouper.things()
            self._tell_offset(things)
            for thing in things:
                self._record_finally(thing)

    def result(self) -> AnalyzeResult:
        """The counts so far."""
        states = Counter(str(found.state) for found in self.cases.values())
        tasks = Counter(task.department for found in self.cases.values() for task in found.tasks)
        account = self.material.account()
        if self.material.telemetry_s:
            self.seconds["telemetry"] = self.material.telemetry_s
        return AnalyzeResult(
            flight_id=self.flight_id,
            frames=self.frames,
            located_frames=self.located,
            unreadable=tuple({"file": str(path), "problem": problem} for path, problem in self.material.unreadable),
            detections=dict(sorted(self.detections.items())),
            sightings=self.sightings,
            not_placed=dict(sorted((reason, count) for reason, count in self.not_placed.items() if count)),
            things=len(self.grouper.things()),
            without_matter=self.dropped["without_matter"],
            not_seen_again=self.dropped["not_seen_again"],
            only_wet=self.dropped["only_wet"],
            cases={
                "opened": len(self.opened),
                "joined": len(self.cases) - len(self.opened),
                "pending_review": states["pending_review"],
            },
            case_ids=tuple(self.cases),
            tasks_by_department=dict(sorted(tasks.items())),
            flags=dict(sorted((flag, count) for flag, count in self.flags.items() if count)),
            ground_area_m2=round(seen_area_m2(self.footprints), 1),
            seconds={stage: round(spent, 2) for stage, spent in self.seconds.items()}
            | {"total": round(perf_counter() - self.started, 2)},
            frames_decoded=account.frames_decoded,
            frames_dropped=account.frames_dropped,
            gaps=account.gaps,
            stream_data=account.stream_data,
            sources=account.sources,
            tracks=self.follower.confirmed,
            too_coarse=self.sharpness.told(),
            far_from_zones_m=self._far_from_zones_m(),
        )

    def keep_coverage(self) -> None:
        """Write what was looked at so far beside the store; nothing where there was no picture.

        Raises:
            InputFileError: It cannot be written.
        """
        self.coverage_kept = perf_counter()
        if self.frames and self.tools.coverage_dir is not None:
            keep(self.tools.coverage_dir, self._coverage())

    def note_clean_looks(self) -> None:
        """Tell open cases whose place this flight looked at and found clean; after `finish`.

        Raises:
            DispatchError: The store cannot be written.
        """
        if self.tools.looked_again is not None:
            least = self.tools.identity.clean_look_pictures
            note_clean_looks(
                self._coverage(), self.tools.looked_again, least_looks=least, picture_of=self.after_pictures.of
            )

    def _coverage(self) -> FlightCoverage:
        gaps = self.material.account().gaps
        return self.coverage.result(self.flight_id, gaps=gaps, things=self.grouper.things())

    def figures(self) -> dict[str, object]:
        """What the flight's record keeps: how much was looked at, and which videos it came from."""
        originals = self.material.account().originals
        return {"photos": self.frames} | ({"videos": list(originals)} if originals else {})

    def _far_from_zones_m(self) -> float | None:
        outlines = ([(float(lon), float(lat)) for lon, lat in footprint] for footprint in self.footprints)
        far_m = self.context.farther_than(_ELSEWHERE_M, outlines)
        return None if far_m is None else round(far_m)

    def _footprint(self, look: Look) -> Floats | None:
        pose, camera = look.shot.pose, look.shot.camera
        if pose is None or camera is None:
            return None
        try:
            footprint = footprint_polygon(pose, camera, self.tools.ground)
        except (NothingSeen, HeightUnknown):
            return None
        self.located += 1
        parts = None
        if look.of_interest is not None:
            parts = parts_on_ground(look.of_interest, look.size_wh_px, pose, camera, self.tools.ground)
        self.footprints += [footprint] if parts is None else parts
        self.ledger.add(footprint, key=look.key, clock_s=look.shot.clock_s, parts_lonlat=parts)
        return footprint

    def _tell(self, look: Look, footprint: Floats | None) -> None:
        pose = look.shot.pose
        self.tools.flights.photo(
            self.flight_id,
            look.name,
            taken_at=look.shot.taken_at,
            lon=None if pose is None else pose.lon,
            lat=None if pose is None else pose.lat,
            footprint_lonlat=None if footprint is None else [(float(x), float(y)) for x, y in footprint],
            looked=footprint is not None,
            reason="" if footprint is not None else "; ".join(look.shot.problems) or "no ground in view",
        )

    def _consider(self, thing: Thing, look: Look) -> None:
        """Record a thing the first time that it is certain; until then, ask for more looks at its place.

        Its later sightings are brought in by `finish`.
        """
        if thing.thing_id in self.recorded:
            return
        judged = self.judge.verdict(thing)
        if judged is Verdict.CONFIRMED:
            rule = self.judge.rule_for(thing)
            if rule is not None and not self.judge.doubts(thing) and self.judge.is_timed(thing, rule):
                self.offset.note(thing, rule.matter)
                if not self._waits(thing, rule):
                    self._record(thing, rule, review=False)
        if thing.thing_id in self.recorded or judged is Verdict.NOT_SEEN_AGAIN:
            self.material.settle(thing.thing_id)
        elif self.judge.can_become_matter(thing):
            self.material.attend(_candidate(thing, look.shot.clock_s))

    def _tell_offset(self, things: Sequence[Thing]) -> None:
        for thing in things:
            rule = self.judge.rule_for(thing)
            if rule is not None and self.judge.reason_to_drop(rule, self.judge.verdict(thing), ()) is None:
                self.offset.note(thing, rule.matter)
        self.offset.tell()

    def _record_finally(self, thing: Thing) -> None:
        rule = self.judge.rule_for(thing)
        judged = self.judge.verdict(thing)
        found = self.judge.doubts(thing)
        if thing.thing_id not in self.recorded:
            reason = self.judge.reason_to_drop(rule, judged, found)
            if reason is not None:
                self.dropped[reason] += 1
                return
        if rule is not None:
            review = judged is not Verdict.CONFIRMED or bool(found) or not self.judge.is_timed(thing, rule)
            self._record(thing, rule, review=review, clips=self.clips)

    def _waits(self, thing: Thing, rule: Rule) -> bool:
        """Whether a thing may be one of several known cases, or perhaps one: the flight's offset will tell."""
        if self.tools.known is None or self.offset.told:
            return False
        beside = self.grouper.beside(thing.thing_id)
        return self.tools.known.is_doubtful(self.recorder.observed(thing, rule, beside=beside, offset_m=(0.0, 0.0)))

    def _record(self, thing: Thing, rule: Rule, *, review: bool, clips: Clips | None = None) -> None:
        done = self.recorder.record(
            thing,
            rule,
            review=review,
            beside=self.grouper.beside(thing.thing_id),
            offset_m=self.offset.offset_m,
            clips=clips,
        )
        self.recorded.add(thing.thing_id)
        if done.case_id is None:
            return
        self.cases[done.case_id] = done
        if done.opened:
            self.opened.add(done.case_id)

    @contextmanager
    def _clock(self, stage: str) -> Iterator[None]:
        began = perf_counter()
        yield
        self.seconds[stage] += perf_counter() - began


def _candidate(thing: Thing, clock_s: float | None) -> Candidate:
    size_m = 0.0 if thing.area_m2 is None else math.sqrt(thing.area_m2)
    return Candidate(
        key=thing.thing_id,
        lon=thing.fix.lon,
        lat=thing.fix.lat,
        radius_m=thing.fix.ellipse().major_m + size_m / 2,
        clock_s=clock_s,
    )
