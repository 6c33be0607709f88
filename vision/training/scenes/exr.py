"""Reads the uncompressed many-channel EXR files that Blender writes; OpenCV reads no more than four channels."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision.training.scenes.errors import RenderError

_SAMPLES = {1: np.dtype("<f2"), 2: np.dtype("<f4")}


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(b"\0", at)
    return data[at:end].decode(), end + 1


def read_exr(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return each channel by its name, (height, width) float32, row 0 at the top.

    Raises:
        RenderError: The file is no uncompressed scan-line EXR of float channels.
    """
    data = path.read_bytes()
    if data[:4] != b"v/1\x01":
        raise RenderError(path, "is no EXR file")
    at, header = 8, {}
    while data[at] != 0:
        name, at = _text(data, at)
        _, at = _text(data, at)
        (size,) = struct.unpack_from("<i", data, at)
        header[name] = data[at + 4 : at + 4 + size]
        at += 4 + size
    if header["compression"] != b"\0":
        raise RenderError(path, "is compressed")
    left, top, right, bottom = struct.unpack("<4i", header["dataWindow"])
    width, height = right - left + 1, bottom - top + 1
    fields, row = [("y", "<i4"), ("size", "<i4")], header["channels"]
    position = 0
    while row[position] != 0:
        name, position = _text(row, position)
        (kind,) = struct.unpack_from("<i", row, position)
        if kind not in _SAMPLES:
            raise RenderError(path, f"holds the channel {name} in another form than float")
        fields.append((name, (_SAMPLES[kind], (width,))))  # type: ignore[arg-type]
        position += 16
    lines = np.frombuffer(data, np.dtype(fields), count=height, offset=at + 1 + 8 * height)
    return {name: np.ascontiguousarray(lines[name], np.float32) for name, *_ in fields[2:]}
