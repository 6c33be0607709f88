"""Still pictures from files: original bytes hashed first, then decoded to upright 8-bit BGR.

Decoding is Pillow's, which notices a truncated file (OpenCV fills the missing part with grey and says nothing); OpenCV
reads what Pillow has no pixel type for, such as 16-bit colour TIFF.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import warnings
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, ImageOps, UnidentifiedImageError
from PIL import Image as PillowImage

from vision.errors import PhotoError
from vision.frame import Frame
from vision.pixels import ArrayPixels, Image

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"})
MAX_PIXELS = 150_000_000
"""More than the largest aerial cameras give; above it a file is an orthophoto to be cut, or an attack."""

_CONVERT = "save it again as JPEG, PNG or TIFF"
_COPY_AGAIN = "copy it again from the camera"
_TIFF_STARTS = (b"II*\0", b"MM\0*")


def photo_paths(places: Path | Iterable[Path]) -> list[Path]:
    """List the pictures in folders, recursively, and among single files.

    Args:
        places: A folder, a file, or several. Hidden files and folders inside a folder are left out; a file named
            itself is taken whatever its suffix.

    Returns:
        Every picture once, sorted by folder and name, numbers in names by their value.

    Raises:
        PhotoError: If a place does not exist, or a folder holds no picture.
    """
    found: dict[Path, Path] = {}
    for place in [places] if isinstance(places, Path) else places:
        for path in _pictures_at(place):
            found.setdefault(path.resolve(), path)
    return sorted(found.values(), key=_natural_key)


def read_frame(path: Path, *, index: int = 0) -> Frame:
    """Read one picture.

    16-bit channels keep their high byte, grey becomes three equal channels, CMYK becomes colour by Pillow's simple
    formula, transparency is dropped. The first page of a file with several is taken. `captured_at` is EXIF's
    DateTimeOriginal with its offset; without an offset the moment is not known and stays None.

    Args:
        path: A JPEG, PNG, TIFF, WebP or BMP file.
        index: Its position among the pictures read.

    Returns:
        The frame, upright by its EXIF orientation.

    Raises:
        PhotoError: If the file cannot be read, is empty, truncated, no picture, or too large.
    """
    data = _bytes_of(path)
    # First of all: what is hashed is what the camera wrote, whatever a decoder makes of it.
    sha256 = hashlib.sha256(data).hexdigest()
    with warnings.catch_warnings():
        # Pillow warns of damaged tags and of many pixels; the pixels themselves are checked here, and refused or taken.
        warnings.simplefilter("ignore")
        image, exif = _decoded(path, data)
        captured_at = _captured_at(exif)
    return Frame(
        pixels=ArrayPixels(image),
        captured_at=captured_at,
        source=str(path),
        index=index,
        sha256=sha256,
        exif_orientation=_orientation(exif),
    )


def in_time_order(paths: Iterable[Path]) -> list[Path]:
    """Sort pictures as they were taken.

    EXIF's DateTimeOriginal with its fraction decides, its offset from UTC only where all have one; equal times are
    sorted by name. Where a picture says no time, all are sorted by folder and name instead.

    Args:
        paths: Pictures; unreadable ones count as pictures without a time.
    """
    by_name = sorted(paths, key=_natural_key)
    times = [_written_time(path) for path in by_name]
    if any(time is None for time in times):
        return by_name
    known = [time for time in times if time is not None]
    if not all(time.tzinfo for time in known):
        known = [time.replace(tzinfo=None) for time in known]
    return [path for _, path in sorted(zip(known, by_name, strict=True), key=lambda pair: pair[0])]


def _pictures_at(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise PhotoError(place, "no such file or folder", "check the path")
    found = [
        path
        for path in place.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(place).parts)
        and path.is_file()
    ]
    if not found:
        wanted = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))
        raise PhotoError(place, "holds no picture", f"name a folder with files of these kinds: {wanted}")
    return found


def _natural_key(path: Path) -> tuple[str, list[tuple[int, str]], str]:
    pieces = re.split(r"(\d+)", path.name.casefold())
    numbered = [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in pieces]
    return str(path.parent), numbered, path.name


def _bytes_of(path: Path) -> bytes:
    if path.is_dir():
        raise PhotoError(path, "is a folder, not a picture", "name the pictures in it")
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise PhotoError(path, "no such file", "check the path") from error
    except OSError as error:
        raise PhotoError(path, f"cannot be read ({error.strerror})", "check its permissions") from error
    if not data:
        raise PhotoError(path, "is empty (0 bytes)", _COPY_AGAIN)
    return data


def _decoded(path: Path, data: bytes) -> tuple[Image, PillowImage.Exif]:
    try:
        with PillowImage.open(io.BytesIO(data)) as picture:
            _check_size(path, *picture.size)
            exif = picture.getexif()
            return _upright_bgr(picture), exif
    except UnidentifiedImageError as error:
        if data[:4] in _TIFF_STARTS:
            return _tiff_by_opencv(path, data)
        raise PhotoError(path, "is not a picture that can be read", _CONVERT) from error
    except PillowImage.DecompressionBombError as error:
        raise PhotoError(path, f"declares too many pixels ({error})", "cut it into smaller pictures") from error
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, MemoryError) as error:
        raise PhotoError(path, f"is truncated or damaged ({error})", _COPY_AGAIN) from error


def _check_size(path: Path, width_px: int, height_px: int) -> None:
    if width_px * height_px > MAX_PIXELS:
        raise PhotoError(
            path,
            f"declares {width_px} × {height_px} pixels, more than {MAX_PIXELS // 1_000_000} million",
            "cut it into smaller pictures",
        )


def _upright_bgr(picture: PillowImage.Image) -> Image:
    picture.load()
    if picture.mode.startswith("I") or picture.mode == "F":
        grey = _eight_bits(np.asarray(picture))
        return _turned(np.repeat(grey[:, :, None], 3, axis=2), _orientation(picture.getexif()))
    upright = picture if _orientation(picture.getexif()) == 1 else ImageOps.exif_transpose(picture)
    rgb = upright if upright.mode == "RGB" else upright.convert("RGB")
    return np.asarray(cv2.cvtColor(np.asarray(rgb), cv2.COLOR_RGB2BGR), np.uint8)


def _eight_bits(values: NDArray[np.generic]) -> Image:
    """Map 16-bit values to their high byte, and floats in 0 to 1 to 0 to 255, so that equal light stays equal."""
    if np.issubdtype(values.dtype, np.floating):
        return (np.clip(np.nan_to_num(values.astype(np.float32)), 0.0, 1.0) * 255).round().astype(np.uint8)
    return (np.clip(values.astype(np.int64), 0, 65535) >> 8).astype(np.uint8)


def _turned(image: Image, orientation: int) -> Image:
    picture = PillowImage.fromarray(image)
    picture.getexif()[ExifTags.Base.Orientation] = orientation
    return np.asarray(ImageOps.exif_transpose(picture))


def _tiff_by_opencv(path: Path, data: bytes) -> tuple[Image, PillowImage.Exif]:
    exif = PillowImage.Exif()
    try:
        exif.load(b"Exif\0\0" + data)
        _check_size(path, int(exif[ExifTags.Base.ImageWidth]), int(exif[ExifTags.Base.ImageLength]))
        image = _imdecode_quietly(data)
    except (cv2.error, OSError, SyntaxError, KeyError, TypeError, ValueError, struct.error) as error:
        raise PhotoError(path, f"is a damaged TIFF ({error})", _COPY_AGAIN) from error
    if image is None:
        raise PhotoError(path, "is a TIFF of a kind that cannot be read, or damaged", _CONVERT)
    channels = np.atleast_3d(image)
    colour = channels[:, :, :3] if channels.shape[2] >= 3 else np.repeat(channels[:, :, :1], 3, axis=2)
    eight_bits = np.asarray(colour, np.uint8) if colour.dtype == np.uint8 else _eight_bits(colour)
    return np.ascontiguousarray(_turned(eight_bits, _orientation(exif))), exif


def _imdecode_quietly(data: bytes) -> NDArray[np.generic] | None:
    """Decode without OpenCV's own lines on stderr; the caller reports the error."""
    log = cv2.utils.logging
    level = log.getLogLevel()
    log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    finally:
        log.setLogLevel(level)


