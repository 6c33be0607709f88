"""Following a flight to its landing: orders on the way, broken links, and where the mission was left."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass

from flightplan.errors import LinkClosed, LinkError, NoAnswer, NotNow
from flightplan.flying.control import FlightControl, Order
from flightplan.flying.flight_log import BreakPoint, PhotoEvent, PositionEvent
from flightplan.flying.pilot import Pilot
from flightplan.flying.progress import FlightProgress, Phase, ProgressMeter
from flightplan.flying.recorder import Recorder
from flightplan.flying.way_back import WayBack
from flightplan.link.commander import Commander
from flightplan.link.link import Link, Message
from flightplan.link.modes import Mode
from flightplan.mission.mission import LandHere, Mission, ReturnHome

_START_S = 15.0
_SLICE_S = 0.2
_SILENT_S = 5.0
_REOPEN_EVERY_S = 1.0
_IN_AIR_M = 2.0
_HOMEWARD = (Mode.RTL, Mode.LAND)
_PHASES = {Mode.AUTO: Phase.FLYING, Mode.RTL: Phase.RETURNING, Mode.LAND: Phase.LANDING}


@dataclass(frozen=True, kw_only=True)
class Watchers:
    """Whom a flight tells.

    Attributes:
        on_position: Called for every position.
        on_photo: Called for every picture.
        on_progress: Called for every position, and when the phase changes.
    """

    on_position: Callable[[PositionEvent], None] | None = None
    on_photo: Callable[[PhotoEvent], None] | None = None
    on_progress: Callable[[FlightProgress], None] | None = None


class Follower:
    """One flight under way; all of it runs in the thread that calls `follow`.

    Args:
        link: To the vehicle.
        mission: What it flies.
        watchers: Whom to tell.
        control: Where orders come from.
        lost_link_s: How long a vehicle that is not heard any more is waited for.
        joins: Whether others began the flight: a vehicle found holding in the air is then a paused one.
    """

    def __init__(
        self,
        link: Link,
        mission: Mission,
        watchers: Watchers,
        control: FlightControl,
        lost_link_s: float,
        *,
        joins: bool = False,
    ) -> None:
        self.recorder = Recorder(self._on_position, watchers.on_photo, link.autopilot)
        self.commander = Commander(link, self.take)
        self.break_point: BreakPoint | None = None
        self.gaps: list[BreakPoint] = []
        self.pauses = self.link_losses = 0
        self._joins = joins
        self._link = link
        self._mission = mission
        self._watchers = watchers
        self._control = control
        self._lost_link_s = lost_link_s
        self._meter = ProgressMeter(mission)
        self._pilot = Pilot(mission, link.autopilot, self.commander, self.recorder)
        self._phase = Phase.STARTING
        self._mode: Mode | None = None
        self._heartbeats = 0
        self._sure: BreakPoint | None = None
        # Whether the break point is only where the vehicle was found: nobody saw where it left its mission.
        self._is_guess = False
        self._way_back: WayBack | None = None
        self._goes_on = False
        self._photos_due = False

    def take(self, message: Message) -> None:
        """Notes one message."""
        self.recorder.take(message)
        if self.recorder.heartbeats != self._heartbeats:
            self._heartbeats = self.recorder.heartbeats
            self._note_mode()

    def follow(self) -> None:
        """Until the vehicle has been armed and is disarmed again.

        Raises:
            NoAnswer: It was not heard for too long, or never reported that it is armed.
            LinkClosed: The connection broke, and could not be opened again.
        """
        was_armed = self.recorder.armed
        started_s = time.monotonic()
        while not (was_armed and not self.recorder.armed):
            message = self._receive()
            if message is not None:
                self.take(message)
            was_armed = was_armed or self.recorder.armed
            if not was_armed and time.monotonic() - started_s > _START_S:
                raise NoAnswer(waiting_for="armed HEARTBEAT", tries=1, seconds=_START_S)
            self._go_on_resuming()
            self._photograph_again()
            self._obey()
        self._drop_way_back("the vehicle has landed")
        self._enter(Phase.LANDED)

    # What comes from the vehicle

    def _receive(self) -> Message | None:
        try:
            message = self._link.receive((), _SLICE_S)
        except LinkClosed:
            if not self._link.can_reopen:
                raise
            self._find_again()
            return None
        if self._link.silent_s() > _SILENT_S:
            self._find_again()
        return message

    def _find_again(self) -> None:
        """Waits for a vehicle that is not heard any more, and opens a broken connection anew.

        What it does meanwhile is its own affair; it flies on, or returns.
        """
        self.link_losses += 1
        phase = self._phase
        self._enter(Phase.LINK_LOST)
        lost_s = time.monotonic()
        problem: LinkError = NoAnswer(waiting_for="telemetry", tries=1, seconds=self._lost_link_s)
        while time.monotonic() - lost_s < self._lost_link_s:
            try:
                message = self._link.receive((), _REOPEN_EVERY_S)
                if message is not None:
                    self._phase = phase
                    self.take(message)
                    return
                if self._link.can_reopen:
                    self._link.reopen()
            except LinkClosed as error:
                problem = error
                time.sleep(_SLICE_S)
                with contextlib.suppress(LinkClosed):
                    self._link.reopen()
        raise problem

    def _on_position(self, event: PositionEvent) -> None:
        if self._watchers.on_position is not None:
            self._watchers.on_position(event)
        self._tell(event)

    def _tell(self, event: PositionEvent) -> None:
        recorder = self.recorder
        progress = self._meter.at(
            event, phase=self._phase, item=recorder.item, photos=len(recorder.photos), battery=recorder.battery
        )
        if self._watchers.on_progress is not None:
            self._watchers.on_progress(progress)

    def _enter(self, phase: Phase) -> None:
        if phase is not self._phase:
            self._phase = phase
            if self.recorder.track:
                self._tell(self.recorder.track[-1])

    def _note_mode(self) -> None:
        """A heartbeat came: sees whether the vehicle still flies its mission, and where it left it.

        Positions since the last heartbeat may belong to the new mode already. Rather a bit of a row twice than not.
        """
        mode, before = self.recorder.mode, self._mode
        self._mode = mode
        if not self.recorder.armed:
            return
        self._see_others(mode, before)
        if mode is Mode.AUTO:
            self._sure = self._here() or self._sure
        elif before is Mode.AUTO and not self._goes_home_as_planned(mode):
            self.break_point = self.break_point or self._sure or self._here()
        elif self._joins and mode not in _HOMEWARD and (self.break_point is None or self._is_guess):
            self._guess_break_point()
        if self._way_back is None:
            self._enter(self._phase_of(mode))

    def _see_others(self, mode: Mode | None, before: Mode | None) -> None:
        """Another ground station, a pilot or a fail-safe may change the mode at any time, and theirs is what counts."""
        if mode is Mode.AUTO and before is not Mode.AUTO and not self._goes_on:
            self._drop_way_back("another ground station let the mission go on")
            if self.break_point is not None:
                self._leave_break_point(elsewhere=not self._pilot.is_at(self.break_point))
                self._photos_due = True
        elif mode in _HOMEWARD:
            self._drop_way_back("the vehicle turned back by itself")
        elif mode not in (Mode.AUTO, before) and self._way_back and before in (self._way_back.mode, Mode.AUTO):
            self._drop_way_back("it was stopped on its way back by another ground station")

    def _phase_of(self, mode: Mode | None) -> Phase:
        """Modes not known here are those of a pilot who took over."""
        if mode in _PHASES:
            return _PHASES[mode]
        return Phase.PAUSED if self.break_point is not None else Phase.STARTING

    def _goes_home_as_planned(self, mode: Mode | None) -> bool:
        """PX4 leaves its mission mode for the last item of a mission that ends at home."""
        ends = isinstance(self._mission.items[-1], ReturnHome | LandHere)
        return ends and mode in _HOMEWARD and self.recorder.item >= len(self._mission.items)

    def _guess_break_point(self) -> None:
        """It hovers, and nobody here saw where it left its mission: then that is where it hovers now."""
        here = self._here()
        if here is not None and here.alt_home_m > _IN_AIR_M and self.recorder.tells_item:
            self.break_point, self._is_guess = here, True

    def _leave_break_point(self, *, elsewhere: bool) -> None:
        """The mission goes on; notes a gap where it does not go on from where it was left, or nobody saw where."""
        if self.break_point is not None and (self._is_guess or elsewhere):
            self.gaps.append(self.break_point)
        self.break_point, self._is_guess = None, False

    def _here(self) -> BreakPoint | None:
        if not self.recorder.track:
            return None
        event = self.recorder.track[-1]
        item = max(self.recorder.item, 1)
        return BreakPoint(item=item, lon=event.lon, lat=event.lat, alt_home_m=event.alt_home_m)

    # What people ask for

    def _obey(self) -> None:
        given = self._control.next_order()
        if given is None:
            return
        order, done = given
        with _answered(done) as answer:
            match order:
                case Order.PAUSE:
                    self._pause()
                case Order.RETURN_HOME:
                    self._return_home()
                case Order.RESUME:
                    self._resume(done)
                    answer.later = self._way_back is not None

    def _pause(self) -> None:
        if self._way_back is not None:
            self._drop_way_back("the vehicle was told to pause")
            self._pilot.stop_on_way()
            return
        if self.recorder.mode is not Mode.AUTO or self._phase is not Phase.FLYING:
            raise NotNow(f"it cannot be paused while it is {self._phase}")
        with self._leaving_mission():
            self._pilot.hold()
        self.pauses += 1

    def _return_home(self) -> None:
        self._drop_way_back("the vehicle was told to return home")
        with self._leaving_mission():
            self._pilot.return_home()

    @contextlib.contextmanager
    def _leaving_mission(self) -> Iterator[None]:
        """Here it leaves its mission, unless it does not obey."""
        self.break_point = self.break_point or self._here()
        try:
            yield
        finally:
            if self.recorder.mode is Mode.AUTO:
                self.break_point = None

    def _resume(self, done: Future[None]) -> None:
        """Begins to fly back to the break point; `_go_on_resuming` does the rest once it is there."""
        if self._phase is not Phase.PAUSED or self.break_point is None:
            raise NotNow(f"it cannot be resumed while it is {self._phase}")
        way = self._way_back = WayBack(point=self.break_point, mode=self._pilot.way_mode, done=done)
        try:
            with self.commander.only_while(lambda: self._way_back is way):
                self._pilot.go_to(way.point)
        except (LinkError, NotNow):
            self._way_back = None
            raise
        self._enter(Phase.RESUMING)

    def _go_on_resuming(self) -> None:
        way = self._way_back
        if way is None:
            return
        if self._pilot.is_at(way.point):
            self._take_up(way)
        elif way.stalls(self._pilot.away_m(way.point), self.recorder.track[-1].at):
            self._drop_way_back("the vehicle does not come nearer to where it was broken off")
            self._enter(self._phase_of(self._mode))

    def _take_up(self, way: WayBack) -> None:
        """At the break point; whoever else changes the mode meanwhile has the last word."""
        with _answered(way.done):
            try:
                with self.commander.only_while(lambda: self._way_back is way):
                    self._pilot.prepare(way.point)
                    self._goes_on = True
                    self._pilot.go_on(way.point)
                self._enter(Phase.FLYING)
            finally:
                self._way_back, self._goes_on = None, False
                if self.recorder.mode is Mode.AUTO:
                    self._leave_break_point(elsewhere=False)

    def _photograph_again(self) -> None:
        """Another ground station let the mission go on: vehicles forget the photos with the mode."""
        if not self._photos_due:
            return
        self._photos_due = False
        if self._phase is Phase.FLYING:
            self._pilot.photograph_again()

    def _drop_way_back(self, why: str) -> None:
        if self._way_back is not None:
            way, self._way_back = self._way_back, None
            way.done.set_exception(NotNow(why))


@dataclass
class _Answer:
    """Whether an order is answered now, or `later`."""

    later: bool = False


@contextlib.contextmanager
def _answered(done: Future[None]) -> Iterator[_Answer]:
    """Tells who gave an order how it went; a flight goes on after a refused one."""
    answer = _Answer()
    try:
        yield answer
    except (LinkError, NotNow) as error:
        if not done.done():
            done.set_exception(error)
    else:
        if not answer.later and not done.done():
            done.set_result(None)
