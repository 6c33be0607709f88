"""`flyonce upload` and `fly`: from a mission file to a flown mission."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from flightplan.errors import InvalidMission, NoAnswer
from flightplan.files.qgc_plan import write_plan
from flightplan.flying.flight import FlightControl, FlightLog, FlightProgress, Phase
from flightplan.flying.flight import fly as fly_mission
from flightplan.flying.flight import follow as follow_mission
from flightplan.link.link import Link
from flightplan.link.return_setting import ReturnSetting, raise_return_height
from flightplan.link.upload import upload as upload_mission
from flightplan.mission.mission import Mission
from flightplan.mission.return_height import return_height_m
from flyonce.broken_off import rest_of
from flyonce.cli.flight_orders import orders_path, taking_orders
from flyonce.cli.lawful import AirspaceFiles, TerrainFile, mission_to_fly
from flyonce.cli.links import KeyFile, SystemId, connect
from flyonce.cli.options import AsJson, LinkUrl
from flyonce.cli.output import Ticker, emit_json, fail, progress, say

_REPORT_EVERY_S = 1.0


def upload(
    mission_file: Annotated[Path, typer.Argument(help="A .plan or .waypoints file.")],
    link: LinkUrl,
    terrain: TerrainFile = None,
    airspace: AirspaceFiles = None,
    system_id: SystemId = None,
    signing_key: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Upload a mission with its fence and rally points, read all back and compare.

    The vehicle's height for flying home is raised where it is set lower than the mission needs.
    """
    mission = mission_to_fly(mission_file, terrain, airspace)
    needed_m = return_height_m(mission)
    with connect(link, system_id, signing_key) as connection, progress("uploading") as ticker:
        done = upload_mission(connection, mission, ticker.reached)
        setting = _raised(connection, needed_m)
    if as_json:
        emit_json(
            {
                "verified": True,
                **asdict(done),
                "return_height_needed_m": needed_m,
                "return_height_m": None if setting is None else setting.height_m,
            }
        )
    else:
        if setting is None:
            say(f"this vehicle does not tell its height for flying home: see to it that it is at least {needed_m:g} m")
        else:
            say(f"it flies home at least {setting.height_m:g} m high ({setting.parameter})")
        guards = f", {done.fence_points} fence corners, {done.rally_points} rally points"
        say(f"{done.items} items{guards} uploaded, read back and equal, in {done.seconds:.1f} s")
        say(f"plan {done.plan_hash[:12]}")


