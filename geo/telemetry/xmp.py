"""XMP packets of drone photos: a flat dictionary of what the drone's maker wrote, whatever way it is spelt."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

_DRONE_NAMESPACE = re.compile(r"\{[^}]*(drone-dji|/drone)[^}]*\}", re.IGNORECASE)
_PACKET = re.compile(rb"<x:xmpmeta.*?</x:xmpmeta>|<rdf:RDF.*?</rdf:RDF>", re.DOTALL)
_LOOSE = re.compile(r"drone-dji:(\w+)\s*=\s*\"([^\"]*)\"|<drone-dji:(\w+)>([^<]*)<")

# As the drones write them, and as they should be.
_MISSPELT = {"GpsLongtitude": "GpsLongitude", "GPSLongtitude": "GpsLongitude", "Longtitude": "GpsLongitude"}


@dataclass(frozen=True, kw_only=True)
class Xmp:
    """The drone's own entries of an XMP packet, by local name, as written; and flags about the reading."""

    entries: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()

    def number(self, name: str) -> float | None:
        """That entry as a finite number (a leading '+' is fine), or None."""
        text = self.entries.get(name)
        if text is None:
            return None
        try:
            number = float(text.strip())
        except ValueError:
            return None
        return number if math.isfinite(number) else None


def read_xmp(packet: bytes | str | None) -> Xmp:
    """The drone's entries of one packet; empty where there is none."""
    if not packet:
        return Xmp()
    raw = packet.encode() if isinstance(packet, str) else bytes(packet)
    found = _PACKET.search(raw)
    if found is None:
        return Xmp(flags=("xmp_unreadable",))
    try:
        return Xmp(entries=_entries(fromstring(found.group())))
    except DefusedXmlException:
        return Xmp(flags=("xmp_unreadable",))
    except ParseError:
        # Some editors drop the namespace's declaration; the entries themselves are still there to read.
        loose = _LOOSE.findall(found.group().decode("utf-8", errors="replace"))
        entries = {_name(a or c): (b or d).strip() for a, b, c, d in loose}
        return Xmp(entries=entries, flags=("xmp_repaired" if entries else "xmp_unreadable",))


def _entries(root: Element) -> dict[str, str]:
    entries: dict[str, str] = {}
    for element in root.iter():
        for name, value in element.attrib.items():
            if _DRONE_NAMESPACE.match(name):
                entries[_name(name)] = value.strip()
        if _DRONE_NAMESPACE.match(element.tag) and element.text and element.text.strip():
            entries[_name(element.tag)] = element.text.strip()
    return entries


def _name(tag: str) -> str:
    local = tag.rsplit("}", 1)[-1]
    return _MISSPELT.get(local, local)
