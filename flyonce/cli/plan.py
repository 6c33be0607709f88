"""`flyonce plan`: from an area to missions, for one drone or for a city's fleet."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import shapely
import typer
from shapely.geometry import Polygon

from flightplan.coverage.asked import USUAL_BAND, Drone, Shooting
from flightplan.coverage.survey import CoveragePlan
from flightplan.files.areas import shapes_of
from flightplan.files.geojson import write_geojson
from flightplan.files.wpml_model import AIRCRAFT
from flightplan.ground.terrain import DemTerrain
from flightplan.mission.kinematics import Kinematics
from flightplan.mission.shots import STRAIGHT_DOWN_DEG
from flyonce.cli.options import AsJson, Language, flying_day, goes_with, lonlat
from flyonce.cli.output import emit_json, fail, progress, say
from flyonce.cli.unlawful import refuse_unlawful
from flyonce.mission_writing import remove_earlier, write_mission
from flyonce.one_drone import Place, Profile, Ring, height_for, heights_agl_m, wind_of
from flyonce.plan_rules import FlightRules
from geo.camera import camera_by_name

# Rated 38 minutes, a quarter of it kept in reserve.
_ENDURANCE_MIN = 28.5
_SPEED_M_S = 15.0
_CAMERA = "generic-84dfov"


def plan(
    area: Annotated[
        Path,
        typer.Argument(
            help="Polygons, holes allowed (GeoJSON, KML, GeoPackage, Shapefile); "
            "lines with --width-m, points with --ring-m."
        ),
    ],
    home: Annotated[
        str | None, typer.Option(help="Take-off and landing place of one drone, LON,LAT in degrees.")
    ] = None,
    fleet: Annotated[
        Path | None, typer.Option(help="fleet.yaml: docks, drones and hours; shares the areas out among them.")
    ] = None,
    altitude_m: Annotated[
        float | None, typer.Option(help="Height in metres above the ground (at home, without --terrain); usually 100.")
    ] = None,
    gsd_cm: Annotated[float | None, typer.Option(help="Instead of a height: what a pixel shows of the ground.")] = None,
    camera: Annotated[str | None, typer.Option(help="Name in the camera table; usually generic-84dfov.")] = None,
    profile: Annotated[
        Profile | None,
        typer.Option(help="Overlaps: patrol (60 % along rows, 15 % between them), or mapping (70 %, 60 %) as usual."),
    ] = None,
    frontlap: Annotated[float | None, typer.Option(help="Overlap along the row, 0 to 0.95.")] = None,
    sidelap: Annotated[float | None, typer.Option(help="Overlap of neighbouring rows, 0 to 0.95.")] = None,
    width_m: Annotated[
        float | None, typer.Option(help="Fly a strip so wide along the lines of a GeoJSON: a river, a road.")
    ] = None,
    ring_m: Annotated[
        float | None, typer.Option(help="Fly a ring of this radius round each point of a GeoJSON, and look at it.")
    ] = None,
    ring_photos: Annotated[int | None, typer.Option(help="With --ring-m: photos of each ring; usually 24.")] = None,
    look_at_m: Annotated[
        float | None, typer.Option(help="With --ring-m: height above ground that the camera looks at; usually 0.")
    ] = None,
    cross_hatch: Annotated[bool, typer.Option(help="Fly the area twice, the second time across.")] = False,
    pitch_deg: Annotated[
        float | None, typer.Option(help="Of the camera: -90 straight down, as usual, -30 at the flattest.")
    ] = None,
    wind_m_s: Annotated[float | None, typer.Option(help="Wind at flying height.")] = None,
    wind_from_deg: Annotated[float | None, typer.Option(help="Where it comes from, clockwise from north.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the mission files.")] = Path("plan"),
    speed_m_s: Annotated[float | None, typer.Option(help="Ground speed wished for on rows; usually 15.")] = None,
    at_sea: Annotated[bool, typer.Option(help="The area is meant to lie far from land.")] = False,
    endurance_min: Annotated[
        float | None,
        typer.Option(help="Longest flight on one battery, reserve taken off; a longer one is split. Usually 28.5."),
    ] = None,
    first_day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="With --fleet: first day of flying; default tomorrow.")
    ] = None,
    no_fly: Annotated[
        list[Path] | None, typer.Option(help="Places that nobody may fly over: GeoJSON, KML, GeoPackage, Shapefile.")
    ] = None,
    cell_m: Annotated[
        float | None, typer.Option(help="With --fleet: rows are shared out in pieces of about this length.")
    ] = None,
    terrain: Annotated[
        Path | None, typer.Option(help="Elevation model (GeoTIFF): heights follow the ground, 120 m true height kept.")
    ] = None,
    band_m: Annotated[
        float | None, typer.Option(help="With --terrain: how far over and under the height; usually a tenth of it.")
    ] = None,
    obstacles: Annotated[
        list[Path] | None,
        typer.Option(help="Map layer of masts, towers, cranes, cables with height_m (docs/planning.md)."),
    ] = None,
    airspace: Annotated[
        list[Path] | None,
        typer.Option(help="Map layer of no-fly areas, controlled airspace and approvals (docs/rules.md)."),
    ] = None,
    takes_off_at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M%z"], help="When one drone's first mission takes off."),
    ] = None,
    vehicle: Annotated[
        str, typer.Option(help="Who flies: ardupilot, px4, or a dock's m30, m30t, m3d, m3td (writes DJI's .kmz).")
    ] = "ardupilot",
    exposure_s: Annotated[
        float | None, typer.Option(help="Exposure of one picture in seconds; rows are held to a pixel of blur.")
    ] = None,
    fence: Annotated[
        bool | None, typer.Option("--fence/--no-fence", help="Give missions a fence, as usual for autopilots.")
    ] = None,
    missions: Annotated[
        bool | None, typer.Option("--missions/--no-missions", help="With --fleet: write a mission for every flight.")
    ] = None,
    lang: Annotated[Language | None, typer.Option(help="With --fleet: of the chart, zh as usual or en.")] = None,
    as_json: AsJson = False,
) -> None:
    """Plan a flight that photographs a whole area, or a fleet's flights over a city, and write them."""
    if (home is None) == (fleet is None):
        fail("Give --home for one drone, or --fleet for a city's docks.")
    if fleet is not None:
        goes_with(
            "--home",
            width_m=width_m, ring_m=ring_m, ring_photos=ring_photos, look_at_m=look_at_m, cross_hatch=cross_hatch,
            pitch_deg=pitch_deg, at_sea=at_sea,
        )  # fmt: skip
        goes_with("--home: a fleet's flights get their times from --first-day", takes_off_at=takes_off_at)
        goes_with("--home: a fleet's file says it of each drone", speed_m_s=speed_m_s, endurance_min=endurance_min)
        goes_with("--home: a fleet's cameras differ", exposure_s=exposure_s)
        if gsd_cm is None:
            goes_with("--home or --gsd-cm: a fleet's file tells its cameras", camera=camera)
    else:
        goes_with(
            "--fleet",
            first_day=first_day, cell_m=cell_m, lang=lang, missions=missions, no_missions=missions is False,
        )  # fmt: skip
    if ring_m is None:
        goes_with("--ring-m", ring_photos=ring_photos, look_at_m=look_at_m)
    else:
        goes_with(
            "areas, not with --ring-m",
            cross_hatch=cross_hatch, pitch_deg=pitch_deg, profile=profile, frontlap=frontlap, sidelap=sidelap,
        )  # fmt: skip
    if terrain is None:
        goes_with("--terrain", band_m=band_m)
    if not airspace:
        goes_with("--airspace", takes_off_at=takes_off_at)
    if vehicle in AIRCRAFT:
        goes_with("ardupilot and px4: a dock fences by itself", fence=fence)
    if takes_off_at is not None:
        flying_day(takes_off_at.date())
    ground = None if terrain is None else DemTerrain.open(terrain)
    rules = FlightRules.read(
        airspace or (), takes_off_at=takes_off_at, vehicle=vehicle, exposure_s=exposure_s,
        is_fenced=fence is not False, obstacles=obstacles or (), terrain=ground,
    )  # fmt: skip
    lens = camera_by_name(camera or _CAMERA)
    height_m = height_for(lens, altitude_m, gsd_cm)
    lowest_m = height_m if ground is None else height_m - (height_m * USUAL_BAND if band_m is None else band_m)
    usual = (profile or Profile.MAPPING).overlaps
    frontlap, sidelap = usual[0] if frontlap is None else frontlap, usual[1] if sidelap is None else sidelap
    if fleet is not None:
        # The solver and the charts take their time to load, and one drone's commands need neither.
        from flightplan.fleet.plan import Survey
        from flyonce.cli.fleet import FleetOrders, plan_for_fleet

        length_m = Survey.cell_m if cell_m is None else cell_m
        survey = Survey(
            altitude_m=height_m,
            frontlap=frontlap,
            sidelap=sidelap,
            cell_m=length_m,
            terrain=ground,
            band_m=band_m,
            limits=rules.limits(height_m),
        )
        day = None if first_day is None else flying_day(first_day.date())
        orders = FleetOrders(
            areas=area, fleet=fleet, no_fly=tuple(no_fly or ()), survey=survey, first_day=day, out=out,
            lowest_m=lowest_m, missions=missions is not False, lang=(lang or Language.ZH).value, rules=rules,
            wind=wind_of(wind_m_s, wind_from_deg),
        )  # fmt: skip
        plan_for_fleet(orders, as_json=as_json)
        return
    assert home is not None
    shut = [part for path in no_fly or () for part in shapes_of(path)]
    shut += [*rules.no_fly(height_m), *rules.too_high(lowest_m)]
    shooting = Shooting(
        camera=lens,
        altitude_agl_m=height_m,
        frontlap=frontlap,
        sidelap=sidelap,
        pitch_deg=STRAIGHT_DOWN_DEG if pitch_deg is None else pitch_deg,
        cross_hatch=cross_hatch,
        band_m=band_m,
    )
    drone = Drone(
        speed_m_s=_SPEED_M_S if speed_m_s is None else speed_m_s,
        endurance_s=60 * (_ENDURANCE_MIN if endurance_min is None else endurance_min),
        limits=rules.limits(height_m, lens),
        kinematics=Kinematics(wind=wind_of(wind_m_s, wind_from_deg)),
    )
    place = Place(
        file=area,
        home_lonlat=lonlat(home),
        width_m=width_m,
        ring=_ring(ring_m, ring_photos, look_at_m),
        is_at_sea=at_sea,
        terrain=ground,
        no_fly=shut,
    )
    began = perf_counter()
    with progress("planning") as ticker:
        planned = place.planned(shooting, drone)
        ticker.advance()
    holes = [Polygon(ring) for part in shapely.get_parts(planned.area.polygon) for ring in part.interiors]
    judged = rules.judged(planned.missions, [*holes, *shut], drone.kinematics)
    seconds = perf_counter() - began
    if any(violations for _, violations in judged):
        refuse_unlawful(judged, out, as_json=as_json)
    planned = replace(planned, missions=tuple(mission for mission, _ in judged))
    files = _write(planned, out, vehicle)
    result = _plan_json(planned, files, seconds)
    if as_json:
        emit_json(result)
        return
    for number, mission in enumerate(result["missions"], start=1):
        say(
            f"mission {number}: {mission['length_m'] / 1000:.2f} km, {mission['duration_s'] / 60:.1f} min, "
            f"{mission['photos']} photos, {mission['turns']} turns → {mission['files'][0]}"
        )
    say(f"seen at least once: {planned.coverage.seen_once:.1%}, five times: {planned.coverage.seen_five_times:.1%}")
    if result["height_agl_m"] is not None:
        low_m, high_m = result["height_agl_m"]
        say(f"height above the ground: {low_m:.1f} to {high_m:.1f} m")
    if planned.left_out_m2 >= 1.0:
        what = "no-fly areas or what is too high to fly over" if obstacles else "no-fly areas"
        say(f"left out, in or behind {what}: {planned.left_out_m2:,.0f} m²")


