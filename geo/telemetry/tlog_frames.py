"""The records of a MAVLink telemetry log (.tlog): a time stamp, then one MAVLink packet, over and over.

Only packets of wanted messages are decoded, by pymavlink, which checks their sums; the others are stepped over. Bytes
that are no record are counted, and reading goes on at the next record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as dialect

Message = Any  # pymavlink's messages carry no types

_STAMP = 8
# Packet start, bytes before and after the payload, and where the message's number stands.
_V1, _V2 = 0xFE, 0xFD
_V1_AROUND, _V2_AROUND, _SIGNATURE = 8, 12, 13
_SIGNED = 0x01
# Ground stations stamp microseconds since 1970; a log is of these years or is none.
_FIRST_US, _LAST_US = 946_684_800_000_000, 4_102_444_800_000_000


@dataclass(frozen=True, kw_only=True)
class Stamped:
    """One message: when the ground station wrote it, seconds since 1970; who sent it; and the message."""

    stamp_s: float
    system: int
    name: str
    message: Message


@dataclass(kw_only=True)
class Tally:
    """Records met, bytes that are none, and wanted packets whose checksum is wrong."""

    records: int = 0
    stray_bytes: int = 0
    damaged: int = 0


def looks_like_tlog(head: bytes) -> bool:
    """Whether bytes begin like a telemetry log: some records in a row."""
    at = _next_record(head, 0, rows=2)
    return at is not None and at < 512


def messages_in(data: bytes, wanted: frozenset[str], tally: Tally) -> Iterator[Stamped]:
    """The wanted messages of a log, in its order."""
    numbers = {getattr(dialect, f"MAVLINK_MSG_ID_{name}") for name in wanted}
    decoder = dialect.MAVLink(None)
    at = 0
    while at + _STAMP < len(data):
        end = _record_end(data, at)
        if end is None:
            following = _next_record(data, at + 1)
            if following is None:
                break
            tally.stray_bytes += following - at
            at = following
            continue
        tally.records += 1
        number = _number(data, at + _STAMP)
        if number in numbers:
            try:
                message = decoder.decode(bytearray(data[at + _STAMP : end]))
            except dialect.MAVError:
                tally.damaged += 1
            else:
                yield Stamped(
                    stamp_s=int.from_bytes(data[at : at + _STAMP], "big") / 1e6,
                    system=message.get_srcSystem(),
                    name=message.get_type(),
                    message=message,
                )
        at = end
    tally.stray_bytes += len(data) - at


def _record_end(data: bytes, at: int) -> int | None:
    """Where the record that begins here ends; None where none does."""
    start = at + _STAMP
    if start + 3 > len(data) or not _FIRST_US <= int.from_bytes(data[at:start], "big") <= _LAST_US:
        return None
    if data[start] == _V1:
        end = start + _V1_AROUND + data[start + 1]
    elif data[start] == _V2:
        end = start + _V2_AROUND + data[start + 1] + (_SIGNATURE if data[start + 2] & _SIGNED else 0)
    else:
        return None
    return end if end <= len(data) else None


def _next_record(data: bytes, at: int, *, rows: int = 1) -> int | None:
    """Where the next record begins that is followed by `rows` more, or by the end."""
    for start in range(at, len(data) - _STAMP):
        if data[start + _STAMP] not in (_V1, _V2):
            continue
        end = _record_end(data, start)
        left = rows
        while end is not None and end < len(data) and left:
            end, left = _record_end(data, end), left - 1
        if end is not None:
            return start
    return None


def _number(data: bytes, start: int) -> int:
    if data[start] == _V1:
        return data[start + 5]
    return int.from_bytes(data[start + 7 : start + 10], "little")
