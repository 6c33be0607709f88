"""Telemetry that travels inside a video: KLV in data streams, user messages in H.264 and H.265."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from vision.sources.source import StreamData
from vision.sources.tally import Tally

_KLV_KEY_START = b"\x06\x0e\x2b\x34"
_KLV_KEY_BYTES = 16
_USER_DATA_UNREGISTERED = 5
_UUID_BYTES = 16
_ENCODERS = frozenset(
    {
        bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef"),  # x264
        bytes.fromhex("2ca2de09b51747dbbb55a4fe7fc2fc4e"),  # x265
    }
)
"""What user messages begin with in which an encoder tells its name and settings: no telemetry."""


@dataclass(frozen=True, kw_only=True)
class _Early:
    """A piece on its way, with its time stamp in the video's time base; None where it has none."""

    kind: Literal["klv", "sei"]
    payload: bytes
    stamp: int | None
    received_at: datetime | None


def data_streams(container: InputContainer) -> list[Stream]:
    """The streams of a container that may carry KLV."""
    return [stream for stream in container.streams if stream.type == "data"]


class EmbeddedData:
    """Hands on the telemetry of one opened container."""

    def __init__(
        self,
        video: VideoStream,
        on_data: Callable[[StreamData], None],
        tally: Tally,
        time_of: Callable[[int], float | None],
    ) -> None:
        """Make ready.

        Args:
            video: The video stream, whose time base is that of `time_of`.
            on_data: Gets each piece.
            tally: Gets counts of damaged pieces.
            time_of: Gives `media_time_s` for a time stamp in the video's time base; None as long as no picture has
                tied the two: what comes by then is handed on afterwards.
        """
        self._video = video
        self._on_data = on_data
        self._tally = tally
        self._time_of = time_of
        codec = video.codec_context
        self._read_sei = _SEI_READERS.get(codec.name)
        self._length_bytes = _nal_length_bytes(codec.name, codec.extradata or b"")
        self._last_s = 0.0
        self._early: deque[_Early] = deque()

    def feed(self, packet: Packet[Any], *, received_at: datetime | None) -> None:
        """Hand on what a packet carries.

        Args:
            packet: A packet of the video or of a data stream.
            received_at: When it arrived, aware UTC, if it came over a network.
        """
        kind: Literal["klv", "sei"] = "sei" if packet.stream_index == self._video.index else "klv"
        pieces = self._sei(bytes(packet)) if kind == "sei" else self._klv(bytes(packet))
        stamp = self._stamp(packet)
        for payload in pieces:
            self._early.append(_Early(kind=kind, payload=payload, stamp=stamp, received_at=received_at))
        self._hand_on_timed()
        if kind == "sei" and stamp is not None:
            time_s = self._time_of(stamp)
            self._last_s = self._last_s if time_s is None else time_s

    def finish(self) -> None:
        """Hand on what still waits for a picture, with the latest time that there was."""
        while self._early:
            self._hand_on(self._early.popleft(), self._last_s)

    def _hand_on_timed(self) -> None:
        while self._early:
            first = self._early[0]
            # Telemetry that is not tied to pictures by time stamps belongs to those that it travels beside.
            time_s = self._last_s if first.stamp is None else self._time_of(first.stamp)
            if time_s is None:
                return
            self._hand_on(self._early.popleft(), time_s)

    def _hand_on(self, piece: _Early, time_s: float) -> None:
        self._on_data(
            StreamData(kind=piece.kind, payload=piece.payload, media_time_s=time_s, received_at=piece.received_at)
        )

    def _stamp(self, packet: Packet[Any]) -> int | None:
        """A packet's time stamp in the video's time base."""
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None or packet.time_base is None or self._video.time_base is None:
            return None
        return round(stamp * packet.time_base / self._video.time_base)

    def _klv(self, data: bytes) -> Iterator[bytes]:
        if _KLV_KEY_START not in data:
            return
        packets, whole = klv_packets(data)
        if not whole:
            self._tally.count("corrupt")
        yield from packets

    def _sei(self, data: bytes) -> Iterator[bytes]:
        if self._read_sei is None:
            return
        for nal in nal_units(data, self._length_bytes):
            yield from self._read_sei(nal)


