"""What lies where: a city's own areas, and how surely a place with its error lies in each.

`Zones` answers for places, `zone` is one area; `features` reads the zones file strictly; `layers`, `layer_map`,
`mending` and `importing` bring a city's own files into that form.
"""

from geo.zones.lookup import Zones
from geo.zones.zone import LINE_KINDS, ZONE_KINDS, Zone, ZoneHit

__all__ = ["LINE_KINDS", "ZONE_KINDS", "Zone", "ZoneHit", "Zones"]
