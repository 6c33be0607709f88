"""What became of a city's layers, feature by feature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as made

from shapely.geometry.base import BaseGeometry

from geo.zones.zone import Zone


@dataclass(frozen=True, kw_only=True)
class Remark:
    """What was found about one feature.

    Attributes:
        feature: Its number in the layer, from 1.
        code: Its code, empty if it has none.
        problem: What is wrong, or what was changed.
        remedy: What helps; empty where nothing must be done.
    """

    feature: int
    code: str
    problem: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class LayerReport:
    """What became of one layer.

    Attributes:
        file: Its file.
        layer: Its name.
        crs: Its coordinate system, for people.
        features: How many it has.
        taken: How many became zones, by kind.
        left_out: How many the map leaves out.
        mended: Zones whose geometry was changed.
        refused: Features that became none.
        told: What else is worth knowing.
        remarks: About the layer as a whole.
    """

    file: str
    layer: str
    crs: str
    features: int
    taken: Mapping[str, int] = made(default_factory=dict)
    left_out: int = 0
    mended: tuple[Remark, ...] = ()
    refused: tuple[Remark, ...] = ()
    told: tuple[Remark, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class ImportedZone:
    """A zone, and the geometry to be written for it (the line of a road, where the zone is its strip)."""

    zone: Zone
    drawn: BaseGeometry
    layer: str
    feature: int


@dataclass(frozen=True, kw_only=True, eq=False)
class ImportedLayer:
    """The zones of one layer, and what became of its features."""

    zones: tuple[ImportedZone, ...]
    report: LayerReport
