"""`ZoneDesk`: the zones file, kept so that the map can show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from dispatch_api.errors import InvalidRequest
from dispatch_api.store import Store
from dispatch_api.store.feed import append_feed
from dispatch_api.store.schema import zone
from dispatch_api.store.times import utc_now


class ZoneDesk:
    """Keeps the zones of a city as they were last handed in."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def replace(self, features: Sequence[dict[str, Any]]) -> None:
        """Put these GeoJSON features in the place of all zones.

        Raises:
            InvalidRequest: One of them has no geometry, or no `kind` and `code`; nothing is changed.
        """
        rows = [_row(number, feature) for number, feature in enumerate(features)]
        self._store.write(lambda connection: self._replace(connection, rows))

    def _replace(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        connection.execute(delete(zone))
        if rows:
            connection.execute(insert(zone), list(rows))
        data = {"zones": len(rows)}
        append_feed(connection, kind="zones.changed", at=utc_now(), departments=None, data=data)


def _row(number: int, feature: dict[str, Any]) -> dict[str, Any]:
    properties = feature.get("properties") or {}
    if not feature.get("geometry") or not properties.get("kind") or not properties.get("code"):
        raise InvalidRequest(
            field=f"zones[{number}]", problem="a zone needs a geometry and the properties kind and code"
        )
    shown = {"type": "Feature", "geometry": feature["geometry"], "properties": properties}
    return {"kind": properties["kind"], "code": str(properties["code"]), "feature": shown}


def zone_features(connection: Connection) -> dict[str, Any]:
    """Every zone as a feature collection."""
    features = connection.execute(select(zone.c.feature).order_by(zone.c.zone_id)).scalars().all()
    return {"type": "FeatureCollection", "features": list(features)}
