"""Addresses of live streams, and what of them may be shown."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urlsplit

from vision.errors import StreamError

SCHEMES = frozenset({"rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "srt"})

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_HARMLESS = frozenset(
    {
        "channel",
        "latency",
        "mode",
        "play_count",
        "profile",
        "stream",
        "subtype",
        "track",
        "trackid",
        "unicast",
    }
)
_HIDDEN = "***"
_SECRET_IN_PATH = re.compile(r"((?:password|passwd|pwd|user|username|token|secret|key)=)[^_&/;?]*", re.IGNORECASE)
"""Some cameras want user and password in the path: /user=admin_password=x_channel=1.sdp."""


def scheme_of(place: str) -> str | None:
    """The scheme of an address, lower case; None if it has none, as a path."""
    found = _SCHEME.match(place)
    return found[1].lower() if found else None


def with_plain_scheme(address: str) -> str:
    """The same address with its scheme in lower case: FFmpeg knows no `RTSP://`."""
    scheme = scheme_of(address)
    return address if scheme is None else f"{scheme}{address[len(scheme) :]}"


def without_credentials(address: str) -> str:
    """Make an address that may be logged, shown and stored.

    User name and password are taken out, also where they were not percent-encoded as they should be, and the values of
    query parameters that are not known to be harmless are hidden: keys and passphrases travel there.

    Args:
        address: Scheme, `://`, and the rest.

    Returns:
        The address without secrets; the same for the same stream.
    """
    found = _SCHEME.match(address)
    if found is None:
        return address
    rest = address[found.end() :]
    before_query, mark, query = rest.partition("?")
    if "@" in query and not _is_host(before_query.partition("/")[0]):
        before_query, mark, query = rest.rpartition("@")[2].partition("?")
    # Whatever stands before the last @ may be part of a password, so it goes, even if it was a path.
    shown = _SECRET_IN_PATH.sub(rf"\1{_HIDDEN}", before_query.rpartition("@")[2].partition("#")[0])
    return f"{found[1].lower()}://{shown}{mark}{_shown_query(query)}"


def check_address(address: str) -> None:
    """Refuse what can never be a live stream's address, so that nobody waits for it for ever.

    Args:
        address: Scheme, `://`, and the rest.

    Raises:
        StreamError: If the scheme is of no kind that can be read, no host or an impossible port is named, or there are
            blanks or control characters in it.
    """
    shown = without_credentials(address)
    if scheme_of(address) not in SCHEMES:
        raise StreamError(shown, "is no stream that can be read", f"use one of {', '.join(sorted(SCHEMES))}")
    if any(sign <= " " or sign == "\x7f" for sign in address):
        raise StreamError(shown.split()[0], "holds blanks or control characters", "write them percent-encoded")
    try:
        parts = urlsplit(shown)
        if parts.hostname and (parts.port is None or parts.port > 0):
            return
    except ValueError:
        pass
    raise StreamError(shown, "names no host, or an impossible port", "write scheme://host:port/path")


def _is_host(authority: str) -> bool:
    return re.fullmatch(r"(\[[0-9a-fA-F:.%]+\]|[^:@]+)?(:\d{1,5})?", authority) is not None


def _shown_query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    return urlencode([(name, value if name.lower() in _HARMLESS else _HIDDEN) for name, value in pairs], safe="*/")
