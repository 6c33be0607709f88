"""`flyonce coverage`: what ground flights looked at, when, how finely, and what is left to fly."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from shapely import Polygon
from shapely.geometry import mapping

from dispatch_api.store.url import store_place
from flightplan.ground.area import PatrolArea
from flyonce.cli.options import AsJson, Language, StoreUrl, finite, lonlat
from flyonce.cli.output import emit_json, fail, progress, say
from flyonce.coverage_picture import CoveragePicture
from flyonce.coverage_report import area_json, blind_json, seen_json, spot_json, spot_words
from flyonce.settings import Settings
from geo.coverage import CoverageLedger, Unseen, as_features
from geo.whole_file import whole_file

# A gigabyte in memory while they are drawn: 250 km².
_MOST_CELLS = 10_000_000

Writer = Callable[[Path], object]


def coverage(
    store: StoreUrl = None,
    flight: Annotated[str | None, typer.Option(help="Only this flight; default: all of the store.")] = None,
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only looks of this day of the city's.")
    ] = None,
    at: Annotated[str | None, typer.Option(help="A spot, LON,LAT in degrees: was it looked at?")] = None,
    size_m: Annotated[
        float, typer.Option(help="Size of a thing that a model should have been able to see.", callback=finite)
    ] = 0.5,
    label: Annotated[str | None, typer.Option(help="What such a thing is: waste, person, …; default: any.")] = None,
    area: Annotated[Path | None, typer.Option(help="GeoJSON with one polygon: how much of it was seen?")] = None,
    refly: Annotated[
        Path | None, typer.Option(help="With --area: folder for what is left, one GeoJSON per `flyonce plan`.")
    ] = None,
    geojson: Annotated[Path | None, typer.Option(help="Write what was seen as polygons.")] = None,
    png: Annotated[Path | None, typer.Option(help="Write a picture with scale, north and legend.")] = None,
    lang: Annotated[Language, typer.Option(help="Language of the picture.")] = Language.ZH,
    as_json: AsJson = False,
) -> None:
    """Tell what ground was looked at: when, how finely, how often, how surely and by which model.

    `flyonce analyze` keeps this in a folder beside the store. A spot counts as surely looked at where the error of the
    pose leaves it inside a picture with 95 %; a thing could have been seen where such a look was fine enough.
    """
    if size_m <= 0:
        fail("--size-m: a thing is larger than 0 m.")
    if refly is not None and area is None:
        fail("--refly needs --area: only of an area it is known what is missing.")
    url = store or Settings().store
    on = None if day is None else day.date()
    spot = None if at is None else lonlat(at)
    place = None if area is None else PatrolArea.from_geojson(area)
    ledger = _ledger(url, flight)
    _check_label(ledger, label)
    result: dict[str, Any] = {
        "store": store_place(url).shown,
        "flights": list(ledger.flight_ids),
        "day": None if on is None else on.isoformat(),
    }
    known, left = None, None
    with progress("reading the ledger") as ticker:
        result["seen"] = seen_json(ledger, on=on)
        if (png or geojson) and result["seen"]["cells"] > _MOST_CELLS:
            fail(f"{result['seen']['area_m2'] / 1e6:,.0f} km² are too much to draw at once: give --flight or --day.")
        result["blind"] = [blind_json(flight_id, gap) for flight_id, gap in ledger.blind()]
        if spot is not None:
            known = ledger.looked_at(*spot, on=on)
            result["spot"] = spot_json(known, size_m=size_m, label=label)
        if place is not None:
            ticker.describe("looking for what is left")
            result["area"], left = area_json(ledger, place.polygon, size_m=size_m, label=label, on=on)
        ticker.describe("drawing")
        wanted = {} if refly is None or left is None else _areas(refly, left)
        if geojson is not None:
            wanted[geojson] = lambda out: _write_features(out, ledger, left, on)
        if png is not None:
            shown = (ledger, left, place, spot, on, lang)
            wanted[png] = lambda out: _picture(*shown).draw().save(out, "PNG")
        result["files"] = [_written(path, write) for path, write in wanted.items()]
    if as_json:
        emit_json(result)
        return
    _tell(result)
    for line in () if known is None else spot_words(known, size_m=size_m, label=label):
        say(line)


def _ledger(url: str, flight: str | None) -> CoverageLedger:
    place = store_place(url)
    if place.is_new:
        fail(f"{url}: there is no store yet. Analyze a flight first: flyonce analyze PHOTOS --store {url}.")
    ledger = CoverageLedger.of_folder(place.coverage_dir)
    if not ledger.flight_ids:
        fail(
            f"{place.coverage_dir}: no flight's coverage is kept there yet. `flyonce analyze` writes it; analyze a "
            "flight again to have it for one that was analysed before."
        )
    if flight is None:
        return ledger
    if flight not in ledger.flight_ids:
        shown = ", ".join(ledger.flight_ids[:8]) + (", …" if len(ledger.flight_ids) > 8 else "")
        fail(f"--flight {flight}: no coverage of it is kept. Known flights: {shown}.")
    return ledger.of_flight(flight)


def _check_label(ledger: CoverageLedger, label: str | None) -> None:
    known = sorted({name for model in ledger.models() for name in model.labels})
    if label is not None and label not in known:
        fail(f"--label {label}: no model that looked knows it. Known: {', '.join(known) or 'none'}.")


def _written(path: Path, write: Writer) -> str:
    """Let `write` make a file beside `path`, and give it its name once it is whole."""
    try:
        with whole_file(path) as partial:
            write(partial)
    except OSError as error:
        fail(f"{path}: cannot be written ({error.strerror or error}). Choose another place.")
    return str(path)


def _picture(
    ledger: CoverageLedger,
    left: Unseen | None,
    place: PatrolArea | None,
    spot: tuple[float, float] | None,
    on: date | None,
    lang: Language,
) -> CoveragePicture:
    cells = ledger.cells(on=on)
    if not len(cells) and place is None:
        fail(f"--png: nothing was looked at{'' if on is None else f' on {on}'}, so there is nothing to draw.")
    return CoveragePicture(
        cells=cells,
        subtitle=_subtitle(ledger, on),
        area=None if place is None else place.polygon,
        missing=() if left is None else left.polygons,
        spot_lonlat=spot,
        lang=lang.value,
    )


def _write_features(out: Path, ledger: CoverageLedger, left: Unseen | None, on: date | None) -> None:
    features = as_features(ledger.cells(on=on))
    for polygon in () if left is None else left.polygons:
        properties = {"kind": "not_seen_well_enough"}
        features.append({"type": "Feature", "properties": properties, "geometry": mapping(polygon)})
    document = {
        "type": "FeatureCollection",
        "flights": list(ledger.flight_ids),
        "day": None if on is None else on.isoformat(),
        "models": [{"name": model.name, "sha256": model.sha256} for model in ledger.models()],
        "blind": [blind_json(flight_id, gap) for flight_id, gap in ledger.blind()],
        "features": features,
    }
    out.write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")


def _areas(folder: Path, left: Unseen) -> dict[Path, Writer]:
    """A file for each piece that is left, as `flyonce plan` takes them: one polygon each."""

    def writer(polygon: Polygon, name: str) -> Writer:
        feature = {"type": "Feature", "properties": {"name": name}, "geometry": mapping(polygon)}
        return lambda out: out.write_text(json.dumps(feature) + "\n", encoding="utf-8")

    names = [f"refly-{number}" for number in range(1, len(left.polygons) + 1)]
    return {
        folder / f"{name}.geojson": writer(polygon, name) for name, polygon in zip(names, left.polygons, strict=True)
    }


def _subtitle(ledger: CoverageLedger, on: date | None) -> str:
    flights = ledger.flight_ids
    shown = ", ".join(flights[:2]) + (f" … ({len(flights)})" if len(flights) > 2 else "")
    return shown if on is None else f"{on:%Y-%m-%d}  {shown}"


def _tell(result: dict[str, Any]) -> None:
    seen = result["seen"]
    day = f" on {result['day']}" if result["day"] else ""
    say(f"{_counted(len(result['flights']), 'flight')} looked at {seen['area_m2'] / 10_000:.2f} ha{day}")
    for one in seen["by_resolution"]:
        if one["area_m2"]:
            limit = f"{one['finest_m_up_to'] * 100:g} cm per pixel or finer" if one["finest_m_up_to"] else "coarser"
            limit = limit if one["sure"] else "not sure, given the error of the pose"
            say(f"  {one['area_m2'] / 10_000:8.2f} ha {limit}")
    for gap in result["blind"]:
        say(f"blind: {gap['flight_id']}, {gap['began_at']} to {gap['ended_at'] or 'the end'}: {gap['reason']}")
    if area := result.get("area"):
        say(
            f"of the area's {area['area_m2'] / 10_000:.2f} ha, {area['looked_at_share']:.1%} were looked at, and in "
            f"{area['could_have_seen_share']:.1%} {area['size_m']:g} m could have been seen; "
            f"left: {area['left_m2'] / 10_000:.2f} ha in {_counted(area['left_pieces'], 'piece')}"
        )
    for path in result["files"]:
        say(f"written: {path}")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
