"""Makes small videos whose pictures say which one they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

CELLS = 8
"""Bits of a picture's number, as a row of black and white cells along the top."""

TIME_BASE = Fraction(1, 90_000)


def numbered(number: int, size_wh_px: tuple[int, int] = (128, 96)) -> NDArray[np.uint8]:
    """A picture with its number written in cells across the upper half, red over blue below to tell turns apart."""
    width_px, height_px = size_wh_px
    image = np.zeros((height_px, width_px, 3), np.uint8)
    cell_px = width_px // CELLS
    for bit in range(CELLS):
        image[: height_px // 2, bit * cell_px : (bit + 1) * cell_px] = 255 * (number >> bit & 1)
    image[height_px // 2 :, : width_px // 2] = (0, 0, 200)
    image[height_px // 2 :, width_px // 2 :] = (200, 0, 0)
    return image


def number_of(image: NDArray[np.uint8]) -> int:
    """Read the number that `numbered` wrote."""
    height_px, width_px = image.shape[:2]
    cell_px = width_px // CELLS
    row = image[height_px // 4, :, 1]
    return sum((int(row[bit * cell_px + cell_px // 2]) > 127) << bit for bit in range(CELLS))


def write_film(
    path: Path,
    times_s: Iterable[float],
    *,
    codec: str = "libx264",
    gop: int = 8,
    b_frames: int = 0,
    size_wh_px: tuple[int, int] = (128, 96),
    first: int = 0,
    rotation_deg: int = 0,
    flip: bool = False,
    audio: bool = False,
    metadata: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    data: Sequence[tuple[float, bytes]] = (),
    message: Callable[[int], bytes] | None = None,
) -> Path:
    """Encode numbered pictures with the given times.

    `data` are packets of a KLV stream with their times; `message` gives the user data (UUID first) to be put before
    the n-th coded picture.
    """
    with av.open(str(path), "w", options=options or {}) as container:
        container.metadata.update(metadata or {})
        video = container.add_stream(codec, rate=25, options=_encoder_options(codec, gop, b_frames))
        video.width, video.height = size_wh_px
        video.pix_fmt = "yuv420p"
        video.time_base = video.codec_context.time_base = TIME_BASE
        if rotation_deg or flip:
            video.set_display_rotation(rotation_deg, hflip=flip)
        sound = container.add_stream("aac", rate=16_000) if audio else None
        klv = container.add_data_stream("klv") if data else None
        if sound is not None:
            container.mux(sound.encode(_silence()))
        packets: list[Any] = []
        for number, time_s in enumerate(times_s):
            picture = av.VideoFrame.from_ndarray(numbered(first + number, size_wh_px), format="bgr24")
            picture.pts, picture.time_base = round(time_s * 90_000), TIME_BASE
            packets += video.encode(picture)
        packets += video.encode()
        if message is not None:
            packets = [_with_message(packet, codec, message(at)) for at, packet in enumerate(packets)]
        for time_s, payload in data:
            packet = av.Packet(payload)
            packet.stream = klv
            packet.time_base = TIME_BASE
            packet.pts = packet.dts = round(time_s * 90_000)
            packets.append(packet)
        packets.sort(key=lambda packet: packet.dts * packet.time_base)
        container.mux(packets)
        if sound is not None:
            container.mux(sound.encode())
    return path


def steady(count: int, rate_hz: float = 25) -> list[float]:
    """Times of pictures at a fixed rate, from 0."""
    return [number / rate_hz for number in range(count)]


def encoded(times_s: Iterable[float], suffix: str = ".ts", **film: Any) -> bytes:
    """The bytes of a film, for tests that join or damage them."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return write_film(Path(folder) / f"film{suffix}", times_s, **film).read_bytes()


def _encoder_options(codec: str, gop: int, b_frames: int) -> dict[str, str]:
    if codec == "libx265":
        quiet = f"log-level=none:keyint={gop}:min-keyint={gop}:scenecut=0:bframes={b_frames}:pools=1"
        return {"preset": "ultrafast", "x265-params": quiet, "crf": "12"}
    if codec == "libx264":
        options = {"preset": "ultrafast", "g": str(gop), "bf": str(b_frames), "sc_threshold": "0", "crf": "12"}
        return options | {"threads": "1", "forced-idr": "1"}
    return {"g": str(gop)}


def _with_message(packet: Any, codec: str, message: bytes) -> Any:
    """The packet with a user-data-unregistered message before its picture."""
    header = b"\x06" if codec == "libx264" else b"\x4e\x01"
    size = b"\xff" * (len(message) // 255) + bytes([len(message) % 255])
    raw = b"\x05" + size + message + b"\x80"
    escaped = bytearray()
    for value in raw:
        if value <= 3 and escaped[-2:] == b"\0\0":
            escaped.append(3)
        escaped.append(value)
    longer = av.Packet(b"\0\0\0\1" + header + bytes(escaped) + bytes(packet))
    longer.stream, longer.time_base = packet.stream, packet.time_base
    longer.pts, longer.dts, longer.is_keyframe = packet.pts, packet.dts, packet.is_keyframe
    return longer


def _silence() -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.float32), format="fltp", layout="mono")
    frame.sample_rate, frame.pts = 16_000, 0
    return frame
