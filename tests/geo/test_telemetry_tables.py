"""Airdata, exiftool and .MRK as drones' owners have them: other orders, units, marks and commas, and planted faults."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import InputFileError
from geo.telemetry.mrk import utc_of_gps
from geo.telemetry.opening import read_telemetry
from geo.telemetry.poses_csv import poses_csv_text, read_poses_csv
from tests.geo.telemetry_builders import AIRDATA, EXIFTOOL, mrk_line


def written(folder: Path, text: str | bytes, name: str = "telemetry.txt") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def airdata_rows(count: int = 25, *, home: float = 60.0, gimbal: str = "350.0,-60.0,0.0", step_ms: int = 100) -> str:
    """Rows ten times a second from 02:03:04.7 on; the date is cut to its second, as Airdata does."""
    rows = ""
    for number in range(count):
        tenths = 7 + number * step_ms // 100
        rows += (
            f"{number * step_ms},2026-07-01 02:03:{4 + tenths // 10:02},{30.25},{120.15 + number * 1e-6:.7f},"
            f"{home},{home + 20},14,90.0,{gimbal},{int(number == 7)}\n"
        )
    return rows


def test_airdata_in_metres_is_read_with_its_moments_to_a_tenth(tmp_path):
    told = read_telemetry(written(tmp_path, AIRDATA.format(unit="meters") + airdata_rows()))
    first = told.points[0]
    assert (told.family, told.dialect, told.entries, len(told.points)) == ("airdata", "airdata_metres", 25, 25)
    assert told.zero_at == datetime(2026, 7, 1, 2, 3, 4, 700_000, tzinfo=UTC)
    assert (first.lon, first.lat, first.alt_m, first.alt_datum) == (120.15, 30.25, 60.0, "home")
    assert (first.heading_deg, first.pitch_deg, first.roll_deg) == (350.0, -60.0, 0.0)
    assert first.reported_alt_m == 80.0
    assert [point.where for point in told.pictures] == ["line 9"]
    assert "satellites" in told.not_recognised


def test_airdata_in_feet_is_turned_into_metres(tmp_path):
    told = read_telemetry(written(tmp_path, AIRDATA.format(unit="feet") + airdata_rows(home=100.0)))
    assert told.points[0].alt_m == pytest.approx(30.48)
    assert told.points[0].reported_alt_m == pytest.approx(36.576)
    assert told.dialect == "airdata_feet"


def test_a_height_in_a_unit_that_nobody_knows_is_not_read(tmp_path):
    told = read_telemetry(written(tmp_path, AIRDATA.format(unit="fathoms") + airdata_rows()))
    assert told.points[0].alt_m is None
    assert told.flags["unit_unknown"] == 2
    assert told.flags["no_altitude"] == 25


def test_airdata_with_a_mark_semicolons_comma_decimals_and_another_order_reads_the_same(tmp_path):
    plain = AIRDATA.format(unit="meters") + airdata_rows()
    cells = [line.split(",") for line in plain.splitlines()]
    turned = [
        ";".join(cell.replace(".", ",") if row else cell for cell in reversed(line)) for row, line in enumerate(cells)
    ]
    one = read_telemetry(written(tmp_path, plain))
    other = read_telemetry(written(tmp_path, b"\xef\xbb\xbf" + "\r\n".join([*turned, ""]).encode(), "other.csv"))
    assert poses_csv_text(other) == poses_csv_text(one)
    assert other.zero_at == one.zero_at


def test_an_aircraft_without_gimbal_angles_has_no_look(tmp_path):
    zero = read_telemetry(written(tmp_path, AIRDATA.format(unit="feet") + airdata_rows(gimbal="0.0,0.0,0.0")))
    assert zero.flags["gimbal_all_zero"] == 1
    assert zero.points[3].pitch_deg is None
    empty = read_telemetry(written(tmp_path, AIRDATA.format(unit="feet") + airdata_rows(gimbal=",,")))
    assert empty.flags["bearing_unknown"] == 25
    assert empty.points[3].heading_deg is None


def test_a_gimbal_without_heading_takes_the_aircrafts_and_says_so(tmp_path):
    told = read_telemetry(written(tmp_path, AIRDATA.format(unit="feet") + airdata_rows(gimbal=",-60.0,")))
    assert told.points[0].heading_deg == 90.0
    assert told.points[0].heading_source == "platform"
    assert told.points[0].roll_deg is None
    assert told.flags["heading_of_platform"] == 25


def test_faulty_airdata_rows_are_counted(tmp_path):
    rows = airdata_rows().splitlines()
    rows[3] = rows[3].replace("30.25,120.150003", "0,0").replace("30.25,120.1500030", "0,0")
    rows[4] = rows[4].replace("30.25", "nan")
    rows[5] = rows[5].replace("30.25", "")
    rows[6] = rows[6].replace("600,", "500,", 1)
    rows[8] = rows[8].replace("30.25", "48.85").replace("120.15", "2.35")
    rows[9] = ",".join((lambda cells: [*cells[:2], cells[3], cells[2], *cells[4:]])(rows[9].split(",")))
    rows[10] = rows[10].replace("30.25", "abc")
    told = read_telemetry(written(tmp_path, AIRDATA.format(unit="feet") + "\n".join(rows)))
    assert told.dropped == {"no_fix": 1, "not_a_number": 2, "no_position": 1, "position_jump": 1}
    assert told.flags["axes_swapped"] == 1
    assert all(abs(point.lat - 30.25) < 0.01 for point in told.points)


def test_repeated_rows_and_a_clock_set_back_are_counted(tmp_path):
    rows = airdata_rows().splitlines()
    rows.insert(4, rows[3])
    rows.insert(10, rows[2])
    told = read_telemetry(written(tmp_path, AIRDATA.format(unit="feet") + "\n".join(rows)))
    assert told.dropped == {"repeated_time": 2}
    late = airdata_rows().replace("2026-07-01 02:03:06", "2026-07-01 10:03:06")
    told = read_telemetry(written(tmp_path, AIRDATA.format(unit="feet") + late))
    assert told.flags["clock_jumps"] == 2
    assert told.zero_at == datetime(2026, 7, 1, 2, 3, 4, 700_000, tzinfo=UTC)


# exiftool

SOUTH = 'a.JPG,2026:07:01 10:00:00,"8 deg 17\' 39.30"" S","115 deg 27\' 42.59"" E",+60.0,10.0,-80.0,0.0\n'


def test_the_real_table_of_a_flight_is_read_whole_and_put_in_order(shared_data):
    told = read_telemetry(shared_data / "telemetry" / "exif_csv" / "agung2_image_metadata.csv")
    assert (told.family, told.entries, len(told.points), dict(told.dropped)) == ("exiftool", 1817, 1817, {})
    times = [point.time_s for point in told.points]
    assert times == sorted(times)
    assert times[-1] == 14510.0
    assert {point.alt_datum for point in told.points} == {"msl"}
    assert all(point.roll_deg is None for point in told.points)
    assert told.clock == "local"
    assert told.flags["heading_of_platform"] == 1817


def test_the_injected_faults_of_the_real_table_are_found(shared_data):
    told = read_telemetry(shared_data / "telemetry" / "exif_csv" / "agung2_issue_image_metadata.csv")
    # Of 23: three without coordinates, two with impossible ones, three in Paris; two tell no gimbal, five no look down.
    assert told.dropped == {"no_position": 3, "out_of_range": 2, "position_jump": 3}
    assert told.first_dropped["no_position"] == "line 3"
    assert told.flags["no_altitude"] == 2
    assert told.flags["bearing_unknown"] == 2
    assert told.flags["pitch_above_level"] == 5
    assert len(told.points) == 15


def test_degrees_minutes_seconds_keep_their_hemisphere(tmp_path):
    point = read_telemetry(written(tmp_path, EXIFTOOL + SOUTH)).points[0]
    assert point.lat == pytest.approx(-(8 + 17 / 60 + 39.30 / 3600))
    assert point.lon == pytest.approx(115 + 27 / 60 + 42.59 / 3600)
    assert (point.alt_m, point.alt_datum, point.heading_deg) == (60.0, "home", 10.0)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("SourceFile,XMP:RelativeAltitude,EXIF:GPSLatitude,EXIF:GPSLatitudeRef,EXIF:GPSLongitude,EXIF:GPSLongitudeRef",
         "a.JPG,+60.00,8.29425,South,115.4618305556,East"),
        ("File;GPS Longitude;GPS Latitude;Relative Altitude", "a.JPG;115,4618305556;-8,29425;60,0"),
        ("GPSPosition,RelativeAltitude,Extra", '"8 deg 17\' 39.30"" S, 115 deg 27\' 42.59"" E",60,x'),
        ("GPSPosition,RelativeAltitude", "-8.29425 115.4618305556,60"),
        ("RelativeAltitude\tGPSLongitude\tGPSLatitude", "60\t115.4618305556\t-8.29425"),
    ],
)  # fmt: skip
def test_other_dresses_of_the_same_place_read_the_same(tmp_path, header, row):
    told = read_telemetry(written(tmp_path, b"\xef\xbb\xbf" + f"{header}\r\n{row}\r\n".encode()))
    point = told.points[0]
    assert told.family == "exiftool"
    assert (point.lon, point.lat) == pytest.approx((115.4618305556, -8.29425), abs=1e-7)
    assert point.alt_m == 60.0
    assert told.clock == "none"
    assert poses_csv_text(told).splitlines()[1].startswith(",115.46183")


def test_exiftools_json_is_read_with_groups_and_without(tmp_path):
    flat = [
        {
            "SourceFile": "a.JPG",
            "DateTimeOriginal": "2026:07:01 10:00:00+08:00",
            "GPSLatitude": "30 deg 15' 0.00\" N",
            "GPSLongitude": "120 deg 9' 0.00\" E",
            "RelativeAltitude": "+60.00",
            "GimbalYawDegree": -170.5,
            "GimbalPitchDegree": -90,
            "GimbalRollDegree": 0,
        }
    ]
    grouped = [
        {
            "SourceFile": "a.JPG",
            "EXIF": dict(list(flat[0].items())[1:4]),
            "XMP": dict(list(flat[0].items())[4:]),
        }
    ]
    for told in (flat, grouped):
        reading = read_telemetry(written(tmp_path, json.dumps(told)))
        point = reading.points[0]
        assert (point.lon, point.lat, point.alt_m) == (120.15, 30.25, 60.0)
        assert (point.heading_deg, point.pitch_deg, point.roll_deg) == (-170.5, -90.0, 0.0)
        assert reading.zero_at == datetime(2026, 7, 1, 2, 0, tzinfo=UTC)


def test_groups_without_a_value_do_not_hide_those_with_one_and_gps_time_is_utc(tmp_path):
    header = "SourceFile,EXIF:GPSLatitude,GPSLongitude,Composite:GPSLatitude,XMP:GPSLatitude,GPSDateStamp,GPSTimeStamp"
    row = "a.JPG,,115.46,-8.29,,2025:10:02,04:08:47"
    told = read_telemetry(written(tmp_path, f"{header}\n{row}\n"))
    assert (told.points[0].lon, told.points[0].lat) == pytest.approx((115.46, -8.29))
    assert told.zero_at == datetime(2025, 10, 2, 4, 8, 47, tzinfo=UTC)


def test_an_unsigned_number_of_exif_has_no_hemisphere_of_its_own(tmp_path):
    header = "SourceFile,EXIF:GPSLatitude,EXIF:GPSLongitude"
    with pytest.raises(InputFileError, match="1 no hemisphere"):
        read_telemetry(written(tmp_path, f"{header}\na.JPG,8.29,115.46\n"))
    for more, row in (
        ("EXIF:GPSLatitudeRef,EXIF:GPSLongitudeRef", "a.JPG,8.29,115.46,S,E"),
        ("Composite:GPSLatitude,Composite:GPSLongitude", "a.JPG,8.29,115.46,-8.29,115.46"),
    ):
        point = read_telemetry(written(tmp_path, f"{header},{more}\n{row}\n")).points[0]
        assert (point.lon, point.lat) == pytest.approx((115.46, -8.29))


def test_a_photo_with_its_axes_swapped_is_turned_back_and_said_so(tmp_path):
    swapped = 'b.JPG,2026:07:01 10:00:05,"115 deg 27\' 42.59"" E","8 deg 17\' 39.30"" S",60,10,-80,0\n'
    told = read_telemetry(written(tmp_path, EXIFTOOL + SOUTH + swapped))
    assert told.flags["axes_swapped"] == 1
    assert [round(point.lon, 4) for point in told.points] == [115.4618, 115.4618]
    assert [round(point.lat, 4) for point in told.points] == [-8.2942, -8.2942]


def test_photos_of_one_second_are_counted_and_only_the_first_is_used(tmp_path):
    told = read_telemetry(written(tmp_path, EXIFTOOL + SOUTH + SOUTH.replace("a.JPG", "b.JPG")))
    assert told.dropped == {"repeated_time": 1}
    assert told.flags["repeated_time"] == 1


# .MRK


def test_an_mrk_tells_the_cameras_place_in_utc_and_no_look(tmp_path):
    told = read_telemetry(written(tmp_path, "".join(mrk_line(number) for number in range(3))))
    first = told.points[0]
    assert (told.family, told.entries, len(told.points)) == ("dji_mrk", 3, 3)
    assert told.zero_at == datetime(2026, 7, 1, 10, tzinfo=UTC)
    # As told: the antenna's offset is in it already.
    assert (first.lon, first.lat, first.alt_m, first.alt_datum) == (120.15, 30.25, 75.5, "ellipsoid")
    assert told.flags == {"rtk_fixed": 3, "bearing_unknown": 3}
    assert first.sigmas.height_m == 0.05


def test_mrk_lines_with_faults_are_counted(tmp_path):
    lines = [mrk_line(number) for number in range(20)]
    lines[2] = lines[2].replace("30.25000000,Lat", "0.00000000,Lat").replace("120.15002000,Lon", "0.00000000,Lon")
    lines[3] = mrk_line(3, q=0)
    lines[4] = mrk_line(4, q=34)
    lines[5] = lines[5][:30] + "\n"
    lines[6] = mrk_line(5)
    lines[7] = mrk_line(7, lat=120.15007, lon=30.25)
    lines[8] = mrk_line(8, q=16)
    told = read_telemetry(written(tmp_path, "\r\n".join(line.strip() for line in lines)))
    assert told.dropped == {"no_fix": 2, "incomplete": 1}
    assert told.flags["rtk_float"] == 1
    assert told.flags["rtk_single"] == 1
    assert told.flags["axes_swapped"] == 1
    assert told.entries == 20


def test_leap_seconds_are_taken_off():
    assert utc_of_gps(2425, 3 * 86_400 + 18) == datetime(2026, 7, 1, tzinfo=UTC)
    assert utc_of_gps(1930, 18) == datetime(2017, 1, 1, tzinfo=UTC)
    assert utc_of_gps(1929, 6 * 86_400 + 17) == datetime(2016, 12, 31, tzinfo=UTC)
    assert utc_of_gps(1851, 17) == datetime(2015, 6, 28, 0, 0, 1, tzinfo=UTC)
    assert utc_of_gps(9999, 0) is None
    assert utc_of_gps(2425, float("nan")) is None


# Our own table


def test_a_table_of_poses_is_read_as_it_was_written(tmp_path):
    rows = (
        "2026-07-01T02:00:00.000000Z,120.15,30.25,60,home,350,-60,0\n2026-07-01T02:00:01.500000Z,120.1501,30.25,,,,,\n"
    )
    text = "time_utc,lon,lat,alt_m,alt_datum,heading_deg,pitch_deg,roll_deg\n" + rows
    told = read_telemetry(written(tmp_path, text))
    assert told.points[1].alt_m is None
    assert told.flags == {"bearing_unknown": 1, "no_altitude": 1}
    assert poses_csv_text(told) == text
    assert len(read_poses_csv(written(tmp_path, text)).track.poses) == 1


SRT = (
    "1\n00:00:00,000 --> 00:00:01,000\n2026-07-01 10:00:00.000\n[latitude: 30.25] [longitude: 120.15] "
    "[rel_alt: 60.0 abs_alt: 97.8] [gb_yaw: 10.0 gb_pitch: -60.0 gb_roll: 0.0]\n\n"
)
FILES = (
    SRT.encode(),
    AIRDATA.format(unit="feet").encode() + airdata_rows(3).encode(),
    (EXIFTOOL + SOUTH).encode(),
    b'[{"SourceFile": "a.JPG", "GPSLatitude": 30.25, "GPSLongitude": "120 deg 9\' 0\\" E"}]',
    mrk_line(1).encode() + mrk_line(2).encode(),
    b"time_utc,lon,lat,alt_m,alt_datum,heading_deg,pitch_deg\n2026-07-01T02:00:00Z,120.15,30.25,60,home,1,2\n",
)


@given(st.sampled_from(FILES), st.integers(0, 600), st.integers(0, 40), st.binary(max_size=12))
def test_a_file_with_any_bytes_in_it_is_read_or_refused_in_one_line(tmp_path_factory, whole, at, cut, noise):
    path = written(tmp_path_factory.mktemp("spoilt"), whole[:at] + noise + whole[at + cut :])
    try:
        told = read_telemetry(path)
    except InputFileError as error:
        refusal = str(error)
    else:
        refusal = ""
        assert all(abs(point.lat) <= 90 and abs(point.lon) <= 180 for point in told.points)
        poses_csv_text(told)
    assert "\n" not in refusal
    assert not refusal or str(path) in refusal


def subtitle(text: str, second: int = 0) -> str:
    return f"{second + 1}\n00:00:0{second},000 --> 00:00:0{second + 1},000\n{text}\n\n"


def test_a_phantom_with_an_rtk_fix_calls_its_place_so(tmp_path):
    text = (
        "F/6.3, SS 60, ISO 100, EV 0, RTK (120.083799, 30.213635, 28), HOME (120.084146, 30.214243, 103.55m), "
        "D 75.36m, H 76.19m, H.S 0.30m/s, V.S 0.00m/s, F.PRY (-5.3°, 2.1°, 28.3°), G.PRY (-40.0°, 0.0°, 28.2°)"
    )
    point = read_telemetry(written(tmp_path, subtitle(text))).points[0]
    assert (point.lon, point.lat, point.alt_m, point.alt_datum) == (120.083799, 30.213635, 76.19, "home")
    assert (point.heading_deg, point.pitch_deg, point.roll_deg) == (28.2, -40.0, 0.0)


@pytest.mark.parametrize(
    ("place", "lonlat"),
    [("W: 6.1120, N: 36.6146, 10.0m", (-6.1120, 36.6146)), ("S:36.6146,E:6.1120,10.0m", (6.1120, -36.6146))],
)
def test_places_with_their_hemispheres_are_read(tmp_path, place, lonlat):
    text = f"HOME(W: 6.1, N: 36.6) 2026-07-01 10:00:00\nGPS({place}) BAROMETER:30.5\nISO:100"
    point = read_telemetry(written(tmp_path, subtitle(text))).points[0]
    assert (point.lon, point.lat) == lonlat
    assert point.alt_m == 30.5


def test_places_in_radians_are_turned_into_degrees_and_said_so(tmp_path):
    text = "[latitude: 0.608553] [longtitude: -1.963763] [altitude: 1429.697998]"
    told = read_telemetry(written(tmp_path, subtitle(text) + subtitle(text, 1)))
    assert (told.points[0].lon, told.points[0].lat) == pytest.approx((-112.5153, 34.8675), abs=1e-4)
    assert told.flags["radians"] == 2
    real = read_telemetry(written(tmp_path, subtitle("[latitude: 5.6] [longitude: -0.2] [rel_alt: 9.0]")))
    assert real.points[0].lat == 5.6
    assert "radians" not in real.flags


@pytest.mark.parametrize(
    ("text", "look"),
    [
        (SRT, (10.0, -60.0, 0.0)),
        (SRT.removeprefix("1\n"), (10.0, -60.0, 0.0)),
        (SRT.replace("10.0 gb_pitch: -60.0 gb_roll: 0.0", "10.0] [gb_pitch : -60.0"), (10.0, -60.0, None)),
        (SRT.replace("[", "").replace("]", ","), (10.0, -60.0, 0.0)),
        (SRT.replace("\n", "\r\n"), (10.0, -60.0, 0.0)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_subtitles_without_numbers_or_brackets_or_in_other_encodings_read_the_same(tmp_path, text, look, encoding):
    told = read_telemetry(written(tmp_path, text.encode(encoding)))
    point = told.points[0]
    assert (told.family, told.entries) == ("dji_srt", 1)
    assert (point.lon, point.lat, point.alt_m) == (120.15, 30.25, 60.0)
    assert (point.heading_deg, point.pitch_deg, point.roll_deg) == look


@given(st.lists(st.lists(st.text(alphabet="0123456789.,;-+:ntaNESW \"'\n", max_size=12), max_size=9), max_size=6))
def test_any_rows_under_a_known_header_are_read_or_refused(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("rows")
    for header in (AIRDATA.format(unit="feet"), EXIFTOOL, "time_s,lon,lat,alt_m,alt_datum,heading_deg,pitch_deg\n"):
        path = written(folder, header + "\n".join(",".join(row) for row in rows))
        try:
            told = read_telemetry(path)
        except InputFileError:
            continue
        assert all(abs(point.lat) <= 90 and abs(point.lon) <= 180 for point in told.points)
        poses_csv_text(told)