def _orientation(exif: PillowImage.Exif) -> int:
    value = exif.get(ExifTags.Base.Orientation, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _captured_at(exif: PillowImage.Exif) -> datetime | None:
    moment = _time_in(exif)
    return None if moment is None or moment.tzinfo is None else moment.astimezone(UTC)


def _written_time(path: Path) -> datetime | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with PillowImage.open(path) as picture:
                return _time_in(picture.getexif())
        except (OSError, SyntaxError, ValueError, EOFError, struct.error, PillowImage.DecompressionBombError):
            return None


def _time_in(exif: PillowImage.Exif) -> datetime | None:
    """The moment of exposure as EXIF has it: with an offset from UTC, or in the camera's unnamed time."""
    details = exif.get_ifd(ExifTags.IFD.Exif)
    written = str(details.get(ExifTags.Base.DateTimeOriginal, "")).strip("\0 ")
    offset = str(details.get(ExifTags.Base.OffsetTimeOriginal, "")).strip("\0 ")
    fraction = str(details.get(ExifTags.Base.SubsecTimeOriginal, "")).strip("\0 ")
    try:
        moment = datetime.strptime(f"{written}{offset}", "%Y:%m:%d %H:%M:%S%z" if offset else "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    if fraction.isdecimal():
        moment = moment.replace(microsecond=int(fraction[:6].ljust(6, "0")))
    return moment
