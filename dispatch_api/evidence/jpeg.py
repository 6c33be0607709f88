"""JPEG files without what cameras and programs write beside the pixels: places, serial numbers, embedded thumbnails."""

from __future__ import annotations

_START, _SCAN, _END = 0xD8, 0xDA, 0xD9
_COMMENT = 0xFE
_APPLICATION = range(0xE0, 0xF0)
_NEEDED = frozenset({0xE0, 0xEE})
"""JFIF and Adobe segments: without these some readers take the colours for others."""


def without_metadata(jpeg: bytes) -> bytes:
    """The same picture without EXIF, XMP, comments and whatever follows its end; pixels are not coded anew.

    Args:
        jpeg: A JPEG file, whole.

    Returns:
        The file without application segments, save those that tell how colours are stored, and without comments.

    Raises:
        ValueError: It is no JPEG, or it ends within its header.
    """
    if jpeg[:2] != bytes((0xFF, _START)):
        raise ValueError("it is no JPEG")
    kept, at = [jpeg[:2]], 2
    while True:
        if at + 4 > len(jpeg) or jpeg[at] != 0xFF:
            raise ValueError("the JPEG ends within its header")
        marker = jpeg[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker == _SCAN:
            return b"".join(kept) + _scans(jpeg[at:])
        after = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if not (marker == _COMMENT or (marker in _APPLICATION and marker not in _NEEDED)):
            kept.append(jpeg[at:after])
        at = after


def _scans(rest: bytes) -> bytes:
    """The coded picture up to its last end mark but no further than the first that ends it."""
    end = rest.find(bytes((0xFF, _END)))
    return rest if end < 0 else rest[: end + 2]
