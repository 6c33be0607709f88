"""MISB ST 0601 packets: cut out of bytes, checked, and read into figures.

A packet that is cut short, has a wrong checksum, or lengths that do not add up is counted and gives nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from geo.telemetry.klv_tags import CHECKSUM, KEY, TAGS, TIME_US

_MOST_LENGTH_BYTES = 4


@dataclass(frozen=True, kw_only=True)
class Packet:
    """One local set.

    Attributes:
        number: Its place in the file or stream, from 1.
        figures: By the names of `TAGS`.
        time_us: Microseconds since 1970, UTC; None where it tells none.
        media_time_s: When it came, on the clock of the video that carries it; None for a file of bare packets.
        unread: Numbers of the tags that are there and are not read.
    """

    number: int
    figures: dict[str, float]
    time_us: int | None
    media_time_s: float | None = None
    unread: frozenset[int] = frozenset()


@dataclass(kw_only=True)
class Tally:
    """What was met beside whole packets.

    Attributes:
        checksum: Packets whose checksum is wrong: not used.
        unchecked: Packets without a checksum, which the standard demands: used, since their lengths add up.
        cut_short: Packets that end before their length, or whose parts do not add up.
        other_keys: Packets of other standards, which are passed over.
        stray_bytes: Bytes between packets.
    """

    checksum: int = 0
    unchecked: int = 0
    cut_short: int = 0
    other_keys: int = 0
    stray_bytes: int = 0
    unread: set[int] = field(default_factory=set)


def packets_in(data: bytes, tally: Tally) -> Iterator[Packet]:
    """The packets of a file or of one piece of a stream."""
    yield from packets_of(((None, data),), tally)


def packets_of(pieces: Iterable[tuple[float | None, bytes]], tally: Tally) -> Iterator[Packet]:
    """The packets of pieces of a stream, each with its media time."""
    number = 0
    for media_time_s, data in pieces:
        end = 0
        begin = data.find(KEY[:4])
        while begin >= 0:
            tally.stray_bytes += max(begin - end, 0)
            number += data.startswith(KEY, begin)
            packet, end = _packet(number, data, begin, media_time_s, tally)
            if packet is not None:
                yield packet
            begin = data.find(KEY[:4], end)
        tally.stray_bytes += max(len(data) - end, 0)


def _packet(
    number: int, data: bytes, begin: int, media_time_s: float | None, tally: Tally
) -> tuple[Packet | None, int]:
    """The packet that begins here, and where the search for the next one goes on.

    Behind a broken packet it goes on right after its key: a wrong length may have swallowed whole packets.
    """
    behind_key = begin + len(KEY)
    known = data.startswith(KEY, begin)
    length, at = _ber_length(data, behind_key)
    if length is None or at + length > len(data):
        tally.cut_short += known
        return None, behind_key
    if not known:
        tally.other_keys += 1
        return None, at + length
    head, value = data[begin:at], data[at : at + length]
    items = _items(value)
    if not items:
        tally.cut_short += 1
        return None, behind_key
    if items[-1][0] != CHECKSUM:
        tally.unchecked += 1
    elif not _checksum_holds(head, value, items[-1][1]):
        tally.checksum += 1
        return None, behind_key
    return _read(number, items, media_time_s, tally), at + length


def _read(number: int, items: list[tuple[int, bytes]], media_time_s: float | None, tally: Tally) -> Packet:
    figures: dict[str, float] = {}
    unread: set[int] = set()
    time_us = None
    for tag, data in items:
        known = TAGS.get(tag)
        if known is not None:
            figure = known.value(data)
            if figure is not None:
                figures[known.name] = figure
        elif tag == TIME_US and len(data) == 8:
            time_us = int.from_bytes(data, "big")
        elif tag != CHECKSUM:
            unread.add(tag)
    tally.unread |= unread
    return Packet(number=number, figures=figures, time_us=time_us, media_time_s=media_time_s, unread=frozenset(unread))


def _items(value: bytes) -> list[tuple[int, bytes]] | None:
    """Tags and their bytes; None where the lengths do not add up."""
    items = []
    at = 0
    while at < len(value):
        tag, at = _ber_oid(value, at)
        length, at = _ber_length(value, at)
        if tag is None or length is None or at + length > len(value):
            return None
        items.append((tag, value[at : at + length]))
        at += length
    return items


def _checksum_holds(head: bytes, value: bytes, told: bytes) -> bool:
    """Whether the last two bytes are the sum of all before them, as big-endian 16-bit words."""
    summed = head + value[:-2]
    total = 256 * sum(summed[::2]) + sum(summed[1::2])
    return len(told) == 2 and total & 0xFFFF == int.from_bytes(told, "big")


def _ber_length(data: bytes, at: int) -> tuple[int | None, int]:
    """A length in BER short or long form, and where what it counts begins."""
    if at >= len(data):
        return None, at
    first = data[at]
    if first < 0x80:
        return first, at + 1
    count = first & 0x7F
    if not 1 <= count <= _MOST_LENGTH_BYTES or at + 1 + count > len(data):
        return None, at + 1
    return int.from_bytes(data[at + 1 : at + 1 + count], "big"), at + 1 + count


def _ber_oid(data: bytes, at: int) -> tuple[int | None, int]:
    """A tag's number, seven bits a byte."""
    tag = 0
    while at < len(data):
        tag = tag << 7 | data[at] & 0x7F
        at += 1
        if data[at - 1] < 0x80:
            return tag, at
    return None, at