def klv_packets(data: bytes) -> tuple[list[bytes], bool]:
    """Cut a data stream's packet into KLV packets.

    Args:
        data: One access unit; headers between KLV packets (MISB ST 1402) are passed over.

    Returns:
        Whole KLV packets, each key, length and value; and whether none was cut short.
    """
    found: list[bytes] = []
    begin = data.find(_KLV_KEY_START)
    while begin >= 0:
        end = _klv_end(data, begin + _KLV_KEY_BYTES)
        if end is None or end > len(data):
            return found, False
        found.append(data[begin:end])
        begin = data.find(_KLV_KEY_START, end)
    return found, True


def _klv_end(data: bytes, at: int) -> int | None:
    """Where the value ends whose BER length is at `at`; None when the length itself is cut short."""
    if at >= len(data):
        return None
    first = data[at]
    if first < 0x80:
        return at + 1 + first
    length_bytes = first & 0x7F
    if not 1 <= length_bytes <= 8 or at + 1 + length_bytes > len(data):
        return None
    return at + 1 + length_bytes + int.from_bytes(data[at + 1 : at + 1 + length_bytes], "big")


def nal_units(data: bytes, length_bytes: int) -> Iterator[bytes]:
    """Cut a video packet into NAL units.

    Args:
        data: A packet of H.264 or H.265.
        length_bytes: Size of the length before each unit, as in MP4; 0 for start codes, as in a transport stream.

    Yields:
        Each unit with its header, without start code or length; a unit that is cut short ends the packet.
    """
    if not length_bytes:
        yield from _units_after_start_codes(data)
        return
    at = 0
    while at + length_bytes <= len(data):
        size = int.from_bytes(data[at : at + length_bytes], "big")
        at += length_bytes
        if at + size > len(data):
            return
        if size:
            yield data[at : at + size]
        at += size


def _units_after_start_codes(data: bytes) -> Iterator[bytes]:
    begin = data.find(b"\0\0\1")
    while begin >= 0:
        following = data.find(b"\0\0\1", begin + 3)
        unit = data[begin + 3 : following if following >= 0 else len(data)].rstrip(b"\0")
        if unit:
            yield unit
        begin = following


def _nal_length_bytes(codec: str, extradata: bytes) -> int:
    at = {"h264": 4, "hevc": 21}.get(codec)
    if at is None or len(extradata) <= at or extradata[0] != 1:
        return 0
    return (extradata[at] & 3) + 1


def _sei_of_h264(nal: bytes) -> Iterator[bytes]:
    if nal[0] & 0x1F == 6:
        yield from _user_messages(nal[1:])


def _sei_of_h265(nal: bytes) -> Iterator[bytes]:
    if (nal[0] >> 1) & 0x3F in (39, 40):
        yield from _user_messages(nal[2:])


_SEI_READERS: dict[str, Callable[[bytes], Iterator[bytes]]] = {"h264": _sei_of_h264, "hevc": _sei_of_h265}


def _user_messages(escaped: bytes) -> Iterator[bytes]:
    data = _without_emulation_prevention(escaped)
    at = 0
    while at + 2 <= len(data) and data[at:] != b"\x80":
        kind, at = _summed_bytes(data, at)
        size, at = _summed_bytes(data, at)
        payload = data[at : at + size]
        if len(payload) < size:
            return
        if kind == _USER_DATA_UNREGISTERED and size >= _UUID_BYTES and payload[:_UUID_BYTES] not in _ENCODERS:
            yield payload
        at += size


def _without_emulation_prevention(escaped: bytes) -> bytes:
    return escaped.replace(b"\0\0\3", b"\0\0")


def _summed_bytes(data: bytes, at: int) -> tuple[int, int]:
    """Read a number written as bytes to be added up, the last of them below 255; give it and what follows."""
    total = 0
    while at < len(data) and data[at] == 0xFF:
        total += 255
        at += 1
    if at >= len(data):
        return total, at
    return total + data[at], at + 1
