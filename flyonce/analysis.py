"""Opening what an analysis works with, from settings and files; a bad file is refused before the store is touched."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shapely.geometry import mapping

from dispatch_api.cases.intake import Intake
from dispatch_api.cases.known import KnownCases
from dispatch_api.cases.looked_again import LookedAgain
from dispatch_api.cases.matters import load_matters
from dispatch_api.departments.model import load_departments
from dispatch_api.departments.routing import load_routing
from dispatch_api.flights import FlightDesk, ZoneDesk
from dispatch_api.store import open_store
from dispatch_api.store.url import store_place
from dispatch_api.verdicts.service import VerdictDesk
from flyonce.clean_looks import CleanLooks
from flyonce.flown_coverage import sight_of
from flyonce.near_threshold import KnownModels, NearThreshold, doubts_of
from flyonce.rules_file import load_interpretation
from flyonce.settings import Settings
from flyonce.tools import Tools
from geo.errors import GeoError
from geo.ground import Ground
from geo.identity import load_rules
from geo.telemetry.photo import read_photo
from geo.zones import Zones
from vision.detections import LABELS
from vision.model_card import CARD_FILE, read_card
from vision.onnx_detector import load_detectors

_BEYOND_TRIED = 1.5


@contextmanager
def open_tools(
    store_url: str,
    *,
    settings: Settings,
    zones: Zones | None,
    ground: Ground,
    models: Path | None = None,
    interpretation: Path | None = None,
    matters: Path | None = None,
    departments: Path | None = None,
    routing: Path | None = None,
    identity: Path | None = None,
) -> Iterator[Tools]:
    """Everything an analysis works with; the store is opened last (a new one is made) and closed at the end.

    Raises:
        ModelError: A model is missing or broken.
        RulesError: The interpretation rules cannot be used.
        InputFileError: The rules of identity cannot be used.
        ConfigurationError: Matters, departments or routing rules cannot be used.
        StoreError: The store cannot be opened.
    """
    models_dir = models or settings.models_dir
    cards = KnownModels.of(models_dir)
    detector = NearThreshold(
        load_detectors(models_dir, engine=settings.engine, workers=settings.workers, doubts=doubts_of),
        cards,
    )
    known_matters, known_departments = load_matters(matters), load_departments(departments)
    rules = load_interpretation(
        interpretation, labels=_labels_of(models or settings.models_dir), matters=known_matters.by_key
    )
    same = load_rules(identity)
    routes = load_routing(routing, matters=known_matters, departments=known_departments)
    coverage_dir = store_place(store_url).coverage_dir
    with open_store(store_url, create=True) as store:
        if zones is not None:
            ZoneDesk(store).replace(zone_features(zones))
        yield Tools(
            detector=detector,
            ground=ground,
            interpretation=rules,
            intake=Intake(
                store,
                known_matters,
                routes,
                identity=same,
                looked_clean=CleanLooks(coverage_dir, least_looks=same.clean_look_pictures),
            ),
            flights=FlightDesk(store),
            verdicts=VerdictDesk(store),
            near=detector,
            zones=zones,
            sights=tuple(sight_of(card, beyond_tried=_BEYOND_TRIED) for card in cards.each),
            coverage_dir=coverage_dir,
            looked_again=LookedAgain(store, known_matters),
            known=KnownCases(store, known_matters, identity=same),
            coarsest_resolution_m=_usable_m(cards.coarsest_resolution_m),
            identity=same,
            time_zone=known_matters.calendar.time_zone,
        )


def _usable_m(coarsest_seen_m: float | None) -> float | None:
    """A model works somewhat beyond the coarsest pictures that it was tried on; None where nothing was tried."""
    return None if coarsest_seen_m is None else _BEYOND_TRIED * coarsest_seen_m


def _labels_of(models_dir: Path) -> frozenset[str]:
    """Every label that can come out of the models, and those that this product has names for."""
    cards = (read_card(path.parent) for path in sorted(models_dir.glob(f"*/{CARD_FILE}")))
    return frozenset(LABELS).union(*(card.labels for card in cards))


def readable_zones(path: Path | None) -> Zones | None:
    """The zones of a file, None without one.

    Raises:
        InputFileError: The file, or one feature of it, cannot be used.
    """
    return None if path is None else Zones.from_file(path)


def zone_features(zones: Zones) -> list[dict[str, Any]]:
    """Zones as the map shows them; roads and streets as the strips they are."""
    return [
        {
            "type": "Feature",
            "geometry": mapping(zone.geometry),
            "properties": {**zone.properties, "kind": zone.kind, "code": zone.code or f"{zone.kind}-{number}"},
        }
        for number, zone in enumerate(zones.all, start=1)
    ]


def flight_id_of(paths: Sequence[Path]) -> str | None:
    """A name for the flight of these photos, the same each time: its first time and a digest of its first photo.

    Returns:
        None if none of the files can be read as a picture.
    """
    for path in paths:
        try:
            telemetry = read_photo(path)
        except GeoError:
            continue
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
        began = telemetry.taken_at
        return f"F{began:%Y%m%d-%H%M%S}-{digest}" if began else f"F-{digest}"
    return None