def fly(
    mission_file: Annotated[Path, typer.Argument(help="The mission that was uploaded: .plan or .waypoints.")],
    link: LinkUrl,
    tlog: Annotated[Path | None, typer.Option(help="Telemetry log to write.")] = None,
    terrain: TerrainFile = None,
    airspace: AirspaceFiles = None,
    system_id: SystemId = None,
    signing_key: KeyFile = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Only follow a flight that is under way already; arm and start nothing.")
    ] = False,
    stream: Annotated[
        bool, typer.Option("--stream", help="With --json: first a line of JSON each second, the result last.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Arm, start the uploaded mission and follow it to its end; refused unless the vehicle holds this very mission.

    Ctrl-C calls the vehicle home; pressed again, it leaves the vehicle to itself. Orders come from other terminals:
    see `flyonce fly-command`.
    """
    if stream and not as_json:
        fail("--stream writes lines of JSON: give --json with it, or leave it out.")
    mission = mission_to_fly(mission_file, terrain, airspace)
    record = _record(mission_file, tlog, goes_on=follow)
    control = FlightControl()
    run = follow_mission if follow else fly_mission
    with (
        connect(link, system_id, signing_key) as connection,
        progress("flying", total=mission.figures().length_m) as ticker,
        taking_orders(orders_path(mission_file), control),
    ):
        reporter = Reporter(ticker, stream=stream)
        with calling_home(control, lambda: follow or reporter.in_flight):
            log = run(connection, mission, tlog_path=record, control=control, on_progress=reporter.report)
    rest = _write_rest(mission, mission_file, log, airspace or ())
    if as_json:
        emit_json(_result(mission, log, record, rest))
    else:
        _say_result(log, record, rest)


def _record(mission_file: Path, tlog: Path | None, *, goes_on: bool) -> Path:
    """Where the flight is recorded: never over the record of another one."""
    wanted = tlog or mission_file.with_suffix(".tlog")
    if goes_on or not wanted.exists():
        return wanted
    if tlog is not None:
        fail(f"{tlog} holds the record of a flight already, and no record is written over: name another file.")
    return mission_file.with_name(f"{mission_file.stem}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tlog")


def _raised(link: Link, height_m: float) -> ReturnSetting | None:
    """What the vehicle climbs to before it flies home; None where it does not tell."""
    try:
        return raise_return_height(link, height_m)
    except NoAnswer:
        return None


class Reporter:
    """Tells people and programs how the flight goes, once a second and whenever its phase changes."""

    def __init__(self, ticker: Ticker, *, stream: bool) -> None:
        self._ticker = ticker
        self._stream = stream
        self._phase: Phase | None = None
        self._due_s = 0.0

    @property
    def in_flight(self) -> bool:
        """Whether the mission was begun."""
        return self._phase not in (None, Phase.STARTING)

    def report(self, now: FlightProgress) -> None:
        """Takes one step of the flight."""
        if now.phase is self._phase and time.monotonic() < self._due_s:
            return
        self._phase, self._due_s = now.phase, time.monotonic() + _REPORT_EVERY_S
        self._ticker.reached(round(now.along_m), round(now.length_m))
        self._ticker.describe(_words(now))
        if self._stream:
            emit_json({"event": "progress", **progress_json(now)})


def progress_json(now: FlightProgress) -> dict[str, Any]:
    """One step of a flight, for programs."""
    return {
        "at": now.at.isoformat(timespec="milliseconds"),
        "phase": now.phase.value,
        "item": now.item,
        "items": now.items,
        "share_done": round(now.share_done, 4),
        "off_m": _rounded(now.off_m),
        "above_m": _rounded(now.above_m),
        "speed_m_s": round(now.speed_m_s, 2),
        "pace": round(now.pace, 3),
        "remaining_s": _rounded(now.remaining_s),
        "ends_at": None if now.ends_at is None else now.ends_at.isoformat(timespec="seconds"),
        "photos": now.photos,
        "battery": now.battery,
        "lon": round(now.lon, 7),
        "lat": round(now.lat, 7),
        "alt_home_m": round(now.alt_home_m, 2),
    }


@contextlib.contextmanager
def calling_home(control: FlightControl, in_flight: Callable[[], bool]) -> Iterator[None]:
    """In flight the first Ctrl-C calls the vehicle home, the second one ends the program."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def call(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        if not in_flight():
            raise KeyboardInterrupt
        say("calling the vehicle home; Ctrl-C again leaves it to itself")
        control.return_home()

    before = signal.signal(signal.SIGINT, call)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _words(now: FlightProgress) -> str:
    off = "" if now.off_m is None else f", {now.off_m:.1f} m off"
    end = "" if now.ends_at is None else f", down {now.ends_at.astimezone():%H:%M:%S}"
    return f"{now.phase.value}: item {now.item}/{now.items}, {now.photos} photos{off}{end}"


def _write_rest(mission: Mission, mission_file: Path, log: FlightLog, airspace: Sequence[Path]) -> Path | None:
    """What a flight left undone, as a mission file beside its own, judged again as far as its rules are known."""
    if log.completed or log.break_point is None:
        return None
    try:
        rest = rest_of(mission, log.break_point, airspace)
    except InvalidMission as error:
        say(f"the rest of the mission cannot be flown straight from home: {error}")
        return None
    if rest is None:
        return None
    path = mission_file.with_name(f"{mission_file.stem}-rest.plan")
    write_plan(path, rest.mission)
    for remark in rest.remarks:
        say(f"{path}: {remark}")
    return path


def _result(mission: Mission, log: FlightLog, record: Path, rest: Path | None) -> dict[str, Any]:
    planned = mission.figures()
    return {
        "flown_m": round(log.flown_m, 1),
        "planned_m": round(planned.length_m, 1),
        "photos": len(log.photos),
        "planned_photos": planned.photos,
        "flight_s": round(log.duration_s, 1),
        "completed": log.completed,
        "plan_hash": log.plan_hash,
        "pauses": log.pauses,
        "link_losses": log.link_losses,
        "gaps": [asdict(gap) for gap in log.gaps],
        "break_point": None if log.break_point is None else asdict(log.break_point),
        "rest": None if rest is None else str(rest),
        "tlog": str(record),
    }


def _say_result(log: FlightLog, record: Path, rest: Path | None) -> None:
    say(f"flown {log.flown_m / 1000:.2f} km, {len(log.photos)} photos; log in {record}")
    for gap in log.gaps:
        say(
            f"the row on the way to item {gap.item} may have a gap at {gap.lon:.6f},{gap.lat:.6f}: "
            "the mission did not go on from where this program saw it left"
        )
    if not log.completed:
        where = "" if log.break_point is None else f" on the way to item {log.break_point.item}"
        left = "" if rest is None else f"; what is left to fly is in {rest}"
        say(f"broken off{where}{left}")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
