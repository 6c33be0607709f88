"""What is asked of a collection, and what it gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import shapely
from shapely.geometry import shape

from dispatch_api.accounts.model import Account
from dispatch_api.boxes import Box
from dispatch_api.cases.matters import Matters

T = TypeVar("T")
Feature = dict[str, Any]
Span = tuple[datetime | None, datetime | None]
MOST_MATCHED = 1000
"""Where nothing is counted beforehand, so many items are counted at most."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Where a page begins.

    Attributes:
        after: It follows the item of this cursor.
        before: It ends before the item of this cursor.
        skip: It follows so many items.
    """

    after: str | None = None
    before: str | None = None
    skip: int = 0

    @property
    def is_first(self) -> bool:
        """Whether nothing can lie before it."""
        return self == Turn()


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which items are asked for, by whom.

    Attributes:
        account: Who asks.
        matters: For names.
        box: Only what meets it; None for anywhere.
        span: Only what has to do with a time between these; None for an open end, and for any time.
        key: Only the item of this id.
        limit: At most so many.
        turn: Where the page begins.
    """

    account: Account
    matters: Matters
    box: Box | None = None
    span: Span | None = None
    key: str | None = None
    limit: int = 1
    turn: Turn = Turn()


@dataclass(frozen=True, kw_only=True)
class Found:
    """A page of items.

    Attributes:
        features: The items.
        matched: How many there are altogether; None where they are too many to be looked at for that.
        before: The cursor to what lies before; None where nothing does.
        after: The cursor to what follows; None where nothing does.
    """

    features: Sequence[Feature]
    matched: int | None
    before: str | None = None
    after: str | None = None


def cut(rows: Sequence[T], wanted: Wanted) -> tuple[Sequence[T], bool, bool]:
    """A page of rows that were read in its direction, one more than asked where there is more.

    Returns:
        The rows in the order of the collection, whether something lies before them, and whether something follows.
    """
    backwards, more = wanted.turn.before is not None, len(rows) > wanted.limit
    page = list(rows[: wanted.limit])
    if backwards:
        return page[::-1], more, bool(page)
    return page, bool(page) and not wanted.turn.is_first, more


def meets(geometry: Feature | None, box: Box | None) -> bool:
    """Whether a GeoJSON geometry meets a box."""
    if box is None:
        return True
    return geometry is not None and any(shape(geometry).intersects(shapely.box(*part)) for part in box.parts())


def point(key: int | str, lon: float, lat: float, properties: Feature) -> Feature:
    """A GeoJSON feature at a place."""
    return feature(key, {"type": "Point", "coordinates": [lon, lat]}, properties)


def feature(key: int | str, geometry: Feature | None, properties: Feature) -> Feature:
    """A GeoJSON feature."""
    return {"type": "Feature", "id": key, "geometry": geometry, "properties": properties}
