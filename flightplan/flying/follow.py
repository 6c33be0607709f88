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
from flightplan.link.commander import Commander
from flightplan.link.link import Link, Message
from flightplan.link.modes import Mode
from flightplan.mission.mission import Mission

_START_S = 15.0
_SLICE_S = 0.2
_SILENT_S = 5.0
_REOPEN_EVERY_S = 1.0
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
    """

    def __init__(
        self, link: Link, mission: Mission, watchers: Watchers, control: FlightControl, lost_link_s: float
    ) -> None:
        self.recorder = Recorder(self._on_position, watchers.on_photo, link.autopilot)
        self.commander = Commander(link, self.take)
        self.break_point: BreakPoint | None = None
        self.pauses = self.link_losses = 0
        self._link = link
        self._watchers = watchers
        self._control = control
        self._lost_link_s = lost_link_s
        self._meter = ProgressMeter(mission)
        self._pilot = Pilot(mission, link.autopilot, self.commander, self.recorder)
        self._phase = Phase.STARTING
        self._mode: Mode | None = None
        self._heartbeats = 0
        self._sure: BreakPoint | None = None
        self._resuming: Future[None] | None = None
        self._resumed_by_others = False

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
        self._enter(Phase.LANDED)
        self._refuse_open_orders()

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
        mode, armed = self.recorder.mode, self.recorder.armed
        left_mission = self._mode is Mode.AUTO and mode is not Mode.AUTO and armed
        if left_mission and self.break_point is None:
            self.break_point = self._sure or self._here()
        if mode is Mode.AUTO and armed:
            if self._mode is not Mode.AUTO and self._resuming is None:
                self._resumed_by_others = self.break_point is not None
                self.break_point = None
            self._sure = self._here() or self._sure
        self._mode = mode
        if armed and mode is not None and self._resuming is None:
            self._enter(_PHASES.get(mode, Phase.PAUSED if self.break_point is not None else Phase.STARTING))

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
                    answer.later = self._resuming is not None

    def _pause(self) -> None:
        if self.recorder.mode is not Mode.AUTO or self._phase is not Phase.FLYING:
            raise NotNow(f"it cannot be paused while it is {self._phase}")
        self.break_point = self._here()
        try:
            self._pilot.hold()
        finally:
            if self.recorder.mode is Mode.AUTO:
                self.break_point = None
            else:
                self.pauses += 1

    def _return_home(self) -> None:
        self._drop_resuming("the vehicle was told to return home")
        self.break_point = self.break_point or self._here()
        self._pilot.return_home()

    def _resume(self, done: Future[None]) -> None:
        """Begins to fly back to the break point; `_go_on_resuming` does the rest once it is there."""
        if self._phase is not Phase.PAUSED or self.break_point is None:
            raise NotNow(f"it cannot be resumed while it is {self._phase}")
        self._pilot.go_to(self.break_point)
        self._resuming = done
        self._enter(Phase.RESUMING)

    def _go_on_resuming(self) -> None:
        if self._resuming is None or self.break_point is None:
            return
        if self.recorder.mode in (Mode.RTL, Mode.LAND):
            self._drop_resuming("the vehicle turned back by itself")
            return
        if not self._pilot.is_at(self.break_point):
            return
        done = self._resuming
        with _answered(done):
            try:
                self._pilot.take_up(self.break_point)
                self._enter(Phase.FLYING)
            finally:
                self._resuming = None
                if self.recorder.mode is Mode.AUTO:
                    self.break_point = None

    def _photograph_again(self) -> None:
        """Another ground station let the mission go on: vehicles forget the photos with the mode."""
        if not self._resumed_by_others:
            return
        self._resumed_by_others = False
        if self._phase is Phase.FLYING:
            self._pilot.photograph_again()

    def _drop_resuming(self, why: str) -> None:
        if self._resuming is not None:
            done, self._resuming = self._resuming, None
            done.set_exception(NotNow(why))

    def _refuse_open_orders(self) -> None:
        self._drop_resuming("the vehicle has landed")
        while (given := self._control.next_order()) is not None:
            given[1].set_exception(NotNow("the vehicle has landed"))


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
        done.set_exception(error)
    else:
        if not answer.later:
            done.set_result(None)
