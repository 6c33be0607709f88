"""`flyonce locate`: where pixels of a photo lie on the ground, with the error."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Annotated, Any

import typer

from flyonce.cli.options import AsJson, finite
from flyonce.cli.output import emit_json, fail, say, stdout
from flyonce.grounds import ground_of
from geo.errors import HeightUnknown
from geo.locate import Located, locate_pixels
from geo.telemetry.photo import PhotoTelemetry
from geo.telemetry.siblings import read_photo_among_siblings


def locate(
    image: Annotated[Path, typer.Argument(help="JPEG or TIFF photo of a drone, with GPS and gimbal angles.")],
    pixels: Annotated[Path, typer.Option(help="CSV with the header u,v: pixels of the file as decoded.")],
    ground_alt_m: Annotated[
        float | None,
        typer.Option(
            help="Altitude of level ground, in the datum of the photo's altitude (absolute where the number fits it, "
            "else above take-off; the flags say which). Default: the take-off point's height.",
            callback=finite,
        ),
    ] = None,
    dem: Annotated[Path | None, typer.Option(help="GeoTIFF of ground heights, any CRS.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put pixels of a photo on the ground, each with its one-sigma error ellipse.

    Pixels count in the stored raster, without any EXIF rotation: u right and v down from the outer corner of the top
    left pixel.
    """
    if ground_alt_m is not None and dem is not None:
        fail("--ground-alt-m and --dem exclude each other: give one of them.")
    uv = _read_pixels(pixels)
    telemetry = read_photo_among_siblings(image)
    if telemetry.pose is None or telemetry.camera is None:
        fail(f"{image}: {_reason(telemetry)}. Give a photo as the drone wrote it, with GPS position and altitude.")
    try:
        located = locate_pixels(uv, telemetry.pose, telemetry.camera, ground_of(ground_alt_m=ground_alt_m, dem=dem))
    except HeightUnknown as error:
        fail(f"{image}: {error}")
    points = [_point(located, index, telemetry) for index in range(len(uv))]
    if as_json:
        emit_json({"image": str(image), "points": points, "problems": list(telemetry.problems)})
        return
    for problem in telemetry.problems:
        say(f"{image}: {problem}")
    for point in points:
        stdout.print(_in_words(point), markup=False)


def _reason(telemetry: PhotoTelemetry) -> str:
    return "; ".join(telemetry.problems) or "neither pose nor lens is known"


def _point(located: Located, index: int, telemetry: PhotoTelemetry) -> dict[str, Any]:
    fix = located[index]
    ellipse = None if fix is None else fix.ellipse()
    return {
        "u": float(located.uv_px[index, 0]),
        "v": float(located.uv_px[index, 1]),
        "lon": None if fix is None else fix.lon,
        "lat": None if fix is None else fix.lat,
        "alt_m": None if fix is None else fix.alt_m,
        "sigma_major_m": None if ellipse is None else ellipse.major_m,
        "sigma_minor_m": None if ellipse is None else ellipse.minor_m,
        "sigma_azimuth_deg": None if ellipse is None else ellipse.azimuth_deg,
        "flags": list(dict.fromkeys((*located.flags_of(index), *telemetry.flags))),
    }


def _in_words(point: dict[str, Any]) -> str:
    if point["lon"] is None:
        return f"({point['u']:g}, {point['v']:g}): no answer ({', '.join(point['flags'])})"
    return (
        f"({point['u']:g}, {point['v']:g}): lon {point['lon']:.7f}, lat {point['lat']:.7f}, "
        f"± {point['sigma_major_m']:.2f} × {point['sigma_minor_m']:.2f} m"
    )


def _read_pixels(path: Path) -> list[tuple[float, float]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        fail(f"{path}: cannot be read as CSV ({error}). Give a text file with the header u,v.")
    if not rows or [name.strip().lower() for name in rows[0]] != ["u", "v"]:
        fail(f"{path}, line 1: the header must be u,v. Write it as the first line, one pixel per line after it.")
    return [_pixel(path, number, row) for number, row in enumerate(rows[1:], start=2) if row]


def _pixel(path: Path, number: int, row: list[str]) -> tuple[float, float]:
    try:
        u, v = (float(cell) for cell in row)
    except ValueError:
        fail(f"{path}, line {number}: {','.join(row)!r} is not two numbers. Write u,v in pixels.")
    if not (math.isfinite(u) and math.isfinite(v)):
        fail(f"{path}, line {number}: pixels must be finite. Write u,v in pixels.")
    return u, v
