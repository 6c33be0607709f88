"""`flyonce analyze`: photos, videos or a live stream in, cases and tasks out."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType
from typing import Annotated, Literal

import typer

from flyonce.analysis import open_tools, readable_zones
from flyonce.analysis_result import AnalyzeResult
from flyonce.cli.options import AsJson, StoreUrl, finite
from flyonce.cli.output import EXIT_BAD_INPUT, Ticker, emit_json, fail, progress, say
from flyonce.feed import Feed, Wanted
from flyonce.feeds import feed_of
from flyonce.grounds import ground_of
from flyonce.pipeline import analyze_material
from flyonce.settings import Settings
from geo.camera import camera_by_name


def analyze(
    media: Annotated[
        list[str],
        typer.Argument(help="Of one flight: photos or folders of photos; or videos; or one stream (rtsp://…)."),
    ],
    zones: Annotated[
        Path | None, typer.Option(help="Districts, grids, water, roads…: what `flyonce zones import` writes.")
    ] = None,
    store: StoreUrl = None,
    flight_id: Annotated[str | None, typer.Option(help="Name of the flight; default: made from its pictures.")] = None,
    telemetry: Annotated[
        list[Path] | None,
        typer.Option(
            help="Poses of a video, of any family that `flyonce telemetry` reads, one per video in their order; "
            "default: the .SRT beside it, else KLV inside it."
        ),
    ] = None,
    camera: Annotated[str | None, typer.Option(help="Camera of a video or stream: dji-m3e, …")] = None,
    offset_s: Annotated[
        str | None,
        typer.Option(
            metavar="SECONDS|auto",
            help="What the telemetry's clock shows at the video's first frame; `auto` finds it from how the picture "
            "moved.",
        ),
    ] = None,
    watch: Annotated[bool, typer.Option(help="Wait for new photos in the folder, until Ctrl-C or --for.")] = False,
    for_s: Annotated[
        float | None, typer.Option("--for", min=0.1, help="End a stream or --watch after SECONDS.")
    ] = None,
    ground_alt_m: Annotated[
        float | None, typer.Option(help="Altitude of level ground; see `flyonce locate`.", callback=finite)
    ] = None,
    dem: Annotated[Path | None, typer.Option(help="GeoTIFF of ground heights, any CRS.")] = None,
    interpretation: Annotated[Path | None, typer.Option(help="YAML: what counts as which matter, and where.")] = None,
    matters: Annotated[Path | None, typer.Option(help="YAML of matters, instead of the defaults.")] = None,
    departments: Annotated[Path | None, typer.Option(help="YAML of departments, instead of the defaults.")] = None,
    routing: Annotated[Path | None, typer.Option(help="YAML of routing rules, instead of the defaults.")] = None,
    identity: Annotated[
        Path | None, typer.Option(help="YAML: when sightings are of one thing; docs/identity.md.")
    ] = None,
    models: Annotated[Path | None, typer.Option(help="Folder of models, instead of the installed ones.")] = None,
    as_json: AsJson = False,
) -> None:
    """Detect, locate, group and record what a flight's pictures show.

    The same pictures again bring the same cases up to date and open no new ones. Files that cannot be used are listed
    and left out; if none can, nothing is recorded and the exit code is 2. A video is located by the .SRT beside it and
    by its --camera; without them things are detected and counted, not located.
    """
    if ground_alt_m is not None and dem is not None:
        fail("--ground-alt-m and --dem exclude each other: give one of them.")
    settings = Settings()
    wanted = Wanted(
        telemetry=tuple(telemetry or ()),
        camera=None if camera is None else camera_by_name(camera),
        offset_s=_offset(offset_s),
        watch=watch,
        for_s=for_s,
    )
    mapped = readable_zones(zones)
    ground = ground_of(ground_alt_m=ground_alt_m, dem=dem)
    with progress("reading") as ticker:
        feed = feed_of(media, wanted, on_stage=ticker.describe)
    with open_tools(
        store or settings.store,
        settings=settings,
        zones=mapped,
        ground=ground,
        models=models,
        interpretation=interpretation,
        matters=matters,
        departments=departments,
        routing=routing,
        identity=identity,
    ) as tools:
        name = flight_id or feed.flight_id
        say(f"flight {name}: {feed.words}")
        with progress("analysing") as ticker, _stopped_by_ctrl_c(feed):
            material = feed.material(tools, _shown_on(ticker), ticker.describe)
            result = analyze_material(material, tools=tools, flight_id=name)
    refused = tuple({"file": str(path), "problem": problem} for path, problem in feed.refused)
    result = replace(result, unreadable=refused + result.unreadable)
    _tell(result)
    if as_json:
        emit_json(asdict(result))
    if result.unreadable or result.too_coarse or result.far_from_zones_m is not None:
        raise typer.Exit(EXIT_BAD_INPUT)


def _offset(text: str | None) -> float | Literal["auto"] | None:
    """What `--offset-s` says."""
    if text is None:
        return None
    if text.strip().lower() == "auto":
        return "auto"
    try:
        seconds = float(text)
    except ValueError:
        fail(f"--offset-s {text}: neither seconds nor `auto`. Give a number like -1.5, or auto.")
    if not math.isfinite(seconds):
        fail(f"--offset-s {text}: no finite number. Give seconds like -1.5, or auto.")
    return seconds


def _shown_on(ticker: Ticker) -> Callable[[float, float | None], None]:
    """A progress bar that counts whole photos or seconds."""

    def show(done: float, total: float | None) -> None:
        ticker.reached(round(done), None if total is None else round(total))

    return show


@contextmanager
def _stopped_by_ctrl_c(feed: Feed) -> Iterator[None]:
    """The first Ctrl-C ends a stream or a watch, and what was seen is recorded; the second one breaks off."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = signal.getsignal(signal.SIGINT)

    def stop(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, usual)
        say("stopping; Ctrl-C again breaks off")
        feed.stop()

    if feed.endless:
        signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


