"""Width and height of a picture as displayed, without decoding it."""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import ExifTags, Image, UnidentifiedImageError

_SIDEWAYS = (5, 6, 7, 8)


def upright_size(path: Path) -> tuple[int, int] | None:
    """Return width and height by the file's header, turned as its EXIF orientation says; None if it is no picture."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # damaged tags and many pixels are not this function's matter
        try:
            with Image.open(path) as picture:
                turned = picture.getexif().get(ExifTags.Base.Orientation, 1) in _SIDEWAYS
                width, height = picture.size
        except (OSError, UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError):
            return None
    return (height, width) if turned else (width, height)
