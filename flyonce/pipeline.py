"""The one chain from photos to tasks: read → look → place → group → confirm → record.

Everybody's photos go through `analyze`: a folder from a card, or photos that come in while the drone still flies.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from dispatch_api.cases.intake import Intake
from dispatch_api.cases.observation import Recorded
from dispatch_api.flights import FlightDesk
from flyonce.confirmation import LookLedger, Verdict, verdict
from flyonce.context import GroundContext
from flyonce.interpretation import Interpretation, Rule
from flyonce.looks import Look, Problem, looks_of, telemetry_of
from flyonce.places import Placer
from flyonce.recording import Recorder
from geo.coverage_ledger import seen_area_m2
from geo.errors import HeightUnknown, NothingSeen
from geo.footprint import footprint_polygon
from geo.ground import Ground
from geo.identity import Grouper, Thing
from geo.telemetry.flight_check import check_flight
from geo.telemetry.photo import PhotoTelemetry
from geo.zones import Zones
from vision.detections import Detections, Detector

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What one analysis works with."""

    detector: Detector
    ground: Ground
    interpretation: Interpretation
    intake: Intake
    flights: FlightDesk
    zones: Zones | None = None


@dataclass(frozen=True, kw_only=True)
class AnalyzeResult:
    """What an analysis came to; every figure is counted, none is assumed.

    Attributes:
        flight_id: The flight's name in the store.
        frames: Photos that were looked at.
        located_frames: Those whose footprint on the ground is known.
        unreadable: Files that could not be used, with the reason.
        detections: By label, over all photos.
        sightings: Detections with a place on the ground.
        not_placed: By reason, detections without one; `permanent_water` was placed but is no finding.
        things: Things after grouping over photos.
        without_matter: Things that are no matter where they lie.
        not_seen_again: Things found too rarely for how often their place was looked at: dropped as false alarms.
        cases: `opened`, `joined` and `pending_review` (of the opened ones) counts.
        case_ids: The cases that this flight opened or joined.
        tasks_by_department: Tasks of those cases.
        flags: By flag, photos that carry it.
        ground_area_m2: Ground seen at least once.
        seconds: By stage, and `total`.
    """

    flight_id: str
    frames: int
    located_frames: int
    unreadable: tuple[dict[str, str], ...]
    detections: dict[str, int]
    sightings: int
    not_placed: dict[str, int]
    things: int
    without_matter: int
    not_seen_again: int
    cases: dict[str, int]
    case_ids: tuple[str, ...]
    tasks_by_department: dict[str, int]
    flags: dict[str, int]
    ground_area_m2: float
    seconds: dict[str, float]


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
    work = _Work(tools=tools, flight_id=flight_id, on_stage=on_stage)
    if register_flight:
        tools.flights.start(flight_id, flight_name or flight_id)
    looks = looks_of(work.checked(photos), detector=tools.detector, ground=tools.ground, report=work.unreadable.append)
    while (look := work.next_of(looks)) is not None:
        work.take(look)
        if on_look is not None:
            on_look(look)
    work.finish()
    if register_flight:
        tools.flights.end(flight_id)
    return work.result()