def _tell(result: AnalyzeResult) -> None:
    """The counts in words, with what could not be done and why."""
    for entry in result.unreadable:
        say(f"left out: {entry['problem']}")
    if result.too_coarse:
        say(
            f"too coarse for the models: {result.too_coarse['finest_m']:.2f} m of ground per pixel at best, and they "
            f"need {result.too_coarse['coarsest_m']:.2f} or finer: finding little says nothing here. Fly lower, zoom "
            "in, or take more pixels"
        )
    if result.far_from_zones_m is not None:
        far_km = result.far_from_zones_m / 1000
        say(
            f"no picture shows ground near the mapped zones, the nearest is {far_km:.0f} km off: "
            "give the zones of this place, or the telemetry of this flight"
        )
    found = ", ".join(f"{count} {label}" for label, count in result.detections.items()) or "nothing"
    of = f" of {result.frames_decoded} decoded" if result.frames_decoded != result.frames else ""
    say(f"{result.frames} pictures{of} looked at, {result.located_frames} of them located; found: {found}")
    for line in _reasons(result):
        say(line)
    say(
        f"{result.sightings} sightings → {result.things} things → {result.cases['opened']} cases opened, "
        f"{result.cases['joined']} joined, {result.cases['pending_review']} wait for a person; "
        f"{result.not_seen_again} not seen again, {result.only_wet} only look wet, "
        f"{result.without_matter} no matter where they lie"
    )
    if result.tasks_by_department:
        say("tasks: " + ", ".join(f"{name} {count}" for name, count in result.tasks_by_department.items()))
    say(f"ground seen: {result.ground_area_m2 / 10_000:.2f} ha in {result.seconds['total']:.1f} s")


_WORDS = {
    "no_gps": "no GPS position: detected, not located",
    "no_telemetry": "no telemetry: detected, not located",
    "no_pose": "a moment of which the telemetry tells nothing: detected, not located",
    "no_camera": "the camera is unknown (--camera): detected, not located",
    "bearing_unknown": "no gimbal angles, so the bearing is unknown: detected, not located",
    "turned_half_corrected": "stored upside-down against its own angles: turned back before locating",
    "flight_bias_corrected": "corrected by what overlapping pictures say of the flight's compass and places",
    "focal_unknown": "focal length unknown: not located",
    "time_zone_unknown": "the time has no zone: it is taken to be the city's (the time zone of its matters)",
    "digital_zoom": "digital zoom: the camera's focal length is multiplied by it",
    "too_coarse": "the ground is shown too coarsely for the models",
    "permanent_water": "mapped as permanent water: no finding",
    "false_alarm_mask": "on ground that is known to deceive: no finding",
    "bearing_only": "too near the horizon: bearing only, no place",
}


_PIECE = {"klv": "KLV packet", "sei": "SEI message"}


def _unread(kind: str, count: int, result: AnalyzeResult) -> str:
    pieces = _PIECE[kind] if count == 1 else f"{_PIECE[kind]}s"
    told = [source["telemetry"] for source in result.sources if "telemetry" in source]
    if kind == "klv" and any(one.get("inside") for one in told):
        used = sum(one["used"] for one in told if one.get("inside"))
        return f"{count} {pieces} inside: {used} poses come from them"
    if kind == "klv" and told:
        return f"the video also carries {count} {pieces}: not used, for it has telemetry of its own"
    if kind == "klv":
        return f"the video also carries {count} {pieces}, none of which tells a pose that can be used"
    return f"the video also carries {count} {pieces}, where telemetry may be: not read yet, no pose comes from it"


def _reasons(result: AnalyzeResult) -> Sequence[str]:
    told = [f"{count} pictures: {_WORDS[flag]}" for flag, count in result.flags.items() if flag in _WORDS]
    told += [
        f"{count} detections without a place: {_WORDS.get(reason, reason)}"
        for reason, count in result.not_placed.items()
    ]
    told += [_unread(kind, count, result) for kind, count in result.stream_data.items()]
    if result.tracks:
        told.append("followed without a place: " + ", ".join(f"{n} {label}" for label, n in result.tracks.items()))
    if result.frames_dropped:
        told.append(f"{result.frames_dropped} frames were overtaken by newer ones")
    return told + [
        f"blind from {gap['began_at']} to {gap['ended_at'] or 'the end'}, {gap['seconds']:.1f} s: {gap['reason']}"
        for gap in result.gaps
    ]
