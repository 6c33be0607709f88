"""Reading packets, around what PyAV leaves open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream


def demuxed(container: InputContainer, streams: Sequence[Stream]) -> Iterator[Packet[Any]]:
    """Give the packets of some streams; ends where the file or the connection does.

    Args:
        container: An opened container.
        streams: Streams of it.

    Raises:
        FFmpegError: If a stretch is damaged (reading may go on), or the connection failed.
    """
    try:
        yield from container.demux(list(streams))
    except IndexError:
        # A damaged transport stream can announce new streams in its middle; at its end PyAV stumbles over them.
        return