@dataclass(kw_only=True)
class _Work:
    """The state of one analysis."""

    tools: Tools
    flight_id: str
    on_stage: Callable[[str], None]
    started: float = field(default_factory=perf_counter)
    unreadable: list[Problem] = field(default_factory=list)
    seen: dict[str, Detections] = field(default_factory=dict)
    detections: Counter[str] = field(default_factory=Counter)
    not_placed: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    footprints: list[Floats] = field(default_factory=list)
    sightings: int = 0
    without_matter: int = 0
    not_seen_again: int = 0
    recorded: set[int] = field(default_factory=set)
    cases: dict[str, Recorded] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.ledger = LookLedger()
        self.grouper = Grouper()
        self.context = GroundContext(self.tools.zones, self.tools.interpretation.permanent_water)
        self.placer = Placer(
            flight_id=self.flight_id, ground=self.tools.ground, context=self.context, not_placed=self.not_placed
        )
        self.recorder = Recorder(
            intake=self.tools.intake,
            interpretation=self.tools.interpretation,
            zones=self.tools.zones,
            context=self.context,
            flight_id=self.flight_id,
            seen=self.seen,
            received_at=datetime.now(UTC),
        )

    def checked(self, photos: Iterable[Path]) -> Iterator[tuple[Path, PhotoTelemetry]]:
        """Photos with their telemetry, turned right side up where they are stored turned."""
        told = telemetry_of(photos, report=self.unreadable.append)
        if not isinstance(photos, Sequence):
            yield from told
            return
        self.on_stage("reading telemetry")
        with self._clock("telemetry"):
            read = list(told)
            checked = check_flight(read, ground=self.tools.ground)
        self.on_stage("looking")
        yield from zip((path for path, _ in read), checked.photos, strict=True)

    def next_of(self, looks: Iterator[Look]) -> Look | None:
        """The next look; its time is what the chain waited for: arrival, decoding and detection, done in parallel."""
        before = self.seconds["telemetry"]
        began = perf_counter()
        look = next(looks, None)
        self.seconds["look"] += perf_counter() - began - (self.seconds["telemetry"] - before)
        return look

    def take(self, look: Look) -> None:
        """Place what one photo shows, and record what thereby became certain."""
        self.seen[str(look.path)] = look.detections
        self.detections.update(look.detections.labels)
        self.flags.update(look.telemetry.flags)
        with self._clock("locate"):
            footprint = self._footprint(look)
            placed = self.placer.sightings_in(look)
        self._tell(look, footprint)
        with self._clock("group"):
            touched = sorted(set(self.grouper.add_picture(placed)))
        self.sightings += len(placed)
        with self._clock("record"):
            for thing_id in touched:
                self._record_if_certain(self.grouper.thing(thing_id))

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
        seconds = {stage: round(spent, 2) for stage, spent in self.seconds.items()}
        return AnalyzeResult(
            flight_id=self.flight_id,
            frames=len(self.seen),
            located_frames=len(self.footprints),
            unreadable=tuple({"file": str(path), "problem": problem} for path, problem in self.unreadable),
            detections=dict(sorted(self.detections.items())),
            sightings=self.sightings,
            not_placed=dict(sorted(self.not_placed.items())),
            things=len(self.grouper.things()),
            without_matter=self.without_matter,
            not_seen_again=self.not_seen_again,
            cases={
                "opened": len(self.opened),
                "joined": len(self.cases) - len(self.opened),
                "pending_review": states["pending_review"],
            },
            case_ids=tuple(self.cases),
            tasks_by_department=dict(sorted(tasks.items())),
            flags=dict(sorted(self.flags.items())),
            ground_area_m2=round(seen_area_m2(self.footprints), 1),
            seconds=seconds | {"total": round(perf_counter() - self.started, 2)},
        )

    def _footprint(self, look: Look) -> Floats | None:
        pose, camera = look.telemetry.pose, look.telemetry.camera
        if pose is None or camera is None:
            return None
        try:
            footprint = footprint_polygon(pose, camera, self.tools.ground)
        except (NothingSeen, HeightUnknown):
            return None
        self.footprints.append(footprint)
        self.ledger.add(footprint)
        return footprint

    def _tell(self, look: Look, footprint: Floats | None) -> None:
        pose = look.telemetry.pose
        self.tools.flights.photo(
            self.flight_id,
            look.path.name,
            taken_at=look.telemetry.taken_at,
            lon=None if pose is None else pose.lon,
            lat=None if pose is None else pose.lat,
            footprint_lonlat=None if footprint is None else [(float(x), float(y)) for x, y in footprint],
            looked=footprint is not None,
            reason="" if footprint is not None else "; ".join(look.telemetry.problems) or "no ground in view",
        )

    def _record_if_certain(self, thing: Thing) -> None:
        """Record a thing the first time that it is certain; its later sightings are brought in by `finish`."""
        if thing.thing_id in self.recorded:
            return
        if self._verdict(thing) is Verdict.CONFIRMED:
            rule = self.recorder.rule_for(thing)
            if rule is not None:
                self._record(thing, rule, review=False)

    def _record_finally(self, thing: Thing) -> None:
        rule = self.recorder.rule_for(thing)
        judged = self._verdict(thing)
        if thing.thing_id not in self.recorded:
            if rule is None:
                self.without_matter += 1
                return
            if judged is Verdict.NOT_SEEN_AGAIN:
                self.not_seen_again += 1
                return
        if rule is not None:
            self._record(thing, rule, review=judged is not Verdict.CONFIRMED)

    def _record(self, thing: Thing, rule: Rule, *, review: bool) -> None:
        done = self.recorder.record(thing, rule, review=review)
        self.recorded.add(thing.thing_id)
        if done.case_id is None:
            return
        self.cases[done.case_id] = done
        if done.opened:
            self.opened.add(done.case_id)

    def _verdict(self, thing: Thing) -> Verdict:
        return verdict(
            hits=len({sighting.source for sighting in thing.sightings}),
            looks=self.ledger.looks_at(thing.fix.lon, thing.fix.lat),
            needed=self.tools.interpretation.confirmation_of(thing.label),
        )

    @contextmanager
    def _clock(self, stage: str) -> Iterator[None]:
        began = perf_counter()
        yield
        self.seconds[stage] += perf_counter() - began
