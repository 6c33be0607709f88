"""The one chain from pictures to tasks: read → look → place → group → confirm → record.

Photos from a card, photos that come in while the drone flies, recorded videos and live streams all go through
`analyze`: they differ in the `Material` that feeds it, and in nothing behind that.
"""

from __future__ import annotations

import math
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from dispatch_api.cases.intake import Intake
from dispatch_api.cases.observation import Recorded
from dispatch_api.flights import FlightDesk
from dispatch_api.verdicts.service import VerdictDesk
from flyonce.analysis_result import AnalyzeResult
from flyonce.city_time import in_city_time
from flyonce.confirmation import LookLedger, Verdict, verdict
from flyonce.context import GroundContext
from flyonce.evidence_shelf import EvidenceShelf
from flyonce.following import Follower
from flyonce.interpretation import Interpretation
from flyonce.looks import Look, looks_of
from flyonce.material import Candidate, Material
from flyonce.near_threshold import NearThreshold
from flyonce.photo_material import PhotoMaterial
from flyonce.picture_masks import Masks
from flyonce.places import Placer
from flyonce.recording import Recorder
from flyonce.rules import Rule, Stay, StayRule, stays
from flyonce.sharpness import Sharpness
from flyonce.staying import longest_stay
from flyonce.wet_look import doubts
from geo.coverage_ledger import seen_area_m2
from geo.errors import HeightUnknown, NothingSeen
from geo.footprint import footprint_polygon
from geo.ground import Ground
from geo.identity import Grouper, Thing
from geo.zones import Zones
from vision.detections import Detector

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What one analysis works with."""

    detector: Detector
    ground: Ground
    interpretation: Interpretation
    intake: Intake
    flights: FlightDesk
    verdicts: VerdictDesk | None = None
    near: NearThreshold | None = None
    zones: Zones | None = None
    coarsest_resolution_m: float | None = None
    """Metres of ground per pixel beyond which the models find nothing small; None where that is not known."""
    time_zone: ZoneInfo | None = None
    """The city's, for times that are told without one; None leaves them as if they were UTC."""

    def masks(self) -> Masks:
        """The mapped surroundings, as they are put into pictures."""
        return Masks(self.zones, self.interpretation, self.ground)


def analyze(
    photos: Iterable[Path],
    *,
    tools: Tools,
    flight_id: str,
    flight_name: str | None = None,
    on_look: Callable[[Look], None] | None = None,
    on_stage: Callable[[str], None] = lambda stage: None,
    register_flight: bool = True,
) -> AnalyzeResult:
    """Run the chain over photos of one flight.

    Args:
        photos: Files in the order of flight. A sequence is checked as a whole for photos stored upside-down; any
            other iterable is taken as it comes, while the drone flies.
        tools: What to work with.
        flight_id: Name of the flight; the same photos under the same name again bring cases up to date and open none.
        flight_name: What people call it.
        on_look: Called after each photo.
        on_stage: Called with the name of what begins.
        register_flight: Start and end the flight in the store; False where somebody else does.

    Returns:
        The counts. Files that cannot be read are listed in it, not raised.
    """
    return analyze_material(
        PhotoMaterial(photos, ground=tools.ground, masks=tools.masks(), on_stage=on_stage),
        tools=tools,
        flight_id=flight_id,
        flight_name=flight_name,
        on_look=on_look,
        register_flight=register_flight,
    )


def analyze_material(
    material: Material,
    *,
    tools: Tools,
    flight_id: str,
    flight_name: str | None = None,
    on_look: Callable[[Look], None] | None = None,
    register_flight: bool = True,
) -> AnalyzeResult:
    """Run the chain over any material; `analyze` says what the arguments are."""
    if register_flight:
        tools.flights.start(flight_id, flight_name or flight_id)
    with tempfile.TemporaryDirectory(prefix="flyonce-stills-") as stills:
        work = _Work(tools=tools, material=material, flight_id=flight_id, stills=Path(stills))
        looks = looks_of(
            in_city_time(material.pictures(), tools.time_zone),
            detector=tools.detector,
            ground=tools.ground,
            ahead=material.ahead,
            near=tools.near,
            follower=work.follower,
        )
        while (look := work.next_of(looks)) is not None:
            work.take(look)
            if on_look is not None:
                on_look(look)
        work.finish()
    if tools.near is not None and tools.verdicts is not None:
        tools.verdicts.keep_near_misses(flight_id, tools.near.take(flight_id))
    result = work.result()
    if register_flight:
        tools.flights.end(flight_id, figures=work.figures())
    return result


