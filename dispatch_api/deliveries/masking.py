"""A URL as it may be shown: a group robot's key stands in it, and whoever reads it could speak to the whole group."""

from __future__ import annotations

from urllib.parse import urlsplit

_MASK = "***"
_LONGEST_PLAIN = 15


def masked(url: str) -> str:
    """The URL without what may be secret: values of its query, and long pieces of its path.

    Host and scheme stay, for they tell people which receiver it is; a `mailto:` keeps the domain of each address.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return _MASK
    if parts.scheme == "mailto":
        return "mailto:" + ",".join(_masked_address(address) for address in parts.path.split(","))
    path = "/".join(_MASK if len(piece) > _LONGEST_PLAIN else piece for piece in parts.path.split("/"))
    names = [pair.partition("=")[0] for pair in parts.query.split("&") if pair]
    query = "?" + "&".join(f"{name if len(name) <= _LONGEST_PLAIN else _MASK}={_MASK}" for name in names)
    at_port = "" if port is None else f":{port}"
    shown = f"[{host}]" if host and ":" in host else host
    return f"{parts.scheme}://{shown}{at_port}{path}{query if names else ''}"


def _masked_address(address: str) -> str:
    name, _, domain = address.partition("@")
    return f"{name[:1]}{_MASK}@{domain}"