def _ring(radius_m: float | None, photos: int | None, looked_at_m: float | None) -> Ring | None:
    """The ring that is asked for, with what is usual where nothing is said."""
    if radius_m is None:
        return None
    return Ring(
        radius_m=radius_m,
        photos=Ring.photos if photos is None else photos,
        looked_at_m=Ring.looked_at_m if looked_at_m is None else looked_at_m,
    )


def _write(planned: CoveragePlan, out: Path, vehicle: str) -> list[list[str]]:
    """Write all files, each complete or not at all; returns the files of each mission."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out, prefix=".plan-") as staging:
            write_geojson(Path(staging) / "mission.geojson", planned)
            files = []
            for number, mission in enumerate(planned.missions, start=1):
                stem = "mission" if number == 1 else f"mission-{number}"
                files.append([*write_mission(Path(staging), stem, mission, vehicle), "mission.geojson"])
            remove_earlier(out, [written.name for written in Path(staging).iterdir()])
            for written in sorted(Path(staging).iterdir()):
                written.replace(out / written.name)
    except OSError as error:
        fail(f"{out}: cannot be written to ({error.strerror}). Choose another folder with --out.")
    return [[str(out / name) for name in names] for names in files]


def _plan_json(planned: CoveragePlan, files: list[list[str]], seconds: float) -> dict[str, Any]:
    heights = heights_agl_m(planned)
    return {
        "missions": [
            {
                "length_m": round(figures.length_m, 1),
                "survey_length_m": round(figures.survey_length_m, 1),
                "duration_s": round(figures.duration_s, 1),
                "turns": figures.turns,
                "photos": figures.photos,
                "clearance": None if mission.clearance is None else asdict(mission.clearance),
                "files": written,
            }
            for mission, figures, written in zip(planned.missions, planned.figures, files, strict=True)
        ],
        "coverage": planned.coverage.seen_once,
        "coverage_five_photos": planned.coverage.seen_five_times,
        "row_spacing_m": planned.row_spacing_m,
        "row_angle_deg": planned.angle_deg,
        "speed_m_s": planned.speed_m_s,
        "height_agl_m": None if heights is None else [round(height, 1) for height in heights],
        "left_out_m2": round(planned.left_out_m2, 1),
        "seconds": round(seconds, 3),
    }
