"""`flyonce analyze`: photos in, cases and tasks out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from flyonce.analysis import flight_id_of, open_tools, readable_zones
from flyonce.cli.options import AsJson, StoreUrl
from flyonce.cli.output import EXIT_BAD_INPUT, emit_json, fail, progress, say
from flyonce.grounds import ground_of
from flyonce.pipeline import AnalyzeResult
from flyonce.pipeline import analyze as run_chain
from flyonce.settings import Settings
from vision.sources.photos import photo_paths


def analyze(
    media: Annotated[list[Path], typer.Argument(help="Photos, or folders of photos, of one flight.")],
    zones: Annotated[Path | None, typer.Option(help="GeoJSON of districts, grids, water, roads… (WGS 84).")] = None,
    store: StoreUrl = None,
    flight_id: Annotated[str | None, typer.Option(help="Name of the flight; default: made from its photos.")] = None,
    ground_alt_m: Annotated[float | None, typer.Option(help="Altitude of level ground; see `flyonce locate`.")] = None,
    dem: Annotated[Path | None, typer.Option(help="GeoTIFF of ground heights, any CRS.")] = None,
    interpretation: Annotated[Path | None, typer.Option(help="YAML: what counts as which matter, and where.")] = None,
    matters: Annotated[Path | None, typer.Option(help="YAML of matters, instead of the defaults.")] = None,
    departments: Annotated[Path | None, typer.Option(help="YAML of departments, instead of the defaults.")] = None,
    routing: Annotated[Path | None, typer.Option(help="YAML of routing rules, instead of the defaults.")] = None,
    models: Annotated[Path | None, typer.Option(help="Folder of models, instead of the installed ones.")] = None,
    as_json: AsJson = False,
) -> None:
    """Detect, locate, group and record what a flight's photos show.

    The same photos again bring the same cases up to date and open no new ones. Files that cannot be read are listed
    and left out; if none can, nothing is recorded and the exit code is 2.
    """
    settings = Settings()
    paths = photo_paths(media)
    if not paths:
        fail(f"{', '.join(map(str, media))}: no photos found. Give JPEG, PNG, TIFF or WebP files, or a folder of them.")
    mapped = readable_zones(zones)
    ground = ground_of(ground_alt_m=ground_alt_m, dem=dem)
    identity = flight_id or flight_id_of(paths)
    if identity is None:
        fail(
            f"{paths[0]}: cannot be read as a picture, nor can any of the others. Give photos as the drone wrote them."
        )
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
    ) as tools:
        if as_json is False:
            say(f"flight {identity}: {len(paths)} photos")
        with progress("analysing", total=len(paths)) as ticker:
            result = run_chain(
                paths,
                tools=tools,
                flight_id=identity,
                on_look=lambda _: ticker.advance(),
                on_stage=ticker.describe,
            )
    _tell(result)
    if as_json:
        emit_json(asdict(result))
    if result.unreadable:
        raise typer.Exit(EXIT_BAD_INPUT)


def _tell(result: AnalyzeResult) -> None:
    """The counts in words, with what could not be done and why."""
    for entry in result.unreadable:
        say(f"left out: {entry['problem']}")
    found = ", ".join(f"{count} {label}" for label, count in result.detections.items()) or "nothing"
    say(f"{result.frames} photos looked at, {result.located_frames} of them located; found: {found}")
    for line in _reasons(result):
        say(line)
    say(
        f"{result.sightings} sightings → {result.things} things → {result.cases['opened']} cases opened, "
        f"{result.cases['joined']} joined, {result.cases['pending_review']} wait for a person; "
        f"{result.not_seen_again} not seen again, {result.without_matter} no matter where they lie"
    )
    if result.tasks_by_department:
        say("tasks: " + ", ".join(f"{name} {count}" for name, count in result.tasks_by_department.items()))
    say(f"ground seen: {result.ground_area_m2 / 10_000:.2f} ha in {result.seconds['total']:.1f} s")


_WORDS = {
    "no_gps": "no GPS position: detected, not located",
    "bearing_unknown": "no gimbal angles, so the bearing is unknown: detected, not located",
    "turned_half_corrected": "stored upside-down against its own angles: turned back before locating",
    "focal_unknown": "focal length unknown: not located",
    "permanent_water": "mapped as permanent water: no finding",
    "bearing_only": "too near the horizon: bearing only, no place",
}


def _reasons(result: AnalyzeResult) -> Sequence[str]:
    photos = [f"{count} photos: {_WORDS[flag]}" for flag, count in result.flags.items() if flag in _WORDS]
    return photos + [
        f"{count} detections without a place: {_WORDS.get(reason, reason)}"
        for reason, count in result.not_placed.items()
    ]
