"""Links that open a place in the web maps of AMap and Baidu: one of the two doors for shifted coordinates.

They are made when a page is asked for and never kept: what is stored stays WGS 84.
"""

from __future__ import annotations

from urllib.parse import urlencode

from geo.crs_cn import bd09_from_wgs84, gcj02_from_wgs84

_SOURCE = "flyonce"


def map_links(lon: float, lat: float, name: str) -> dict[str, str]:
    """Addresses by the map's name, `amap` and `baidu`, that show a mark at a place.

    Args:
        lon: Degrees east, WGS 84.
        lat: Degrees north.
        name: What to write beside the mark.
    """
    return {"amap": _amap(lon, lat, name), "baidu": _baidu(lon, lat, name)}


def _amap(lon: float, lat: float, name: str) -> str:
    shifted_lon, shifted_lat = gcj02_from_wgs84((lon, lat))[0]
    place = f"{shifted_lon:.6f},{shifted_lat:.6f}"
    query = urlencode(
        {"position": place, "name": name, "src": _SOURCE, "coordinate": "gaode", "callnative": 1}, safe=","
    )
    return f"https://uri.amap.com/marker?{query}"


def _baidu(lon: float, lat: float, name: str) -> str:
    shifted_lon, shifted_lat = bd09_from_wgs84((lon, lat))[0]
    # Latitude first, as Baidu wants it; BD-09 is its own system, in which nothing is shifted once more.
    place = f"{shifted_lat:.6f},{shifted_lon:.6f}"
    query = urlencode(
        {"location": place, "title": name, "content": name, "output": "html", "src": _SOURCE, "coord_type": "bd09ll"},
        safe=",",
    )
    return f"https://api.map.baidu.com/marker?{query}"
