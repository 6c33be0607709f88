"""DJI subtitles of every generation at hand, whole and broken, and tables of poses."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from geo.errors import InputFileError
from geo.telemetry.poses_csv import read_poses_csv
from geo.telemetry.srt import read_srt

GIMBAL = (
    "[latitude: {lat}] [longitude: {lon}] [rel_alt: {alt} abs_alt: 97.8] [gb_yaw: {yaw} gb_pitch: -60.0 gb_roll: 0.0]"
)


def cue(number: int, start_s: float, text: str, *, clock: str | None = "2026-07-01 10:00:00.000") -> str:
    def stamp(seconds: float) -> str:
        milli = round(seconds * 1000)
        return f"{milli // 3600000:02}:{milli // 60000 % 60:02}:{milli // 1000 % 60:02},{milli % 1000:03}"

    head = f"{number}\n{stamp(start_s)} --> {stamp(start_s + 0.033)}\n"
    return head + (f"{clock}\n" if clock else "") + text + "\n\n"


def a_line(lon: object = 120.15, lat: object = 30.25, alt: object = 60.0, yaw: object = 10.0) -> str:
    return GIMBAL.format(lon=lon, lat=lat, alt=alt, yaw=yaw)


def srt(path: Path, *cues: str) -> Path:
    path.write_text("".join(cues), encoding="utf-8")
    return path


def real(shared_data: Path, name: str, folder: Path) -> Path:
    """A real file, or its first cues where it is long."""
    whole = (shared_data / "telemetry" / "dji_srt" / name).read_bytes()
    path = folder / name
    path.write_bytes(whole if len(whole) < 40_000 else whole[: whole.rindex(b"\n\n", 0, 40_000) + 2])
    return path


# File, dialect, first place (lon, lat), height above take-off, gimbal known.
REAL = [
    ("juan_MAVIC3.srt", "named", (-3.3744, 3.41531), -2.4, False),
    ("juan_matrice_300.srt", "gps_barometer_metres", (-6.1120, 36.6146), 0.3, False),
    ("juan_mavic_mini.SRT", "gps_distance_height", (-121.7458, 48.0771), 200.7, False),
    ("juan_mavic_pro.SRT", "gps_barometer", (149.0251, -20.2533), 1.9, False),
    ("juan_old_format.SRT", "gps_hb", (149.0251, -20.2533), 1.9, False),
    ("juan_p4_rtk.SRT", "gps_pry", (-58.851745, -34.237922), 85.8, True),
    ("juan_p4p_sample.SRT", "gps_distance_height", (8.2090, 47.4692), 45.6, False),
    ("marcus_Mini5PRO.SRT", "named", (6.460719, 53.365108), 6.0, False),
    ("marcus_air3.SRT", "named", (18.2222, 59.1111), 5.0, False),
    ("marcus_air3S.SRT", "named", (-84.17616, 34.270373), 0.0, False),
    ("marcus_avata2.SRT", "gps_barometer_brackets", (116.391305, 39.906217), 91.2, False),
    ("marcus_mini4pro.SRT", "named", (18.0, 59.0), 1.0, False),
    ("marcus_neo2.SRT", "named", (13.75386, 45.607181), 0.0, False),
]


@pytest.mark.parametrize(("name", "dialect", "place", "height_m", "gimbal"), REAL)
def test_every_generation_is_read_in_its_own_order(shared_data, tmp_path, name, dialect, place, height_m, gimbal):
    told = read_srt(real(shared_data, name, tmp_path))
    first = told.track.poses[0]
    assert told.dialect == dialect
    assert (first.lon, first.lat) == place
    assert (first.alt_m, first.alt_datum) == (height_m, "home")
    assert first.has_bearing is gimbal
    assert ("bearing_unknown" in told.flags) is not gimbal
    assert told.used == told.entries


def test_the_gimbal_of_a_phantom_rtk_is_read_with_its_pitch_first(shared_data):
    pose = read_srt(shared_data / "telemetry" / "dji_srt" / "juan_p4_rtk.SRT").track.at(0.0)
    assert pose.look_deg() == (110.4, -24.4, 0.0)


def test_an_altitude_that_says_not_from_what_is_not_taken_as_height(shared_data):
    told = read_srt(shared_data / "telemetry" / "dji_srt" / "juan_air2s.srt")
    assert told.track.poses[0].alt_datum == "msl"
    assert "altitude_datum_unknown" in told.flags
    assert told.track.poses[0].sigmas.height_m == 10.0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("juan_broken_empty.SRT", "empty"),
        ("juan_broken_empty2.SRT", "no subtitle"),
        ("juan_mavic_air.SRT", "recognised: exposure, clock"),
        ("juan_mavic_2pro_new.SRT", r"\d\d no altitude"),
        ("juan_mavic_2_style.SRT", r"\d\d no altitude"),
    ],
)
def test_files_without_a_usable_pose_are_refused_and_say_what_was_recognised(shared_data, tmp_path, name, words):
    with pytest.raises(InputFileError, match=words) as caught:
        read_srt(real(shared_data, name, tmp_path))
    assert name in str(caught.value)


def test_a_file_cut_off_in_a_cue_gives_what_was_written_before(shared_data):
    told = read_srt(shared_data / "telemetry" / "dji_srt" / "juan_broken_incomplete.SRT")
    assert (told.entries, told.used) == (20, 19)
    assert told.dropped == {"no_position": 1}


def test_a_blank_line_and_a_lone_number_inside_a_cue_do_not_end_it(tmp_path):
    inside = (
        "[dzoom: 1.79]\n[latitude: 30.25] [longitude: 120.15] [rel_alt: 40.1 abs_alt: 97.8]\n"
        "[drone_yaw: -20.4 drone_pitch: 2.4 drone_roll: -2.1]\n[gb_yaw: -30.0 gb_pitch: -29.9 gb_roll: 0.5]\n\n0\n"
        "[dzoom_ratio: 17900, delta:0]"
    )
    told = read_srt(srt(tmp_path / "a.SRT", cue(1, 0.0, inside), cue(2, 0.033, inside)))
    assert told.entries == 2
    assert told.track.at(0.0).look_deg() == (-30.0, -29.9, 0.5)
    assert told.track.zoom_at(0.02) == pytest.approx(1.79)
    assert "digital_zoom" in told.flags


def test_cues_without_a_fix_are_dropped_and_counted(tmp_path):
    lines = [a_line(lon=0.0, lat=0.0), a_line(), a_line(lat="nan"), a_line(lon=200.0), a_line(lon=120.1501)]
    told = read_srt(srt(tmp_path / "a.SRT", *(cue(i + 1, i * 0.5, line) for i, line in enumerate(lines))))
    assert told.dropped == {"no_fix": 1, "not_a_number": 1, "out_of_range": 1}
    assert told.used == 2
    assert told.track.times_s == (0.5, 2.0)


def test_axes_are_turned_back_where_the_numbers_prove_it_and_said_so(tmp_path):
    swapped = read_srt(srt(tmp_path / "a.SRT", cue(1, 0.0, a_line(lon=30.25, lat=120.15))))
    assert (swapped.track.poses[0].lon, swapped.track.poses[0].lat) == (120.15, 30.25)
    assert "axes_swapped" in swapped.flags
    lat_first = "HOME(-20.2532,149.0251) 2017.08.05 14:11:51\nGPS(-20.2533,149.0251,16) BAROMETER:1.9"
    told = read_srt(srt(tmp_path / "b.SRT", cue(1, 0.0, lat_first, clock=None)))
    assert (told.track.poses[0].lon, told.track.poses[0].lat) == (149.0251, -20.2533)
    assert "axes_swapped" in told.flags


def test_an_order_that_nothing_proves_is_not_guessed(tmp_path):
    unknown = "SPEED 4 GPS(30.25,20.15,16) H 20m"
    with pytest.raises(InputFileError, match="1 no position"):
        read_srt(srt(tmp_path / "a.SRT", cue(1, 0.0, unknown)))


def test_repeated_and_backward_times_keep_the_first_of_each(tmp_path):
    cues = [cue(1, 0.0, a_line()), cue(2, 0.5, a_line()), cue(3, 0.5, a_line(yaw=90)), cue(4, 0.2, a_line())]
    told = read_srt(srt(tmp_path / "a.SRT", *cues))
    assert told.dropped == {"repeated_time": 1, "backward_time": 1}
    assert told.track.at(0.5).heading_deg == 10.0


def test_a_clock_that_was_set_while_recording_is_noticed_and_its_steady_part_believed(tmp_path):
    clocks = ["2026-07-01 02:00:00.000"] + [f"2026-07-01 10:00:0{second}.000" for second in range(1, 8)]
    cues = [cue(i + 1, float(i), a_line(), clock=clock) for i, clock in enumerate(clocks)]
    told = read_srt(srt(tmp_path / "a.SRT", *cues))
    assert "clock_jumps" in told.flags
    assert told.track.poses[0].at == datetime(2026, 7, 1, 10, 0, 0, tzinfo=UTC)


def test_positions_held_between_two_measurements_move_evenly(tmp_path):
    lons = [120.15, 120.15, 120.15, 120.15, 120.1504]
    told = read_srt(srt(tmp_path / "a.SRT", *(cue(i + 1, i * 0.1, a_line(lon=lon)) for i, lon in enumerate(lons))))
    assert told.track.at(0.2).lon == pytest.approx(120.1502, abs=1e-9)


def test_few_decimals_widen_the_error(tmp_path):
    told = read_srt(srt(tmp_path / "a.SRT", cue(1, 0.0, a_line(lon=120.1512, lat=30.2534))))
    assert told.track.poses[0].sigmas.east_m == pytest.approx((1.5**2 + 11.132**2 / 12) ** 0.5)
    assert "position_coarse" in told.flags


def test_a_jump_faster_than_drones_fly_is_told(tmp_path):
    cues = [cue(i + 1, float(i), a_line(lon=lon)) for i, lon in enumerate((120.15, 120.1501, 120.17, 120.1702))]
    told = read_srt(srt(tmp_path / "a.SRT", *cues))
    assert any("1 times" in problem for problem in told.problems)


def test_subtitles_that_are_none_are_refused(tmp_path):
    film = tmp_path / "film.srt"
    film.write_text("1\n00:00:01,000 --> 00:00:02,000\nHello there.\n")
    with pytest.raises(InputFileError, match=r"not recognised: 'Hello there\.'"):
        read_srt(film)
    noise = tmp_path / "noise.srt"
    noise.write_bytes(bytes(range(256)))
    with pytest.raises(InputFileError, match="not a text file"):
        read_srt(noise)
    with pytest.raises(InputFileError, match="no such file"):
        read_srt(tmp_path / "none.srt")


HEADER = "time_s,lon,lat,alt_m,alt_datum,heading_deg,pitch_deg,roll_deg\n"


def test_a_table_of_poses_is_a_track(tmp_path):
    path = tmp_path / "poses.csv"
    path.write_text(HEADER + "0,120.15,30.25,60,home,350,-60,0\n1,120.1501,30.25,60,home,10,-60,0\n")
    told = read_poses_csv(path)
    assert told.track.at(0.5).heading_deg == pytest.approx(0.0, abs=1e-6)
    assert told.track.zero_at is None


def test_a_table_in_utc_knows_its_moments(tmp_path):
    path = tmp_path / "poses.csv"
    rows = "2026-07-01T10:00:00+08:00,120.15,30.25,60,home,,,\n2026-07-01T02:00:01Z,120.15,30.25,60,home,,,\n"
    path.write_text(HEADER.replace("time_s", "time_utc") + rows)
    told = read_poses_csv(path)
    assert told.track.zero_at == datetime(2026, 7, 1, 2, 0, 0, tzinfo=UTC)
    assert told.track.seconds_of(datetime(2026, 7, 1, 2, 0, 0, 500000, tzinfo=UTC)) == 0.5
    assert told.flags == ("bearing_unknown",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEADER, "no row"),
        ("time_s,lon,lat\n", "no column alt_m, alt_datum"),
        (HEADER + "0,120.15,30.25,60,sea,0,0,0\n", "line 2: alt_datum is 'sea'"),
        (HEADER + "0,120.15,abc,60,home,0,0,0\n", "line 2: lat is 'abc'"),
        (HEADER + "0,30.25,120.15,60,home,0,0,0\n", "line 2: lon 30.25, lat 120.15 is no place"),
        (HEADER.replace("time_s", "time_utc") + "2026-07-01 10:00,1,2,3,home,0,0,0\n", "line 2: time_utc has no zone"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(tmp_path, text, words):
    path = tmp_path / "poses.csv"
    path.write_text(text)
    with pytest.raises(InputFileError, match=words):
        read_poses_csv(path)
