"""EXIF of JPEG and TIFF by name, including what GDAL keeps of it when it rewrites a photo as TIFF."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import TiffImageFile

_XMP_TAG = 700
_GDAL_METADATA_TAG = 42112
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


class Exif:
    """EXIF entries by their standard names (`Make`, `GPSLatitude`, …); unreadable ones are absent."""

    def __init__(self, entries: Mapping[str, Any]) -> None:
        self._entries = dict(entries)

    def text(self, name: str) -> str | None:
        """That entry as stripped text, None where absent or empty."""
        value = self._entries.get(name)
        if isinstance(value, bytes):
            value = value.decode("ascii", errors="replace")
        text = str(value).replace("\x00", "").strip() if value is not None else ""
        return text or None

    def numbers(self, name: str) -> tuple[float, ...]:
        """That entry's finite numbers, in order; empty where absent or unreadable."""
        value = self._entries.get(name)
        if isinstance(value, str):
            parts: list[Any] = _NUMBER.findall(value)
        elif isinstance(value, tuple | list):
            parts = list(value)
        else:
            parts = [] if value is None or isinstance(value, bytes) else [value]
        numbers = [_finite(part) for part in parts]
        return tuple(n for n in numbers if n is not None) if None not in numbers else ()

    def number(self, name: str) -> float | None:
        """That entry's first number, None where there is none."""
        numbers = self.numbers(name)
        return numbers[0] if numbers else None


def read_exif(image: Image.Image) -> Exif:
    """EXIF of an opened picture, GPS and camera parts included."""
    entries = _gdal_entries(image)
    exif = image.getexif()
    parts = (
        (exif, ExifTags.TAGS),
        (exif.get_ifd(ExifTags.IFD.Exif), ExifTags.TAGS),
        (exif.get_ifd(ExifTags.IFD.GPSInfo), ExifTags.GPSTAGS),
    )
    for part, names in parts:
        entries.update({names[tag]: value for tag, value in part.items() if tag in names})
    return Exif(entries)


def xmp_packet(image: Image.Image) -> bytes | str | None:
    """The XMP packet of an opened picture: JPEG's APP1, or TIFF's tag 700."""
    packet = image.info.get("xmp")
    if packet is None and isinstance(image, TiffImageFile):
        packet = image.tag_v2.get(_XMP_TAG)
    return bytes(packet) if isinstance(packet, tuple) else packet


def _gdal_entries(image: Image.Image) -> dict[str, Any]:
    """EXIF that GDAL wrote as text, `(24) (40) (49.0)`, into its own TIFF tag."""
    if not isinstance(image, TiffImageFile) or _GDAL_METADATA_TAG not in image.tag_v2:
        return {}
    try:
        root = fromstring(str(image.tag_v2[_GDAL_METADATA_TAG]).strip("\x00"))
    except (ParseError, DefusedXmlException):
        return {}
    items = ((item.get("name", ""), item.text or "") for item in root.iter("Item"))
    renamed = {"EXIF_PixelXDimension": "ExifImageWidth", "EXIF_PixelYDimension": "ExifImageHeight"}
    return {renamed.get(name, name.removeprefix("EXIF_")): text for name, text in items if name.startswith("EXIF_")}


def _finite(value: Any) -> float | None:  # noqa: ANN401 - EXIF values are of any type
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if math.isfinite(number) else None