@dataclass(kw_only=True)
class _Work:
    """The state of one analysis."""

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
    footprints: list[Floats] = field(default_factory=list)
    sightings: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    recorded: set[int] = field(default_factory=set)
    cases: dict[str, Recorded] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.ledger = LookLedger()
        self.grouper = Grouper()
        self.follower = Follower()
        self.shelf = EvidenceShelf(self.stills)
        self.sharpness = Sharpness(self.tools.ground, self.tools.coarsest_resolution_m)
        self.rules = self.tools.interpretation
        self.placer = Placer(
            flight_id=self.flight_id, ground=self.tools.ground, rules=self.rules, not_placed=self.not_placed
        )
        self.recorder = Recorder(
            intake=self.tools.intake,
            interpretation=self.rules,
            zones=self.tools.zones,
            context=GroundContext(self.tools.zones),
            flight_id=self.flight_id,
            shelf=self.shelf,
            models=None if self.tools.near is None else self.tools.near.models,
            received_at=datetime.now(UTC),
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
            placed = self.placer.sightings_in(look)
        self._tell(look, footprint)
        with self._clock("group"):
            thing_ids = self.grouper.add_picture(placed)
        self.sightings += len(placed)
        with self._clock("record"):
            self.shelf.offer(look, zip(thing_ids, placed, strict=True))
            for thing_id in sorted(set(thing_ids)):
                self._consider(self.grouper.thing(thing_id), look)

    def finish(self) -> None:
        """Group once more over the whole flight, and record everything that counts in its final place."""
        with self._clock("group"):
            self.grouper.merge_pass()
        with self._clock("record"):
            for thing in self.grouper.things():
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
            located_frames=len(self.footprints),
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
        )

    def figures(self) -> dict[str, object]:
        """What the flight's record keeps: how much was looked at, and which videos it came from."""
        originals = self.material.account().originals
        return {"photos": self.frames} | ({"videos": list(originals)} if originals else {})

    def _footprint(self, look: Look) -> Floats | None:
        pose, camera = look.shot.pose, look.shot.camera
        if pose is None or camera is None:
            return None
        try:
            footprint = footprint_polygon(pose, camera, self.tools.ground)
        except (NothingSeen, HeightUnknown):
            return None
        self.footprints.append(footprint)
        self.ledger.add(footprint, key=look.key, clock_s=look.shot.clock_s)
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
        judged = self._verdict(thing)
        if judged is Verdict.CONFIRMED:
            rule = self._rule_for(thing)
            if rule is not None and not self._doubts(thing) and self._is_timed(thing, rule):
                self._record(thing, rule, review=False)
        if thing.thing_id in self.recorded or judged is Verdict.NOT_SEEN_AGAIN:
            self.material.settle(thing.thing_id)
        elif any(thing.label in rule.label for rule in self.rules.rules):
            self.material.attend(_candidate(thing, look.shot.clock_s))

    def _record_finally(self, thing: Thing) -> None:
        rule = self._rule_for(thing)
        judged = self._verdict(thing)
        found = self._doubts(thing)
        if thing.thing_id not in self.recorded:
            reason = self._reason_to_drop(rule, judged, found)
            if reason is not None:
                self.dropped[reason] += 1
                return
        if rule is not None:
            review = judged is not Verdict.CONFIRMED or bool(found) or not self._is_timed(thing, rule)
            self._record(thing, rule, review=review)

    def _reason_to_drop(self, rule: Rule | None, judged: Verdict, found: tuple[str, ...]) -> str | None:
        if rule is None:
            return "without_matter"
        if judged is Verdict.NOT_SEEN_AGAIN:
            return "not_seen_again"
        return "only_wet" if len(found) >= self.rules.wet_look.drop_at else None

    def _record(self, thing: Thing, rule: Rule, *, review: bool) -> None:
        done = self.recorder.record(thing, rule, review=review)
        self.recorded.add(thing.thing_id)
        if done.case_id is None:
            return
        self.cases[done.case_id] = done
        if done.opened:
            self.opened.add(done.case_id)

    def _rule_for(self, thing: Thing) -> Rule | None:
        return self.recorder.rule_for(thing, lambda rule: self._stay(thing, rule))

    def _is_timed(self, thing: Thing, rule: Rule) -> bool:
        """Whether the rule's stay was measured; where pictures tell no time, a person must say."""
        return rule.stay is None or stays(rule.stay, self._stay(thing, rule.stay)) is True

    def _stay(self, thing: Thing, rule: StayRule) -> Stay:
        looks = self.ledger.looks_at(thing.fix.lon, thing.fix.lat)
        clocks = [self.ledger.clock_of(sighting.source) for sighting in thing.sightings]
        return longest_stay(thing.sightings, looks, clocks, rule)

    def _doubts(self, thing: Thing) -> tuple[str, ...]:
        hits, looks = self._hits_and_looks(thing)
        return doubts(thing, hits=hits, looks=looks, figures=self.rules.wet_look)

    def _verdict(self, thing: Thing) -> Verdict:
        hits, looks = self._hits_and_looks(thing)
        return verdict(hits=hits, looks=looks, needed=self.rules.confirmation_of(thing.label))

    def _hits_and_looks(self, thing: Thing) -> tuple[int, int]:
        hits = len({sighting.source for sighting in thing.sightings})
        return hits, len(self.ledger.looks_at(thing.fix.lon, thing.fix.lat))

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
