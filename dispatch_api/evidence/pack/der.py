"""Certificates of a time-stamp response in the order that strict readers ask for.

DER sorts the elements of a SET; widespread authorities send their certificates as they come, and the reader used here
takes none of those. The certificates are no part of what is signed, so sorting them changes nothing that is checked.
"""

from __future__ import annotations

_SEQUENCE, _CERTIFICATES = 0x30, 0xA0


def with_sorted_certificates(response: bytes) -> bytes:
    """The same time-stamp response with its certificates sorted; what has another form is given back as it is."""
    try:
        start, end = _certificates(response)
        elements = []
        at = start
        while at < end:
            after = _value(response, at)[1]
            elements.append(response[at:after])
            at = after
    except (IndexError, ValueError):
        return response
    return response[:start] + b"".join(sorted(elements)) + response[end:]


def _certificates(response: bytes) -> tuple[int, int]:
    """From where to where the certificates lie: TimeStampResp > token > content [0] > SignedData > certificates [0]."""
    _, token = _children(response, 0, _SEQUENCE)[:2]
    content = _children(response, token, _SEQUENCE)[1]
    signed_data = _children(response, content, _CERTIFICATES)[0]
    for at in _children(response, signed_data, _SEQUENCE):
        if response[at] == _CERTIFICATES:
            return _value(response, at)
    raise ValueError("it carries no certificates")


def _children(data: bytes, at: int, tag: int) -> list[int]:
    """Where the elements inside an element begin."""
    if data[at] != tag:
        raise ValueError("another element was expected")
    start, end = _value(data, at)
    found = []
    while start < end:
        found.append(start)
        start = _value(data, start)[1]
    return found


def _value(data: bytes, at: int) -> tuple[int, int]:
    """From where to where the value of the element lies that begins at `at`."""
    first = data[at + 1]
    if first < 0x80:
        start, length = at + 2, first
    else:
        size = first & 0x7F
        if not 0 < size <= 4:
            raise ValueError("its length is not definite")
        start, length = at + 2 + size, int.from_bytes(data[at + 2 : at + 2 + size], "big")
    if start + length > len(data):
        raise ValueError("it ends within an element")
    return start, start + length
